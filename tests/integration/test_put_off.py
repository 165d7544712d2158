"""Tasks that find Supabase away: each is done later, or says that it need not be."""

import logging

import pytest
from arrivals import Enqueued, asked_in_vain, photo, pieces_of
from chaos_proxy import Fault
from store_lab import batch_on

from core.clock import now_ms
from core.errors import Transient
from core.store import keys
from core.store.capture import State
from core.store.devices import Hello
from core.store.keys import CaptureRef
from core.store.listeners import Heartbeat
from core.wire import Metadata, Status, parse_time
from tasks import app
from tasks.hello import record_hello
from tasks.home_assistant import press_button
from tasks.record import record_assembling, record_timeout
from tasks.sweep import sweep_once

AWAY, THERE = Fault("answer", 503), None
TIME = "2025-10-04T12:34:56Z"


def rows_of(database, table, device):
    return database.table(table).select("*").eq("device_id", device).execute().data


def test_a_capture_that_timed_out_is_recorded_by_a_later_sweep(behind, proxy, database, device):
    ref, redis, parts = CaptureRef(device, "image_1.jpg"), behind.store.redis, pieces_of(photo())
    batch = batch_on(behind)
    batch.metadata(
        Metadata(device, None, ref.image_name, parse_time(TIME), len(photo()), len(parts)), now_ms()
    )
    batch.chunks(ref, now_ms(), [0, parts[0]])
    batch.heard(Heartbeat("fleet", now_ms(), now_ms()))
    batch.commit()
    capture, _, _, due, _ = keys.capture_keys(ref)
    redis.hset(capture, "last_at", now_ms() - 61_000)
    asked_in_vain(behind, ref)
    redis.zadd(due, {str(ref): 0})
    enqueued = Enqueued()
    sweep_once(behind, enqueued)
    assert ("record_timeout", ref) in enqueued.calls
    proxy.set(AWAY)
    record_timeout.run(*ref)
    assert behind.store.captures.get(ref).state is State.TIMED_OUT
    assert rows_of(database, "captures", device) == []
    proxy.set(THERE)
    redis.zadd(due, {str(ref): 0}, xx=True)
    sweep_once(behind, again := Enqueued())
    assert ("record_timeout", ref) in again.calls
    record_timeout.run(*ref)
    [row] = rows_of(database, "captures", device)
    assert (row["ingest_status"], row["error_code"]) == ("failed", 2201)
    assert redis.zscore(due, str(ref)) is None


def test_rows_that_only_show_that_something_arrives_are_let_go(behind, proxy, caplog):
    proxy.set(AWAY)
    with caplog.at_level(logging.WARNING):
        record_assembling.run([{"device_id": "D"}, {"device_id": "E"}])
    assert "2 captures not shown as assembling" in caplog.text


def test_a_hello_is_recorded_by_the_next_try(behind, proxy, database, device):
    status = Status(device, None, "Alive", 0, (), raw=b'{"status":"Alive"}')
    told = Hello.of(status, now_ms()).to_json()
    proxy.set(AWAY)
    with pytest.raises(Transient):  # in a worker: Celery's Retry
        record_hello.run(told)
    assert rows_of(database, "device_status", device) == []
    proxy.set(THERE)
    record_hello.run(told)
    assert len(rows_of(database, "device_status", device)) == 1


def test_a_button_that_could_not_be_pressed_is_pressed_by_the_next_try(behind, proxy, monkeypatch, device):
    settings = behind.settings.model_copy(update={"home_assistant_prefix": "homeassistant"})
    monkeypatch.setattr(app, "resources", behind._replace(settings=settings))
    proxy.set(AWAY)
    with pytest.raises(Transient):
        press_button.run("00000000-0000-0000-0000-000000000000", device)
