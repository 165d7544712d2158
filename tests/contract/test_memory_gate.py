"""What makes room when Redis is nearly full, and when the listener stops and goes on."""

import fakeredis
from capture_lab import give_up
from pydantic import SecretStr
from store_lab import StoreLab

from core.clock import now_ms
from core.errors import Transient
from core.store import keys, memory
from core.store.connection import connect, servers
from core.store.keys import CaptureRef
from core.store.memory import make_room
from core.wire import Metadata, parse_time
from listener import memory_gate
from listener.memory_gate import MemoryGate

NOW = now_ms()
TIMEOUT = 60_000


def begin(store, name, at=NOW):
    ref = CaptureRef("AABB", name)
    batch = store.batch()
    batch.metadata(Metadata("AABB", None, name, parse_time("2025-10-04T12:34:56Z"), None, 2), at)
    batch.chunks(ref, at, [0, b"x"])
    batch.commit()
    return ref


def time_out(store, ref, later=0):
    at = give_up(store, ref) + later
    StoreLab(store.redis, clock=lambda: at).captures.settle_timeout(ref)


def test_the_oldest_that_timed_out_go_first(store, monkeypatch):
    refs = [begin(store, f"{number}.jpg") for number in range(3)]
    for number, ref in enumerate(reversed(refs)):
        time_out(store, ref, number)
    assert store.captures.abandoned(10) == refs[::-1]
    store.streams.append(keys.LOG, [{"n": 1}])
    monkeypatch.setattr(memory, "DROP_AT_ONCE", 2)
    monkeypatch.setattr(memory, "LOG_BATCHES_KEPT", 0)
    make_room(store.captures, store.streams)
    assert [store.captures.get(ref) is not None for ref in refs] == [True, False, False]
    assert store.streams.oldest(keys.LOG, 10) == []
    assert store.captures.abandoned(10) == refs[:1]


def test_what_has_come_back_is_not_dropped(store):
    ref = begin(store, "a.jpg")
    time_out(store, ref)
    begin(store, "a.jpg", NOW + 2 * TIMEOUT)
    make_room(store.captures, store.streams)
    assert store.captures.chunks(ref) == {0: b"x"}
    assert store.captures.abandoned(10) == []


def test_what_is_silent_for_long_is_given_up_to_make_room(store):
    ref = begin(store, "a.jpg")
    full = {"full": True, "turned_away_until": NOW + TIMEOUT}
    assert store.captures.review(ref, NOW + TIMEOUT - 1, None, **full).action == "wait"
    assert store.captures.review(ref, NOW + 2 * TIMEOUT, None).action == "wait"
    assert store.captures.review(ref, NOW + 2 * TIMEOUT + 250, None, **full).action == "timed_out"


def test_nobody_was_silent_while_chunks_were_turned_away(store):
    ref = begin(store, "a.jpg")
    until = NOW + 2 * TIMEOUT
    store.listeners.turn_away(until)

    def action(after):
        away = store.listeners.turned_away_until()
        return store.captures.review(ref, until + after, until + after, turned_away_until=away).action

    assert action(2_700) == "wait"
    assert action(3_000) == "nack"
    assert action(6_000) == "nack"
    assert action(9_000) == "nack"
    assert action(TIMEOUT + 9_000 - 1) == "wait"
    assert action(TIMEOUT + 9_000 + 250) == "timed_out"


def test_the_gate_closes_and_opens_with_room_between(store, monkeypatch):
    shares = iter([0.69, 0.70, 0.69, Transient("away"), 0.66, 0.64, 0.69])

    def fullness(*_):
        share = next(shares)
        if isinstance(share, Transient):
            raise share
        return share

    monkeypatch.setattr(memory_gate, "fullness", fullness)
    monkeypatch.setattr(memory_gate, "ASK_EVERY_S", 0)
    gate = MemoryGate(store.redis, lambda: NOW, 0)
    states, marks = [], []
    for _ in range(7):
        gate.look()
        states.append(gate.closed)
        marks.append(store.listeners.turned_away_until())
        store.redis.delete(keys.TURNED_AWAY)
    assert states == [False, True, True, True, True, False, False]
    assert marks == [0, NOW, NOW, 0, NOW, NOW, 0]


def test_fullness_is_the_share_of_the_limit(store):
    if isinstance(store.redis, fakeredis.FakeRedis):
        assert memory.fullness(store.redis, 0) == 0
        return
    every = servers(store.redis)
    used = [int(server.info("memory")["used_memory"]) for server in every]
    every[-1].config_set("maxmemory", 4 * used[-1])
    for server in every[:-1]:
        server.config_set("maxmemory", 100 * max(used))
    try:
        assert 0.2 < memory.fullness(store.redis, 1) < 0.35, "the fullest of all counts"
    finally:
        for server in every:
            server.config_set("maxmemory", 0)
    assert memory.fullness(store.redis, 1) > 0.5, "without a limit of its own, that of the setting"
    assert 0 < memory.fullness(store.redis, 0) < 0.1, "without both, half of the memory of its host"


def test_a_redis_that_permits_no_info(redis_server):
    with connect(SecretStr(redis_server.url)) as admin:
        admin.execute_command("ACL", "SETUSER", "limited", "on", ">word", "~*", "+@all", "-info")
        try:
            with connect(SecretStr(redis_server.url.replace("://", "://limited:word@"))) as redis:
                assert memory.fullness(redis, 1) > 0.5
                assert memory.fullness(redis, 0) == 0
        finally:
            admin.execute_command("ACL", "DELUSER", "limited")
