"""A picture that timed out: its exact top is shown, and the whole one takes its place when it comes."""

import io
from hashlib import sha256

import numpy as np
import pytest
import simplejpeg
from arrivals import PHOTOS, TIME, Enqueued, asked_in_vain, photo, pieces_of, run
from chaos_proxy import Fault
from PIL import Image
from store_lab import batch_on

from core.clock import now_ms
from core.errors import Transient
from core.store import keys
from core.store.keys import CaptureRef
from core.store.listeners import Heartbeat
from core.wire import Metadata, parse_time
from tasks import app, partial
from tasks.partial import show, show_partial
from tasks.record import record_timeout
from tasks.sweep import sweep_once

NAME = "image_1.jpg"
LATER = "2026-07-01T12:00:00Z"


@pytest.fixture(autouse=True)
def empty(resources):
    resources.store.redis.flushdb()


def send(resources, device, data, numbers, *, metadata=True, at=None):
    """Send these chunks of a picture, and its metadata; return the outcome."""
    batch, at, parts = batch_on(resources), at or now_ms(), pieces_of(data)
    if metadata:
        batch.metadata(Metadata(device, None, NAME, parse_time(TIME), len(data), len(parts)), at)
    batch.chunks(CaptureRef(device, NAME), at, [item for n in numbers for item in (n, parts[n])])
    batch.heard(Heartbeat("fleet", now_ms(), now_ms()))
    return batch.commit()[-1]


def give_up(resources, device):
    """Let the capture have been silent and asked for in vain; record that it timed out."""
    ref, redis = CaptureRef(device, NAME), resources.store.redis
    capture, _, _, due, _ = keys.capture_keys(ref)
    redis.hset(capture, "last_at", now_ms() - 61_000)
    redis.hdel(capture, "nacked_at")
    asked_in_vain(resources, ref)
    redis.zadd(due, {str(ref): 0})
    enqueued = Enqueued()
    sweep_once(resources, enqueued)
    assert ("record_timeout", ref) in enqueued.calls
    record_timeout.run(*ref)


def show_now(resources):
    resources.store.redis.delete(*resources.store.redis.keys("fleet:lock:*") or ["none"])
    show_partial.run()


def row_of(database, device):
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    return row


def removals(database, bucket, row):
    """Run what removes objects, and say whether those of a row are gone."""
    paths = database.rpc("claim_removals", {}).execute().data
    bucket.remove(paths)
    database.rpc("finish_removals", {"p_paths": paths}).execute()
    return {row["storage_path"], row["thumbnail_path"]} <= set(paths)


def is_its_top(made, data, row):
    whole, drawn, rows = (
        simplejpeg.decode_jpeg(data),
        simplejpeg.decode_jpeg(made, strict=True),
        row["partial_rows"],
    )
    assert drawn.shape == whole.shape == (row["height"], row["width"], 3)
    return 0 < rows < row["height"] and np.array_equal(drawn[:rows], whole[:rows])


def test_the_top_is_shown_exactly_and_the_whole_picture_takes_its_place(
    resources, database, bucket, device, ear
):
    data = photo()
    total = len(pieces_of(data))
    hole = total // 2
    send(resources, device, data, [number for number in range(total) if number not in (hole, hole + 3)])
    give_up(resources, device)
    assert row_of(database, device)["ingest_status"] == "failed"
    show_now(resources)
    row = row_of(database, device)
    assert (row["ingest_status"], row["error_code"]) == ("partial", 2201)
    assert (row["stored_at"], row["image_sha256"], row["health"]) == (None, None, None)
    made = bucket.download(row["storage_path"])
    assert len(made) == row["image_bytes"]
    assert is_its_top(made, data, row)
    thumbnail = Image.open(io.BytesIO(bucket.download(row["thumbnail_path"])))
    assert thumbnail.width / thumbnail.height == pytest.approx(row["width"] / row["height"], abs=0.01)
    assert resources.store.captures.partial(10) == []
    assert ear.messages.empty(), "nothing of it is acknowledged"

    outcome = send(resources, device, data, [hole, hole + 3], metadata=False)
    assert outcome.status == "complete"
    run(resources, outcome.ref)
    assert "ACK_OK" in ear.next()[1]
    stored = row_of(database, device)
    assert (stored["capture_id"], stored["ingest_status"], stored["error_code"]) == (
        row["capture_id"],
        "stored",
        None,
    )
    assert (stored["partial_rows"], stored["image_sha256"]) == (None, sha256(data).hexdigest())
    assert bucket.download(stored["storage_path"]) == data
    assert stored["storage_path"].endswith(f"/{NAME}"), "the plain name was left to it"
    assert removals(database, bucket, row)
    assert bucket.download(stored["thumbnail_path"]).startswith(b"\xff\xd8")


def test_the_whole_picture_takes_its_place_also_when_its_chunks_are_gone(
    resources, database, bucket, device, ear
):
    data = photo(1)
    send(resources, device, data, range(30))
    give_up(resources, device)
    show_now(resources)
    row = row_of(database, device)
    resources.store.redis.flushdb()
    outcome = send(resources, device, data, range(len(pieces_of(data))))
    run(resources, outcome.ref)
    stored = row_of(database, device)
    assert (stored["capture_id"], stored["ingest_status"]) == (row["capture_id"], "stored")
    assert bucket.download(stored["storage_path"]) == data
    assert removals(database, bucket, row)


def test_more_of_it_is_shown_when_more_has_come_and_never_less(resources, database, bucket, device):
    data, shown = photo(), []
    for chunks in (20, 30):
        send(resources, device, data, range(chunks))
        give_up(resources, device)
        show_now(resources)
        shown.append(row_of(database, device))
    assert shown[0]["partial_rows"] < shown[1]["partial_rows"]
    assert is_its_top(bucket.download(shown[1]["storage_path"]), data, shown[1])
    assert removals(database, bucket, shown[0])
    resources.store.redis.flushdb()
    send(resources, device, data, range(10))
    give_up(resources, device)
    show_now(resources)
    again = row_of(database, device)
    told = {"updated_at": None, "story": None}
    assert again | told == shown[1] | told
    assert len(database.rpc("claim_removals", {}).execute().data) == 2, "what was uploaded for nothing goes"


@pytest.mark.parametrize("numbers", [[1, 2, 3], [0]])
def test_without_its_first_rows_it_stays_failed(resources, database, device, numbers):
    send(resources, device, photo(), numbers)
    give_up(resources, device)
    show_now(resources)
    row = row_of(database, device)
    assert (row["ingest_status"], row["storage_path"], row["partial_rows"]) == ("failed", None, None)
    assert resources.store.captures.partial(10) == []


def test_a_picture_whose_metadata_never_came_is_shown_too(resources, database, bucket, device):
    data = photo()
    send(resources, device, data, range(30), metadata=False)
    give_up(resources, device)
    show_now(resources)
    row = row_of(database, device)
    assert (row["ingest_status"], row["captured_at_source"]) == ("partial", "arrival")
    assert is_its_top(bucket.download(row["storage_path"]), data, row)


def test_what_arrives_again_is_left_alone_until_it_has_timed_out_again(resources, database, device):
    data = photo()
    send(resources, device, data, range(30))
    give_up(resources, device)
    [(ref, at_ms)] = resources.store.captures.partial(10)
    send(resources, device, data, [30, 31], metadata=False)
    show_now(resources)
    assert row_of(database, device)["ingest_status"] == "failed"
    give_up(resources, device)
    [(_, later_ms)] = resources.store.captures.partial(10)
    resources.store.captures.settle_partial(ref, at_ms)
    assert resources.store.captures.partial(10) == [(ref, later_ms)], "there is more to show by now"


def test_a_picture_that_was_stored_meanwhile_stays_whole(resources, database, bucket, device, monkeypatch):
    """The rest comes, and is stored, while the top is being uploaded."""
    data = photo()
    send(resources, device, data, range(30))
    give_up(resources, device)
    upload = partial.upload

    def slowly(*arguments):
        path = upload(*arguments)
        outcome = send(resources, device, data, range(30, len(pieces_of(data))), metadata=False)
        if outcome.status == "complete":
            run(resources, outcome.ref)
        return path

    monkeypatch.setattr(partial, "upload", slowly)
    show_now(resources)
    row = row_of(database, device)
    assert (row["ingest_status"], row["partial_rows"], row["error_code"]) == ("stored", None, None)
    assert bucket.download(row["storage_path"]) == data
    gone = database.rpc("claim_removals", {}).execute().data
    assert len(gone) == 2
    assert not {row["storage_path"], row["thumbnail_path"]} & set(gone)


def test_the_top_of_another_picture_of_that_name_is_not_shown_for_it(
    resources, database, device, monkeypatch
):
    """The next picture of its name begins between the two looks into Redis."""
    send(resources, device, photo(), range(30))
    give_up(resources, device)
    captures, left = type(resources.store.captures), [photo(1)]

    def followed_by_another(look):
        def looked(self, ref):
            seen = look(self, ref)
            while left:
                other = left.pop()
                metadata = Metadata(device, None, NAME, parse_time(LATER), len(other), len(pieces_of(other)))
                batch = batch_on(resources)
                batch.metadata(metadata, now_ms())
                batch.commit()
                send(resources, device, other, range(30), metadata=False)
            return seen

        return looked

    for name in ("get", "chunks"):
        monkeypatch.setattr(captures, name, followed_by_another(getattr(captures, name)))
    show(resources, CaptureRef(device, NAME))
    assert left == []
    row = row_of(database, device)
    assert (row["ingest_status"], row["storage_path"]) == ("failed", None)


@pytest.mark.parametrize("step", ["captures", "thumbnails", "record"])
def test_a_run_that_ends_in_the_middle_is_repeated(resources, database, device, monkeypatch, step):
    send(resources, device, photo(), range(30))
    give_up(resources, device)
    ends = {"captures": "upload", "thumbnails": "upload", "record": "persist"}[step]
    real = getattr(partial, ends)

    def killed(*arguments, **named):
        done = real(*arguments, **named)
        if step == "record" or arguments[1] == step:
            raise KeyboardInterrupt
        return done

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(partial, ends, killed)
        show_now(resources)
    show_now(resources)
    row = row_of(database, device)
    assert row["ingest_status"] == "partial"
    assert resources.store.captures.partial(10) == []
    show(resources, CaptureRef(device, NAME))  # not even then
    assert database.rpc("claim_removals", {}).execute().data == []


def test_while_storage_is_away_it_waits(behind, proxy, database, device):
    send(behind, device, photo(), range(30))
    give_up(behind, device)
    proxy.set(Fault("answer", 503))
    with pytest.raises(Transient):
        show(behind, CaptureRef(device, NAME))
    show_now(behind)
    assert len(behind.store.captures.partial(10)) == 1
    proxy.set(None)
    show_now(behind)
    assert row_of(database, device)["ingest_status"] == "partial"


def test_more_than_one_run_can_show_are_shown_by_the_next(resources, database, device, monkeypatch):
    monkeypatch.setattr(partial, "AT_MOST", 1)
    devices = [f"{device}N{number}" for number in range(2)]
    for name in devices:
        send(resources, name, photo(), range(30))
        give_up(resources, name)
    for left in (1, 0):
        show_now(app.resources)
        assert len(resources.store.captures.partial(10)) == left
    assert {row_of(database, name)["ingest_status"] for name in devices} == {"partial"}
    assert len(PHOTOS) > 1
