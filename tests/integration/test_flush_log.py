"""The way of the message log and the errors from Redis to the database."""

import math
import threading
from collections import Counter
from contextlib import suppress

import pytest
from supabase_server import SupabaseServer

from core import wire
from core.clock import now_ms
from core.errors import Transient
from core.rate_limit import MINUTE_MS
from core.store import keys
from core.store.streams import (
    BATCH_BYTES,
    ROWS_PER_MINUTE,
    append_commands,
    error_entry,
    message_entry,
)
from tasks import flush_log as flush_module
from tasks.flush_log import MOST_BYTES, MOST_REFUSED, SUSPECTS, flush_once
from tasks.flush_log import flush_log as task


@pytest.fixture(autouse=True)
def empty(resources, monkeypatch):
    resources.store.redis.flushdb()
    monkeypatch.setattr(flush_module, "portion", flush_module.Portion())
    monkeypatch.setattr(flush_module, "strikes", Counter())


@pytest.fixture
def server():
    """A database that takes what it is told to take."""
    server = SupabaseServer()
    yield server
    server.close()


@pytest.fixture
def on_server(resources, server):
    """The worker's resources, with `server` as its project."""
    with server.gateway(timeout_s=0.5) as gateway:
        yield resources._replace(supabase=gateway)


def message(device, **fields):
    payload = {"image_name": "i.jpg", "chunks": 7} | fields
    return message_entry(device, f"ESP32CAM/{device}/data", "in", payload, now_ms())


def error(device, text="not JSON"):
    return error_entry(device, 2101, text, {}, now_ms())


def logged(database, device):
    return database.table("device_publish_log").select("*").eq("device_id", device).execute().data


def test_messages_and_errors_reach_the_database_once(resources, database, device, monkeypatch):
    streams = resources.store.streams
    streams.append(keys.LOG, [message(device), message(device) | {"direction": "out"}])
    streams.append(keys.ERRORS, [error(device)])
    with monkeypatch.context() as patch:
        patch.setattr(type(streams), "delete", lambda *_: None)  # it dies before it forgets
        task.run()
    resources.store.redis.delete(keys.lock_key("flush_log"))  # the time of the next run has come
    task.run()
    assert (streams.oldest(keys.LOG, 1), streams.oldest(keys.ERRORS, 1)) == ([], [])
    rows = logged(database, device)
    assert sorted(row["direction"] for row in rows) == ["in", "out"]
    assert rows[0]["payload"] == {"image_name": "i.jpg", "chunks": 7}
    [row] = database.table("device_errors").select("*").eq("device_id", device).execute().data
    assert row["error_code"] == 2101


def test_a_batch_that_is_appended_twice_is_recorded_once(resources, database, device):
    for command in append_commands(keys.LOG, [message(device)]) * 2:
        resources.store.redis.execute_command(*command)
    task.run()
    assert len(logged(database, device)) == 1


def test_a_long_log_is_flushed_in_several_calls(resources, monkeypatch):
    monkeypatch.setattr(flush_module, "BATCHES", 2)
    for _ in range(3):
        resources.store.streams.append(keys.ERRORS, [])
    assert flush_once(resources, keys.ERRORS, math.inf)
    assert not flush_once(resources, keys.ERRORS, math.inf)


def test_a_refused_row_costs_that_row_alone(resources, database, device):
    # Postgres refuses NUL in JSON, and with it everything in the same call.
    streams = resources.store.streams
    for number in range(60):
        name = "a\0b" if number in (0, 31) else "i.jpg"
        streams.append(keys.LOG, [message(device, image_name=name, number=number)])
    streams.append(keys.ERRORS, [error(device, "a\0b"), error(device)])
    task.run()
    assert {row["payload"]["number"] for row in logged(database, device)} == {*range(60)} - {0, 31}
    [row] = database.table("device_errors").select("*").eq("device_id", device).execute().data
    assert row["message"] == "not JSON"
    assert (streams.oldest(keys.LOG, 1), streams.oldest(keys.ERRORS, 1)) == ([], [])


def fill(resources, rows, size=0):
    entries = [message("FLOOD", number=number, filler="x" * size) for number in range(rows)]
    resources.store.streams.append(keys.LOG, entries)


def numbers(server):
    """What the server has taken."""
    return {row["payload"]["number"] for asked in server.taken for row in asked.json["p_messages"]}


def only(server, taken):
    """Let the server take a call only if `taken(asked)`; otherwise it answers what `taken` gives back."""
    server.taken = []

    def answer(asked):
        refusal = taken(asked)
        if refusal is None:
            server.taken.append(asked)
            return 200, None
        return refusal

    server.answer = answer


def drain(resources, runs):
    """Run the flush until the log is empty; give how many runs failed."""
    failures = 0
    for _ in range(runs):
        try:
            if not flush_once(resources, keys.LOG, math.inf):
                return failures
        except Transient:
            failures += 1
    raise AssertionError("the backlog does not drain")


def drain_all(resources, runs):
    """Run the flush until the stream is empty, also of what an earlier run has left."""
    for _ in range(runs):
        with suppress(Transient):
            flush_once(resources, keys.LOG, math.inf)
        if not resources.store.streams.oldest(keys.LOG, 1):
            return
    raise AssertionError("the backlog does not drain")


@pytest.mark.parametrize("status", [413, 504])
def test_a_backlog_drains_through_calls_that_must_be_small(on_server, server, status):
    fill(on_server, 5_000, 100)
    only(server, lambda asked: (status, {"message": "too much"}) if len(asked.body) > 20_000 else None)
    drain(on_server, 20)
    assert numbers(server) == set(range(5_000))


def test_no_call_carries_more_than_its_bound(on_server, server):
    fill(on_server, 20_000, 400)
    only(server, lambda _asked: None)
    assert drain(on_server, 100) == 0
    assert numbers(server) == set(range(20_000))
    assert max(len(asked.body) for asked in server.asked) < 1.1 * MOST_BYTES
    assert len(server.asked) < 50


def test_a_call_that_takes_too_long_is_made_smaller(on_server, server):
    fill(on_server, 1000, 100)
    ended = threading.Event()
    only(server, lambda asked: (ended.wait(10), None) if len(asked.body) > 60_000 else None)
    try:
        assert drain(on_server, 20) > 0
    finally:
        ended.set()
    assert numbers(server) == set(range(1000))


def test_a_run_ends_in_time_and_the_next_goes_on(on_server, server):
    fill(on_server, 20_000, 400)
    only(server, lambda _asked: None)
    assert not flush_once(on_server, keys.LOG, 0)
    assert server.asked == []
    drain(on_server, 100)
    assert numbers(server) == set(range(20_000))


def test_an_outage_costs_few_calls_a_run_and_loses_nothing(on_server, server):
    fill(on_server, 1000)
    only(server, lambda _asked: (503, {}))
    for _ in range(30):
        with pytest.raises(Transient):
            flush_once(on_server, keys.LOG, math.inf)
    assert len(server.asked) <= 30 * (1 + SUSPECTS)
    assert len(server.asked[-1].json["p_messages"]) == 1
    only(server, lambda _asked: None)
    drain(on_server, 100)
    assert numbers(server) == set(range(1000))


@pytest.mark.parametrize("bad", [{31}, {0, 1, 2, 50}, {97, 98}], ids=str)
def test_a_row_that_fails_again_and_again_is_set_aside_and_the_others_go_on(on_server, server, bad, caplog):
    fill(on_server, 100, 200)

    def holds_a_bad_one(asked):
        return bad & {row["payload"]["number"] for row in asked.json["p_messages"]}

    only(server, lambda asked: (504, {"message": "timeout"}) if holds_a_bad_one(asked) else None)
    drain_all(on_server, 40)
    assert numbers(server) == {*range(100)} - bad
    assert caplog.text.count("set aside") == len(bad)


def test_a_row_at_the_end_that_fails_waits_for_others_that_are_taken(on_server, server):
    fill(on_server, 1)
    only(server, lambda asked: (504, {}) if "FLOOD" in asked.body.decode() else None)
    for _ in range(20):
        with suppress(Transient):
            flush_once(on_server, keys.LOG, math.inf)
    assert len(on_server.store.streams.oldest(keys.LOG, 10)) == 1
    on_server.store.streams.append(keys.LOG, [message("ANOTHER")])
    drain_all(on_server, 20)
    assert [row["device_id"] for row in server.taken[-1].json["p_messages"]] == ["ANOTHER"]


def test_a_row_that_failed_in_an_outage_is_recorded_afterwards(on_server, server):
    fill(on_server, 30, 1_000)
    for _ in range(10):
        only(server, lambda _asked: (504, {}))
        for _ in range(5):
            with pytest.raises(Transient):
                flush_once(on_server, keys.LOG, math.inf)
    only(server, lambda _asked: None)
    drain_all(on_server, 100)
    assert numbers(server) == set(range(30))


def test_a_database_that_refuses_everything_is_not_asked_row_by_row(on_server, server):
    fill(on_server, 5000)
    refusal = {"code": "42703", "message": "column does not exist", "details": None, "hint": None}
    only(server, lambda _asked: (400, refusal))
    with pytest.raises(Transient):
        flush_once(on_server, keys.LOG, math.inf)
    assert len(server.asked) < 5 * MOST_REFUSED


def test_batches_in_redis_are_bounded_in_bytes(resources):
    fill(resources, 2000, 400)
    batches = [fields[b"records"] for _, fields in resources.store.redis.xrange(keys.LOG)]
    assert max(map(len, batches)) <= BATCH_BYTES + 1000
    assert len(batches) < 25


def test_a_request_for_thousands_of_chunks_is_a_short_row(resources, ear, device):
    resources.publisher.send(device, "ack", wire.nack(device, "i.jpg", list(range(9_000))))
    assert len(ear.next()[1]["missing_chunks"]) == 9_000
    [batch] = resources.store.streams.oldest(keys.LOG, 1)
    assert batch.entries[0]["payload"] == {
        "device_id": device,
        "image_name": "i.jpg",
        "missing_chunks": list(range(50)),
        "missing": 9_000,
    }


def test_the_rows_of_what_a_device_is_told_are_bounded_and_the_last_says_so(resources, device, monkeypatch):
    publisher, sent = resources.publisher, [wire.ack(device, f"{number}.jpg", None) for number in range(200)]
    monkeypatch.setattr(publisher, "_clock", lambda: MINUTE_MS)
    publisher.send_all([(device, "ack", message) for message in sent])
    publisher.send_all([("ANOTHER", "ack", sent[0])])
    entries = [entry for batch in resources.store.streams.oldest(keys.LOG, 10) for entry in batch.entries]
    of_device = [entry["payload"] for entry in entries if entry["device_id"] == device]
    assert len(of_device) == ROWS_PER_MINUTE + 1
    assert of_device[-1] == {"left_out": "what else is sent in this minute"}
    assert entries[-1]["device_id"] == "ANOTHER"


def test_an_entry_of_an_older_listener_is_recorded_once(resources, database, device):
    entry = message(device)
    del entry["key"]
    resources.store.streams.append(keys.LOG, [entry, entry])
    task.run()
    assert len(logged(database, device)) == 2
