"""The task of a complete capture, with the stations and Supabase replaced: how each start ends."""

import threading
from contextlib import nullcontext, suppress
from types import SimpleNamespace

import pytest
from store_lab import StoreLab

from core.alarm import Alarm
from core.clock import now_ms
from core.errors import AccessDenied, NotAsked, Transient
from core.store.captures import LeaseLost
from core.store.keeper import Keeper
from core.store.keys import CaptureRef
from core.store.scripts import LEASE_MS
from core.store.store import open_store
from core.wire import Metadata, parse_time
from tasks import app, pipeline
from tasks.app import DENIED_S
from tasks.capture import STUCK_AFTER, SUSPECT_FROM, SUSPECT_LOCK, log, store_capture

REF = CaptureRef("AABB", "i.jpg")


class Bench:
    capture_to_come = nullcontext

    def __init__(self, redis):
        self.now = now_ms()
        lab = StoreLab(redis, clock=lambda: self.now)
        self.store = open_store(redis, lab.settings, lambda: self.now)._replace(keeper=Keeper(0.02))
        self.admitted, self.ends_with, self.starts = True, None, []
        self.resources = SimpleNamespace(store=self.store, supabase=self)
        batch = lab.batch()
        batch.metadata(
            Metadata(*REF[:1], None, REF.image_name, parse_time("2025-10-04T12:34:56Z"), None, 1), 1
        )
        batch.chunks(REF, self.now, [0, b"x"])
        self.ref = batch.commit()[-1].ref

    def admits(self, *, storage):
        return self.admitted

    def run(self, _resources, claim):
        self.starts.append(claim.attempts)
        if self.ends_with:
            raise self.ends_with
        self.store.captures.close(claim.ref, "stored", tombstone_ttl_s=60)

    def start(self):
        with suppress(Transient):
            store_capture.run(*self.ref)

    def die(self):
        """Claim it as a worker does that dies then."""
        assert self.store.captures.claim(self.ref, f"dead {self.now}") is not None
        self.now += LEASE_MS

    def attempts(self):
        """The starts that count as crashes, and the one of this look."""
        claim = self.store.captures.claim(self.ref, "look")
        self.store.captures.release(claim, 0, tried=False)
        return claim.attempts

    def next_try_s(self):
        """Whole seconds until somebody may claim it."""
        for seconds in range(100):
            claim = self.store.captures.claim(self.ref, "look")
            if claim is not None:
                self.store.captures.release(claim, 0, tried=False)
                return seconds
            self.now += 1000
        raise AssertionError


@pytest.fixture
def bench(client, monkeypatch):
    bench = Bench(client)
    monkeypatch.setattr(app, "resources", bench.resources, raising=False)
    monkeypatch.setattr(pipeline, "run", bench.run)
    return bench


def test_a_stored_capture_is_done_once(bench):
    for _ in range(3):
        bench.start()
    assert bench.starts == [1]


def test_after_a_failure_it_is_tried_later_and_later(bench, monkeypatch):
    monkeypatch.setattr("tasks.capture.retry_in", lambda _, tries: 2**tries)
    bench.ends_with = Transient("busy")
    delays = []
    for _ in range(6):
        bench.start()
        delays.append(bench.next_try_s())
    assert delays == [1, 2, 4, 8, 16, 32]
    assert bench.starts == [1] * 6


def test_a_refusal_is_tried_again_slowly(bench):
    bench.ends_with = AccessDenied("the key")
    bench.start()
    assert DENIED_S <= bench.next_try_s() < 75


def test_one_that_fails_again_and_again_raises_the_alarm(bench, monkeypatch, caplog):
    monkeypatch.setattr("tasks.capture.retry_in", lambda *_: 0)
    monkeypatch.setattr("tasks.capture._stuck", Alarm(log, "capture_stuck"))
    bench.ends_with = Transient("always")
    for _ in range(STUCK_AFTER - 1):
        bench.start()
    assert "ALARM" not in caplog.text
    bench.start()
    assert f"ALARM: AABB/i.jpg has failed {STUCK_AFTER} times: always" in caplog.text


def test_while_supabase_is_away_it_may_be_tried_at_once(bench):
    for _ in range(5):
        with pytest.raises(Transient), bench.store.breakers.storage.guard(probes=True):
            raise Transient("away")
    bench.ends_with = Transient("away")
    bench.start()
    assert bench.next_try_s() == 0
    bench.ends_with = AccessDenied("the key")
    bench.start()
    assert bench.next_try_s() >= DENIED_S


@pytest.mark.parametrize("where", ["before the stations", "in a station"])
def test_what_was_not_asked_is_no_try_and_forgives_no_crash(bench, where):
    for _ in range(SUSPECT_FROM - 2):
        bench.die()
    if where == "in a station":
        bench.ends_with = NotAsked("away")
    else:
        bench.admitted = False
    bench.start()
    assert bench.next_try_s() == 0
    assert bench.attempts() == SUSPECT_FROM - 1
    assert bench.store.captures.get(bench.ref).tries == 0


def test_a_failure_forgives_earlier_crashes(bench):
    bench.die()
    bench.ends_with = Transient("busy")
    bench.start()
    bench.next_try_s()
    assert bench.attempts() == 1


def test_suspects_take_turns(bench):
    for _ in range(SUSPECT_FROM - 1):
        bench.die()
    with bench.store.locks.turn(SUSPECT_LOCK, 5):
        bench.start()
        assert bench.starts == []
        assert bench.next_try_s() == 1
    bench.start()
    assert bench.starts == [SUSPECT_FROM]


def test_one_that_was_taken_over_is_left_to_the_other(bench):
    bench.ends_with = LeaseLost()
    bench.start()
    assert bench.store.captures.claim(bench.ref, "early") is None
    bench.now += LEASE_MS
    assert bench.attempts() == 2


@pytest.mark.parametrize("lost", ["claim", "release"])
def test_while_redis_is_away_a_living_worker_never_counts_as_dead(bench, monkeypatch, lost):
    captures, gone = bench.store.captures, threading.Event()
    true_call, true_claim = captures._call, captures.claim
    refusals = iter([1, 1, 1])

    def call(name, *arguments):
        if name == "release" and next(refusals, 0):
            raise Transient("Redis is away")
        answer = true_call(name, *arguments)
        if name == "release":
            gone.set()
        return answer

    def claim(*arguments):
        true_claim(*arguments)
        raise Transient("its answer was lost")

    bench.ends_with = NotAsked("away")
    with monkeypatch.context() as patch:
        patch.setattr(captures, "_call", call)
        if lost == "claim":
            patch.setattr(captures, "claim", claim)
        bench.start()
        assert gone.wait(10)
    assert bench.attempts() == 1
