"""The sweep and the tasks it starts: ask, give up, enqueue again, announce."""

import pytest
from arrivals import Enqueued, asked_in_vain, photo, run
from celery import Celery
from store_lab import batch_on

from core import dispatch
from core.clock import now_ms
from core.dispatch import Dispatcher, make_app
from core.errors import Transient
from core.store import memory
from core.store.devices import Hello
from core.store.keys import CaptureRef
from core.store.listeners import Heartbeat
from core.wire import Metadata, Status, parse_time
from local.ports import free_port
from tasks.record import fail_stale, record_assembling, record_timeout
from tasks.sweep import ASIDE_AT_MOST, sweep_once


@pytest.fixture(autouse=True)
def empty(resources):
    resources.store.redis.flushdb()


def begin(resources, device, total=4, held=(1,), age_ms=0):
    """Let a capture begin `age_ms` ago, with all listeners up to date."""
    ref, then = CaptureRef(device, "image_1.jpg"), now_ms() - age_ms
    batch = batch_on(resources)
    batch.metadata(
        Metadata(device, None, ref.image_name, parse_time("2025-10-04T12:00:00Z"), 4000, total), then
    )
    batch.chunks(ref, then, [item for number in held for item in (number, b"x")])
    batch.heard(Heartbeat("fleet", now_ms(), now_ms()))
    return ref, batch.commit()[-1]


def sweep(resources):
    enqueued = Enqueued()
    sweep_once(resources, enqueued)
    return enqueued.calls


def test_missing_chunks_are_asked_for(resources, device, ear):
    begin(resources, device, age_ms=5_000)
    calls = sweep(resources)
    assert ear.next() == (
        f"ESP32CAM/{device}/ack",
        {"device_id": device, "image_name": "image_1.jpg", "missing_chunks": [0, 2, 3]},
    )
    assert [call[0] for call in calls] == ["record_assembling"]
    assert sweep(resources) == []


def test_they_are_asked_for_also_while_nothing_can_be_enqueued(resources, device, ear):
    begin(resources, device, age_ms=5_000)
    batch = batch_on(resources)
    batch.hello(Hello.of(Status(device, None, "alive", raw=b"{}"), now_ms() - 60_000))
    batch.commit()
    away = make_app(Celery)
    away.conf.broker_url = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(Transient, match="Celery's broker"):
        sweep_once(resources, Dispatcher(away, now_ms))
    topic, message = ear.next()
    assert (topic, message["missing_chunks"]) == (f"ESP32CAM/{device}/ack", [0, 2, 3])


def test_a_capture_still_arriving_stands_as_assembling(resources, database, device):
    begin(resources, device, age_ms=5_000)
    [(_, captures)] = sweep(resources)
    record_assembling.run(captures)
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    assert (row["ingest_status"], row["total_chunks"]) == ("assembling", 4)


def test_a_late_announcement_of_a_stored_capture_leaves_no_row(resources, database, device):
    ref = CaptureRef(device, "image_1.jpg")
    batch = batch_on(resources)
    batch.metadata(Metadata(device, None, ref.image_name, None, len(photo()), 2), now_ms() - 5_000)
    batch.chunks(ref, now_ms() - 5_000, [0, photo()[:1024]])
    batch.heard(Heartbeat("fleet", now_ms(), now_ms()))
    batch.commit()
    calls = sweep(resources)
    # The capture time comes only now, and with it the key of the row that will be stored.
    batch = batch_on(resources)
    time = parse_time("2025-10-04T12:00:00Z")
    batch.metadata(Metadata(device, None, ref.image_name, time, len(photo()), 2), now_ms())
    batch.chunks(ref, now_ms(), [1, photo()[1024:]])
    run(resources, batch.commit()[-1].ref)
    for _, announced in calls:
        record_assembling.run(announced)
    rows = database.table("captures").select("ingest_status").eq("device_id", device).execute().data
    assert rows == [{"ingest_status": "stored"}]


def test_what_timed_out_is_failed_until_it_comes_back(resources, database, device):
    ref, _ = begin(resources, device, age_ms=61_000)
    asked_in_vain(resources, ref)
    assert ("record_timeout", ref) in sweep(resources)
    record_timeout.run(*ref)
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    assert (row["ingest_status"], row["error_code"]) == ("failed", 2201)
    assert resources.store.captures.chunks(ref) == {1: b"x"}
    assert resources.store.captures.due(now_ms() + 10**9, 10) == []
    _, outcome = begin(resources, device, held=(0, 2, 3))
    assert outcome.status == "complete"
    assert set(resources.store.captures.chunks(outcome.ref)) == {0, 1, 2, 3}


def test_chunks_without_any_metadata_time_out_too(resources, database, device):
    ref = CaptureRef(device, "image_1.jpg")
    batch = batch_on(resources)
    batch.chunks(ref, now_ms() - 61_000, [0, b"x"])
    batch.heard(Heartbeat("fleet", now_ms(), now_ms()))
    batch.commit()
    assert sweep(resources) == [("record_timeout", ref)]
    record_timeout.run(*ref)
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    assert (row["ingest_status"], row["captured_at_source"]) == ("failed", "arrival")


def test_a_complete_capture_nobody_took_is_enqueued_again(resources, device):
    begin(resources, device, held=(0, 1, 2, 3), age_ms=11_000)
    [(name, ref)] = sweep(resources)
    assert (name, ref.device_id) == ("store_capture", device)
    assert ref.seal


def test_a_row_that_nobody_assembles_any_more_is_failed(resources, database, device):
    database.table("devices").insert({"device_id": device}).execute()
    row = {"device_id": device, "device_capture_id": "i.jpg", "captured_at": "2025-10-04T12:00:00Z"}
    database.table("captures").insert(
        {**row, "ingest_status": "assembling", "updated_at": "2025-10-04T12:00:01Z"}
    ).execute()
    fail_stale.run()
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    assert (row["ingest_status"], row["error_code"]) == ("failed", 2201)


@pytest.mark.parametrize(("share", "stays"), [(memory.DROP_FROM - 0.01, True), (memory.DROP_FROM, False)])
def test_what_has_failed_makes_room_before_chunks_are_turned_away(
    resources, device, monkeypatch, share, stays
):
    ref, _ = begin(resources, device, age_ms=200_000)
    asked_in_vain(resources, ref)
    assert ("record_timeout", ref) in sweep(resources)
    record_timeout.run(*ref)
    monkeypatch.setattr(memory, "fullness", lambda *_: share)
    sweep(resources)
    assert (resources.store.captures.get(ref) is not None) is stays


@pytest.mark.parametrize("name", dispatch.ASIDE)
def test_a_queue_that_no_worker_serves_does_not_grow_for_ever(resources, name, caplog):
    broker = resources.broker
    broker.delete(name)
    for number in range(ASIDE_AT_MOST):
        broker.lpush(name, f'{{"number": {number}}}')
    sweep(resources)
    assert broker.llen(name) == ASIDE_AT_MOST
    assert "does a worker serve it" not in caplog.text
    broker.lpush(name, '{"number": "last"}')
    sweep(resources)
    assert broker.llen(name) == ASIDE_AT_MOST // 2
    assert broker.lindex(name, 0) == b'{"number": "last"}', "the newest stay"
    assert f"wait in the queue {name}: does a worker serve it?" in caplog.text
    broker.delete(name)
