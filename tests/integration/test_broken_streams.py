"""A picture whose JPEG stream is broken: asked for once more, and what becomes of what comes then."""

import io
from hashlib import sha256

import pytest
from arrivals import PHOTOS, TIME, Enqueued, arrive, asked_in_vain, photo, pieces_of, run
from PIL import Image
from store_lab import batch_on

from core.clock import now_ms
from core.errors import Transient
from core.store import keys
from core.store.keys import CaptureRef
from core.store.listeners import Heartbeat
from core.wire import Metadata, parse_time
from tasks import pipeline
from tasks.record import record_timeout
from tasks.sweep import sweep_once

NAME = "image_1.jpg"


@pytest.fixture(autouse=True)
def empty(resources):
    resources.store.redis.flushdb()


def broken(number, data=None):
    """The photograph with one kilobyte of zeros."""
    parts = pieces_of(data or photo())
    parts[number] = bytes(len(parts[number]))
    return b"".join(parts)


def send(resources, device, data):
    """Send the chunks that a NACK has asked for, and store what is complete then."""
    batch = batch_on(resources)
    items = [item for pair in enumerate(pieces_of(data)) for item in pair]
    batch.chunks(CaptureRef(device, NAME), now_ms(), items)
    [outcome] = batch.commit()
    assert outcome.status == "complete"
    run(resources, outcome.ref)


def silence(resources, device, milliseconds):
    """Let a device have been silent for so long, and sweep; return what the sweep enqueues."""
    ref, redis = CaptureRef(device, NAME), resources.store.redis
    capture, _, _, due, _ = keys.capture_keys(ref)
    redis.hset(capture, mapping={"last_at": now_ms() - milliseconds})
    redis.hdel(capture, "nacked_at")
    if milliseconds >= 60_000:
        asked_in_vain(resources, ref)
    redis.zadd(due, {str(ref): 0})
    batch = batch_on(resources)
    batch.heard(Heartbeat("fleet", now_ms(), now_ms()))
    batch.commit()
    enqueued = Enqueued()
    sweep_once(resources, enqueued)
    return [call for call in enqueued.calls if call[0] != "record_assembling"]


def asked_for_all(resources, device, ear, data):
    """Sweep after a silence and say whether the device is asked for every chunk."""
    assert silence(resources, device, 5_000) == []
    asked = ear.next()[1]
    return asked["missing_chunks"] == list(range(len(pieces_of(data))))


def row_of(database, device):
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    return row


def codes(database, device):
    errors = database.table("device_errors").select("error_code").eq("device_id", device).execute().data
    return sorted(error["error_code"] for error in errors)


def acknowledged(ear):
    return "ACK_OK" in ear.next()[1]


def test_the_same_bytes_again_are_what_the_camera_made(resources, database, bucket, device, ear):
    data = broken(30)
    run(resources, arrive(resources, device, data))
    assert ear.messages.empty()
    assert asked_for_all(resources, device, ear, data)
    send(resources, device, data)
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"], row["error_code"]) == ("stored", True, None)
    assert row["image_sha256"] == sha256(data).hexdigest()
    assert bucket.download(row["storage_path"]) == data
    assert bucket.download(row["thumbnail_path"]).startswith(b"\xff\xd8")
    assert codes(database, device) == [2208]
    assert resources.store.captures.count() == 0


def test_whole_bytes_take_the_place_of_broken_ones(resources, database, bucket, device, ear):
    run(resources, arrive(resources, device, broken(30)))
    broken_row = row_of(database, device)
    assert (broken_row["ingest_status"], broken_row["damaged"]) == ("stored", True)
    assert bucket.download(broken_row["storage_path"]) == broken(30)
    assert asked_for_all(resources, device, ear, photo())
    send(resources, device, photo())
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", False)
    assert row["image_sha256"] == sha256(photo()).hexdigest()
    assert bucket.download(row["storage_path"]) == photo()
    assert row["capture_id"] == broken_row["capture_id"]
    assert bucket.download(row["thumbnail_path"]) != bucket.download(broken_row["thumbnail_path"])


def test_a_stream_that_breaks_anew_each_time_is_taken_in_the_end(resources, database, bucket, device, ear):
    run(resources, arrive(resources, device, broken(10)))
    for number in (20, 30):
        assert asked_for_all(resources, device, ear, photo())
        assert ear.messages.empty()
        send(resources, device, broken(number))
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", True)
    assert bucket.download(row["storage_path"]) == broken(30)


def test_a_sha256_of_the_device_tells_at_once_that_the_camera_made_it_so(resources, database, device, ear):
    data = broken(30)
    run(resources, arrive(resources, device, data, sha=sha256(data).hexdigest()))
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", True)


@pytest.mark.parametrize("number", range(len(PHOTOS)), ids=[path.stem for path in PHOTOS])
@pytest.mark.parametrize("oddity", ["no end", "zeros for its end", "padding"])
def test_an_odd_picture_is_acknowledged_at_first_sight(
    resources, database, bucket, device, ear, number, oddity
):
    whole = photo(number)
    data = {"no end": whole[:-2], "zeros for its end": whole[:-2] + bytes(2), "padding": whole + bytes(50)}
    run(resources, arrive(resources, device, data[oddity]))
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", False)
    assert bucket.download(row["storage_path"]) == data[oddity]


def test_a_device_that_never_sends_it_again_keeps_it_and_nothing_is_lost(
    resources, database, bucket, device, ear
):
    run(resources, arrive(resources, device, broken(30)))
    assert silence(resources, device, 61_000) == [("record_timeout", CaptureRef(device, NAME))]
    record_timeout.run(device, NAME, "")
    assert ear.messages.empty()
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", True)
    assert bucket.download(row["storage_path"]) == broken(30)
    assert codes(database, device) == [2201, 2208]


@pytest.mark.parametrize("later", ["before its TTL", "after its TTL"])
@pytest.mark.parametrize("second", [photo(), broken(30)], ids=["whole", "the same"])
def test_a_device_that_offers_it_at_a_later_wake_is_not_asked_once_more(
    resources, database, bucket, device, ear, later, second
):
    run(resources, arrive(resources, device, broken(30)))
    silence(resources, device, 61_000)
    record_timeout.run(device, NAME, "")
    if later == "after its TTL":
        resources.store.redis.delete(*keys.capture_keys(CaptureRef(device, NAME))[:2])
    run(resources, arrive(resources, device, second))
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", second != photo())
    assert bucket.download(row["storage_path"]) == second


def test_a_partial_answer_leaves_the_broken_picture_in_its_place(resources, database, bucket, device, ear):
    run(resources, arrive(resources, device, broken(30)))
    batch = batch_on(resources)
    batch.chunks(CaptureRef(device, NAME), now_ms(), [0, pieces_of(photo())[0]])
    batch.commit()
    silence(resources, device, 61_000)
    record_timeout.run(device, NAME, "")
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", True)
    assert bucket.download(row["storage_path"]) == broken(30)


def test_a_second_stream_that_fails_its_checks_leaves_it_too(resources, database, bucket, device, ear):
    run(resources, arrive(resources, device, broken(30)))
    assert asked_for_all(resources, device, ear, photo())
    send(resources, device, photo()[2:] + b"xx")  # of the same size, and no JPEG
    assert ear.messages.empty()
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"]) == ("stored", True)
    assert bucket.download(row["storage_path"]) == broken(30)


def test_a_newer_picture_of_that_name_is_not_asked_for(resources, database, device, ear):
    ref = arrive(resources, device, broken(30))
    batch = batch_on(resources)
    batch.metadata(Metadata(device, None, NAME, parse_time("2025-10-05T00:00:00Z"), 3000, 3), now_ms())
    batch.commit()
    run(resources, ref)
    assert ear.messages.empty()
    row = row_of(database, device)
    assert (row["captured_at"][:10], row["ingest_status"], row["damaged"]) == (TIME[:10], "stored", True)
    assert resources.store.captures.get(ref) is None


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("station", ["_persist_row", "_store_image"])
def test_a_worker_that_dies_before_it_asks_leaves_it_to_the_next(
    resources, database, device, ear, monkeypatch, station, when
):
    ref = arrive(resources, device, broken(30))
    true_station = getattr(pipeline, station)

    def dies(*arguments):
        if when == "after":
            true_station(*arguments)
        raise Transient("the worker stops here")

    claim = resources.store.captures.claim(ref, "first")
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, station, dies)
        with pytest.raises(Transient):
            pipeline.run(resources, claim)
    resources.store.captures.release(claim, 0)
    run(resources, ref)
    assert ear.messages.empty()
    assert row_of(database, device)["damaged"]
    assert asked_for_all(resources, device, ear, photo())
    send(resources, device, photo())
    assert acknowledged(ear)
    assert not row_of(database, device)["damaged"]


def test_what_no_decoder_can_show_is_stored_without_a_thumbnail(resources, database, bucket, device, ear):
    second_frame = b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03" + bytes(9) + b"\xff\xda"
    data = photo().replace(b"\xff\xda", second_frame, 1)
    run(resources, arrive(resources, device, data, sha=sha256(data).hexdigest()))
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"], row["thumbnail_path"]) == ("stored", True, None)
    assert bucket.download(row["storage_path"]) == data


def test_a_progressive_image_is_stored_and_acknowledged_though_nobody_decodes_it(
    resources, database, bucket, device, ear
):
    output = io.BytesIO()
    Image.open(io.BytesIO(photo())).save(output, "JPEG", progressive=True)
    run(resources, arrive(resources, device, output.getvalue()))
    assert acknowledged(ear)
    row = row_of(database, device)
    assert (row["ingest_status"], row["damaged"], row["thumbnail_path"]) == ("stored", False, None)
    assert (row["width"], row["height"]) == Image.open(output).size
    assert bucket.download(row["storage_path"]) == output.getvalue()
