"""What of a capture stands in its row, and what a report beside a picture leaves alone."""

from datetime import UTC, datetime, timedelta

from arrivals import SENSORS, TIME, photo, pieces_of, run
from store_lab import batch_on

from core.clock import now_ms, to_datetime
from core.store.keys import CaptureRef
from core.wire import Metadata, parse_time
from tasks.stations.persist import capture_row, persist

NAME = "image_1.jpg"


def rows(database, device, table="captures"):
    return database.table(table).select("*").eq("device_id", device).order("created_at").execute().data


def describe(resources, device, **fields):
    batch = batch_on(resources)
    batch.metadata(Metadata(device, None, NAME, **fields), now_ms())
    return batch.commit()[-1]


def send(resources, device, pieces):
    batch = batch_on(resources)
    batch.chunks(CaptureRef(device, NAME), now_ms(), [item for pair in pieces for item in pair])
    return batch.commit()[-1]


def test_a_row_holds_all_that_device_and_service_know_of_a_capture(resources, database, device):
    pieces = list(enumerate(pieces_of(photo())))
    said = {"image_id": "cam-7/1", "location": "roof", "firmware_version": "2.1.0"}
    begun = now_ms()
    describe(
        resources, device, captured_at=parse_time(TIME), total_chunks=len(pieces), raw=b'{"note":"x"}', **said
    )
    send(resources, device, pieces[1:])
    silence = now_ms() + resources.settings.retransmit_delay_ms
    assert resources.store.captures.review(CaptureRef(device, NAME), silence, silence).missing == [0]
    run(resources, send(resources, device, pieces[:1]).ref)
    [row] = rows(database, device)
    assert (row["device_image_id"], row["location"], row["firmware_version"]) == tuple(said.values())
    assert (row["nacks_sent"], row["metadata"]) == (1, {"note": "x"})
    [known] = rows(database, device, "devices")
    assert (known["reported_location"], known["firmware_version"]) == ("roof", "2.1.0")
    # The device was seen when the first message came, not when the row was written.
    seen = datetime.fromisoformat(known["last_seen_at"])
    assert abs(seen - to_datetime(begun)) < timedelta(seconds=1)
    assert seen < datetime.fromisoformat(row["created_at"])


def test_a_report_beside_a_picture_whose_row_has_no_time_yet_leaves_that_row(resources, database, device):
    describe(resources, device, total_chunks=3, image_bytes=3000)
    arriving = resources.store.captures.get(CaptureRef(device, NAME))
    resources.supabase.call("record_assembling", p_captures=[capture_row(arriving)])
    run(resources, describe(resources, device, captured_at=parse_time(TIME), error="3", sensors=SENSORS).ref)
    picture, report = rows(database, device)
    assert picture["image_bytes"] == 3000
    assert (picture["ingest_status"], report["ingest_status"]) == ("assembling", "failed")


def test_the_next_wake_is_counted_from_the_time_that_is_given(resources, database, device):
    database.table("devices").upsert({"device_id": device}).execute()
    database.table("device_configs").insert({"device_id": device, "captures_per_day": 24}).execute()
    outcome = describe(resources, device, captured_at=parse_time(TIME), error="3")
    capture = resources.store.captures.get(outcome.ref)
    ahead = now_ms() + 10 * 86_400_000
    answer = persist(resources.supabase, capture, "failed", ahead)
    wake = datetime.fromisoformat(answer["next_wake_at"]).astimezone(UTC)
    assert timedelta() < wake - to_datetime(ahead) < timedelta(hours=3)
