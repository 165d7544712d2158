"""What makes room when Redis is nearly full, and when the listener stops and goes on."""

import fakeredis
from store_lab import StoreLab

from core.clock import now_ms
from core.errors import Transient
from core.store import keys, memory
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


def time_out(store, ref, at):
    assert store.captures.review(ref, at, at).action == "timed_out"
    StoreLab(store.redis, clock=lambda: at).captures.settle_timeout(ref)


def test_the_oldest_that_timed_out_go_first(store, monkeypatch):
    refs = [begin(store, f"{number}.jpg") for number in range(3)]
    for number, ref in enumerate(reversed(refs)):
        time_out(store, ref, NOW + TIMEOUT + number)
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
    time_out(store, ref, NOW + TIMEOUT)
    begin(store, "a.jpg", NOW + 2 * TIMEOUT)
    make_room(store.captures, store.streams)
    assert store.captures.chunks(ref) == {0: b"x"}
    assert store.captures.abandoned(10) == []


def test_while_listeners_take_nothing_a_long_silence_counts_as_one(store):
    ref = begin(store, "a.jpg")
    assert store.captures.review(ref, NOW + TIMEOUT - 1, None, full=True).action == "wait"
    assert store.captures.review(ref, NOW + TIMEOUT, None).action == "wait"
    assert store.captures.review(ref, NOW + TIMEOUT + 250, None, full=True).action == "timed_out"


def test_the_gate_closes_and_opens_with_room_between(store, monkeypatch):
    shares = iter([0.69, 0.70, 0.69, Transient("away"), 0.66, 0.64, 0.69])

    def fullness(_store):
        share = next(shares)
        if isinstance(share, Transient):
            raise share
        return share

    monkeypatch.setattr(memory_gate, "fullness", fullness)
    monkeypatch.setattr(memory_gate, "ASK_EVERY_S", 0)
    gate = MemoryGate(store.redis)
    assert [gate.closed() for _ in range(7)] == [False, True, True, True, True, False, False]


def test_fullness_is_the_share_of_maxmemory(store):
    assert memory.fullness(store.redis) == 0
    if isinstance(store.redis, fakeredis.FakeRedis):
        return
    used = int(store.redis.info("memory")["used_memory"])
    store.redis.config_set("maxmemory", 4 * used)
    try:
        assert 0.2 < memory.fullness(store.redis) < 0.35
    finally:
        store.redis.config_set("maxmemory", 0)
