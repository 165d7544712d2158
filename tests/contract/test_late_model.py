"""An hour in which every answer of Supabase comes 9 s late, in simulated time, over the real scripts and sweep.

A capture takes three such answers, longer than its lease, so it is stored only because its worker renews that. The
workers are simulated: threads that hold a claim, and may die with it.
"""

from random import Random
from types import SimpleNamespace

import orjson
import pytest
from store_lab import StoreLab

from core.clock import now_ms
from core.dispatch import CAPTURES_QUEUE, SENT_AT
from core.store.keeper import RENEW_EVERY_S
from core.store.keys import CaptureRef
from core.store.scripts import LEASE_MS
from core.store.store import open_store
from core.wire import Metadata, parse_time
from tasks import pipeline
from tasks.sweep import enqueue_waiting

THREADS = 16
LATE_MS = 9_000
ANSWERS = 3  # the upload, a look at what lies under its path, the row
HOUR_S = 3_600
ARRIVE_EVERY_S = 2
TIME = parse_time("2025-10-04T12:34:56Z")


class World:
    """The service in simulated time; each `second` is a sweep, an arrival perhaps, and a second of work."""

    def __init__(self, redis, rng, deaths):
        redis.flushdb()
        self.redis, self.rng, self.deaths, self.now = redis, rng, deaths, now_ms()
        lab = StoreLab(redis, clock=lambda: self.now)
        self.batch, self.store = lab.batch, open_store(redis, lab.settings, lambda: self.now)
        self.resources = SimpleNamespace(store=self.store, broker=redis)
        self.arrived, self.stored, self.claims, self.died = 0, [], 0, 0
        self.working = []  # claim, and when its last answer comes

    def store_capture(self, ref):
        message = {"headers": {SENT_AT: self.now}, "ref": list(ref)}
        self.redis.lpush(CAPTURES_QUEUE, orjson.dumps(message))

    def arrive(self):
        ref, batch = CaptureRef(f"DEVICE{self.arrived:05}", "i.jpg"), self.batch()
        batch.metadata(Metadata(*ref[:1], None, ref.image_name, TIME, None, 1), self.now)
        batch.chunks(ref, self.now, [0, b"x"])
        self.store_capture(batch.commit()[-1].ref)
        self.arrived += 1

    def second(self):
        self.now += int(RENEW_EVERY_S * 1000)
        enqueue_waiting(self.resources, self)
        self.working = [(claim, ends) for claim, ends in self.working if not self.is_over(claim, ends)]
        while len(self.working) < THREADS and (message := self.redis.rpop(CAPTURES_QUEUE)):
            ref = CaptureRef(*orjson.loads(message)["ref"])
            if claim := self.store.captures.claim(ref, f"worker{self.claims}"):
                assert claim.attempts <= pipeline.MAX_ATTEMPTS
                self.claims += 1
                self.working.append((claim, self.now + ANSWERS * LATE_MS))
        waiting = self.arrived - len(self.stored)
        assert self.redis.llen(CAPTURES_QUEUE) <= waiting

    def is_over(self, claim, ends):
        if self.rng.random() < self.deaths:
            self.died += 1
            return True
        assert self.store.captures.renew(claim), "another worker has taken it"
        if self.now < ends:
            return False
        self.stored.append(claim.ref)
        self.store.captures.close(claim.ref, "stored", tombstone_ttl_s=60)
        return True


@pytest.mark.parametrize("deaths", [0, 0.001], ids=["nobody dies", "workers die"])
def test_with_every_answer_late_for_an_hour_every_capture_is_stored_once(real_redis, deaths):
    assert ANSWERS * LATE_MS > LEASE_MS
    world, seconds = World(real_redis, Random(20261), deaths), 0
    for second in range(HOUR_S):
        if second % ARRIVE_EVERY_S == 0:
            world.arrive()
        world.second()
    while world.store.captures.count():
        world.second()
        seconds += 1
        assert seconds < HOUR_S
    assert len(world.stored) == len(set(world.stored)) == world.arrived == HOUR_S // ARRIVE_EVERY_S
    assert world.claims == world.arrived + world.died
    assert world.store.captures.failed(1) == []
    print(f"{world.arrived} captures stored, {world.died} workers died, the last {seconds} s after the hour")
