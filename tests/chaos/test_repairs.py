"""The protocol's repairs, as a device sees them: on the real processes, over the wire.

They wait for silences most of the time, so all begin at once and each test waits for its own.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from chaos_ledger import objects_of, rows_of
from chaos_wire import Picture, photograph
from store_lab import StoreLab

from core.store.keys import CaptureRef

DELAY_S = 2.0
INCOMPLETE = ("failed", "partial")  # a moment later what came of it is shown
SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__] = function
    return function


class Lab:
    """A device of one scenario, with the database to look into."""

    def __init__(self, rig, name, seed):
        self.rig = rig
        self.rng = Random(f"{seed}/{name}")
        self.http = rig.http()
        self.device_id = "".join(filter(str.isalnum, name)).upper()[:24]
        self.wire = rig.wire(self.device_id)

    def picture(self, name="image_1.jpg", **options):
        return Picture(name, photograph(self.rng), **options)

    def rows(self):
        return sorted(rows_of(self.http, self.device_id), key=lambda row: row["captured_at"])

    def row(self, *statuses, timeout=20):
        """Wait for a row of one of these statuses."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            found = [row for row in self.rows() if row["ingest_status"] in statuses]
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no {' or '.join(statuses)} row: {self.rows()}")

    def errors(self):
        """Codes of the errors of this device."""
        asked = {"device_id": f"eq.{self.device_id}", "select": "error_code"}
        return [error["error_code"] for error in self.http.get("/rest/v1/device_errors", params=asked).json()]

    def writes(self, image="image_1.jpg"):
        """Requests that write something of this device's images."""
        wanted = self.device_id.encode()
        return [path for path, body in self.rig.supabase.requests if wanted in path.encode() + body and (
            "/object/gxp-captures" in path or "record_capture" in path
        )]  # fmt: skip

    def close(self):
        self.wire.close()
        self.http.close()


@scenario
def missing_chunks_are_asked_for_after_silence(lab):
    picture = lab.picture()
    last = len(picture.chunks) - 1
    lab.wire.describe(picture)
    for number in range(4):  # never a silence as long as the delay
        lab.wire.send(picture, number % 2 * last)
        time.sleep(0.7 * DELAY_S)
    assert lab.wire.nacks(picture.name) == []
    ended = time.monotonic()
    lab.wire.send(picture, 0)
    assert lab.wire.wait(lambda: lab.wire.nacks(picture.name))
    at, missing = lab.wire.nacks(picture.name)[0]
    assert at - ended >= DELAY_S - 0.1
    assert missing == [number for number in range(len(picture.chunks)) if number not in (0, last)]
    lab.wire.send(picture, *missing)
    lab.wire.wait_ack(picture.name)
    assert len(lab.wire.nacks(picture.name)) == 1


@scenario
def what_times_out_is_failed_and_finished_when_the_rest_comes(lab):
    picture = lab.picture()
    lab.wire.describe(picture)
    lab.wire.send(picture, 0, 1)
    assert lab.row(*INCOMPLETE, timeout=40)["error_code"] == 2201
    times = [at for at, _ in lab.wire.nacks(picture.name)]
    assert len(times) == 3
    assert min(later - earlier for earlier, later in pairwise(times)) >= DELAY_S - 0.1
    lab.wire.send(picture, *range(2, len(picture.chunks)))
    lab.wire.wait_ack(picture.name)
    [row] = lab.rows()
    assert (row["ingest_status"], row["image_sha256"], row["error_code"]) == ("stored", picture.sha256, None)


@scenario
def chunks_may_come_before_metadata_and_empty_repeats_cost_nothing(lab):
    picture = lab.picture()
    lab.wire.send(picture)
    lab.wire.describe(picture)
    lab.wire.wait_ack(picture.name)
    written = len(lab.writes())
    for number in range(50):
        empty = {name: None if number % 2 else "" for name in picture.metadata if name != "image_name"}
        lab.wire.describe(picture, **empty)
    second = lab.picture("image_2.jpg")
    lab.wire.describe(second)
    for _ in range(50):
        lab.wire.describe(second, **{name: "" for name in second.metadata if name != "image_name"})
    lab.wire.send(second)
    lab.wire.wait_ack(second.name)
    assert len(lab.writes()) == 2 * written, lab.writes()
    assert {row["location"] for row in lab.rows()} == {"lab"}
    readings = lab.http.get("/rest/v1/sensor_readings", params={"device_id": f"eq.{lab.device_id}"}).json()
    assert [reading["temperature_c"] for reading in readings] == [21.5, 21.5]


@scenario
def a_lost_ack_is_sent_again_without_work(lab):
    picture = lab.picture()
    lab.wire.offer(picture)
    lab.wire.wait_ack(picture.name)
    written = len(lab.writes())
    time.sleep(1.5 * DELAY_S)  # repeats within one silence are late messages, not a device that asks
    lab.wire.describe(picture)
    lab.wire.wait_ack(picture.name, 2)
    time.sleep(1.5 * DELAY_S)
    lab.wire.send(picture)
    lab.wire.wait_ack(picture.name, 3)
    assert len(lab.writes()) == written
    assert len(lab.rows()) == 1


@scenario
def a_name_used_again_afterwards_is_another_capture(lab):
    first = lab.picture()
    lab.wire.offer(first)
    lab.wire.wait_ack(first.name)
    time.sleep(1.5 * DELAY_S)
    second = lab.picture(taken=first.taken + timedelta(seconds=3))
    # Chunks first: an ACK now would make the device delete an image that nobody has.
    lab.wire.send(second, *range(1, len(second.chunks)))
    time.sleep(1.5 * DELAY_S)
    assert len(lab.wire.acks(first.name)) == 1
    lab.wire.describe(second)
    lab.wire.send(second, 0)
    # Both begin with the same header, which may be a late repeat of the first: it is asked for.
    if lab.wire.wait(lambda: lab.wire.nacks(second.name) or len(lab.wire.acks(second.name)) > 1):
        for _, missing in lab.wire.nacks(second.name)[:1]:
            lab.wire.send(second, *missing)
    lab.wire.wait_ack(second.name, 2)
    assert [row["image_sha256"] for row in lab.rows()] == [first.sha256, second.sha256]
    assert len({row["storage_path"] for row in lab.rows()}) == 2


@scenario
def a_name_used_again_while_the_first_still_lacks_chunks(lab):
    first = lab.picture()
    lab.wire.describe(first)
    lab.wire.send(first, 0, 1)
    second = lab.picture(taken=first.taken + timedelta(seconds=3))
    lab.wire.offer(second)
    lab.wire.wait_ack(second.name)
    assert lab.row("stored")["image_sha256"] == second.sha256
    assert datetime.fromisoformat(lab.row(*INCOMPLETE)["captured_at"]) == first.taken
    assert len(lab.wire.acks(first.name)) == 1


@scenario
def two_devices_may_use_one_name(lab):
    other = lab.rig.wire(f"{lab.device_id}B")
    mine, theirs = lab.picture(), lab.picture()
    for number in range(max(len(mine.chunks), len(theirs.chunks))):
        for wire, picture in ((lab.wire, mine), (other, theirs)):
            if number < len(picture.chunks):
                wire.send(picture, number)
    lab.wire.describe(mine)
    other.describe(theirs)
    lab.wire.wait_ack(mine.name)
    other.wait_ack(theirs.name)
    assert lab.row("stored")["image_sha256"] == mine.sha256
    assert rows_of(lab.http, other.device_id)[0]["image_sha256"] == theirs.sha256
    other.close()


@scenario
def a_device_cannot_write_under_anothers_path(lab):
    picture = lab.picture(device_id="ANOTHERDEVICE", image_id="../ANOTHERDEVICE/x")
    lab.wire.describe(picture, device_id="ANOTHERDEVICE")
    lab.wire.send(picture)
    lab.wire.wait_ack(picture.name)
    assert lab.row("stored")["storage_path"].startswith(f"captures/{lab.device_id}/")
    assert rows_of(lab.http, "ANOTHERDEVICE") == []


@scenario
def a_clock_of_1970_is_not_believed(lab):
    picture = lab.picture(taken=datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    lab.wire.offer(picture)
    lab.wire.wait_ack(picture.name)
    row = lab.row("stored")
    assert row["captured_at_source"] == "arrival"
    assert datetime.fromisoformat(row["captured_at"]) > datetime.now(UTC) - timedelta(minutes=5)


@scenario
def a_backlog_of_days_keeps_its_capture_times(lab):
    pictures = [
        lab.picture(f"image_{day}.jpg", taken=datetime.now(UTC) - timedelta(days=day))
        for day in range(5, 0, -1)
    ]
    for picture in pictures:
        lab.wire.offer(picture)
    for picture in pictures:
        lab.wire.wait_ack(picture.name)
    for row, picture in zip(lab.rows(), pictures, strict=True):
        assert row["storage_path"] == f"captures/{lab.device_id}/{picture.taken:%Y/%m/%d}/{picture.name}"


def _broken(lab, code, **wrong):
    good = lab.picture()
    bad = Picture(good.name, wrong.pop("data", good.data), taken=good.taken, **wrong)
    lab.wire.offer(bad)
    assert lab.row("failed")["error_code"] == code
    kept = list(objects_of(lab.http, lab.device_id, "quarantine"))
    assert len(kept) == 1
    assert lab.wire.acks(good.name) == []
    time.sleep(DELAY_S)  # the row is written a moment before the capture is closed
    lab.wire.offer(good)
    lab.wire.wait_ack(good.name)
    assert lab.row("stored")["image_sha256"] == good.sha256


@scenario
def a_wrong_size_is_quarantined_until_a_good_resend(lab):
    _broken(lab, 2202, image_size=999)


@scenario
def a_broken_jpeg_is_quarantined_until_a_good_resend(lab):
    _broken(lab, 2203, data=b"\0\0" + photograph(lab.rng)[2:])


def _offer_broken(lab):
    """Offer a picture whose end is lost in zeros, and wait until it is asked for as a whole."""
    whole = lab.picture()
    broken = Picture(whole.name, whole.data[:-300] + bytes(300), taken=whole.taken)
    lab.wire.offer(broken)
    assert lab.wire.wait(lambda: lab.wire.nacks(whole.name))
    assert [missing for _, missing in lab.wire.nacks(whole.name)] == [list(range(len(whole.chunks)))]
    assert lab.wire.acks(whole.name) == []
    return whole, broken


@scenario
def a_broken_stream_is_asked_for_once_more_and_the_whole_one_wins(lab):
    whole, broken = _offer_broken(lab)
    assert lab.row("stored")["image_sha256"] == broken.sha256
    lab.wire.send(whole)
    lab.wire.wait_ack(whole.name)
    [row] = lab.rows()
    assert (row["ingest_status"], row["damaged"], row["image_sha256"]) == ("stored", False, whole.sha256)


@scenario
def the_same_broken_stream_again_is_what_the_camera_made(lab):
    _, broken = _offer_broken(lab)
    lab.wire.send(broken)
    lab.wire.wait_ack(broken.name)
    [row] = lab.rows()
    assert (row["ingest_status"], row["damaged"], row["image_sha256"]) == ("stored", True, broken.sha256)


@scenario
def a_broken_stream_that_does_not_come_again_is_kept_until_the_next_offer(lab):
    whole, broken = _offer_broken(lab)
    deadline = time.monotonic() + 40
    while 2201 not in lab.errors() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert 2201 in lab.errors()
    assert lab.wire.acks(whole.name) == []
    assert lab.row("stored")["image_sha256"] == broken.sha256
    lab.wire.offer(whole)
    lab.wire.wait_ack(whole.name)
    [row] = lab.rows()
    assert (row["damaged"], row["image_sha256"]) == (False, whole.sha256)


@scenario
def a_wrong_checksum_is_quarantined_until_a_good_resend(lab):
    _broken(lab, 2207, image_sha256="ab" * 32)


@scenario
def a_task_that_was_never_sent_is_found_by_the_sweep(lab):
    picture = lab.picture()
    store = StoreLab(lab.rig.redis, retransmit_delay_ms=2000, capture_timeout_ms=12000)
    lab.wire.describe(picture)
    lab.wire.send(picture, *range(1, len(picture.chunks)))
    # The listener's own step to completion, by a process that dies right after it.
    ref = CaptureRef(lab.device_id, picture.name)
    deadline = time.monotonic() + 10
    while len(store.captures.chunks(ref)) < len(picture.chunks) - 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    batch = store.batch()
    batch.chunks(ref, store.now(), [0, picture.chunks[0]])
    [outcome] = batch.commit()
    assert outcome.status == "complete"
    began = time.monotonic()
    lab.wire.wait_ack(picture.name)
    assert time.monotonic() - began < 30
    assert lab.row("stored")["image_sha256"] == picture.sha256


@pytest.fixture(scope="module")
def running(rig, seed):
    # The first writes of the embedded Supabase may take longer than the service waits: then it rightly tries
    # again, and the scenarios count requests.
    first = Lab(rig, "first", seed)
    picture = first.picture()
    first.wire.offer(picture)
    first.wire.wait_ack(picture.name)
    first.close()
    labs = {name: Lab(rig, name, seed) for name in SCENARIOS}
    with ThreadPoolExecutor(len(labs)) as pool:
        yield {name: pool.submit(SCENARIOS[name], lab) for name, lab in labs.items()}
    for lab in labs.values():
        lab.close()


@pytest.mark.parametrize("name", SCENARIOS)
def test_repair(running, name):
    running[name].result(timeout=90)
