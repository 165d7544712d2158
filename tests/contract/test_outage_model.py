"""Hours without Supabase in simulated time: the real scripts, breakers, task and sweep, on a real redis-server.

The worker's threads, Celery's queue and Supabase are simulated: a message may be lost, a worker may die with a
capture in its hands, and a call to Supabase that is away hangs until its timeout or fails at once.
"""

from contextlib import nullcontext, suppress
from random import Random
from types import SimpleNamespace

import orjson
import pytest
from store_lab import StoreLab

from core.clock import now_ms
from core.dispatch import CAPTURES_QUEUE, SENT_AT
from core.errors import Transient
from core.store.breakers import PROBE_EVERY_MS
from core.store.keys import CaptureRef
from core.store.store import open_store
from core.supabase import SupabaseGateway
from core.wire import Metadata, parse_time
from tasks import app, pipeline
from tasks.capture import store_capture
from tasks.sweep import AHEAD, enqueue_waiting

THREADS = 16
STORED_PER_SECOND = 60
# The messages that a thread takes and ends without a call to Supabase.
PUT_OFF_PER_SECOND = 500
TIMEOUT_S = 10
TIME = parse_time("2025-10-04T12:34:56Z")


class World:
    """The service in simulated time; each `second` is a sweep and a second of work."""

    def __init__(self, redis, rng, *, hangs, mishaps):
        redis.flushdb()
        self.redis, self.rng, self.hangs, self.mishaps = redis, rng, hangs, mishaps
        self.now = now_ms()
        lab = StoreLab(redis, clock=lambda: self.now)
        self.batch = lab.batch
        self.store = open_store(redis, lab.settings, lambda: self.now)
        gateway = SupabaseGateway.__new__(SupabaseGateway)
        gateway._breakers = self.store.breakers
        gateway.capture_to_come = nullcontext
        self.resources = SimpleNamespace(store=self.store, broker=redis, supabase=gateway)
        self.away = False
        self.asked = self.refused = 0
        self.stored = []
        self.hanging_until = []
        self.most_messages = 0.0

    # What stands for the dispatcher, the queue, the stations and Supabase

    def store_capture(self, ref):
        message = {"headers": {SENT_AT: self.now}, "ref": list(ref)}
        self.redis.lpush(CAPTURES_QUEUE, orjson.dumps(message))

    def run(self, _resources, claim):
        with self.store.breakers.storage.guard(probes=True):
            self.asked += 1
            if self.away:
                self.refused += 1
                if self.hangs:
                    self.hanging_until.append(self.now + TIMEOUT_S * 1000)
                raise Transient("away")
        if self.mishaps and self.rng.random() < 0.005:
            raise SystemExit  # the worker dies, and its claim stays until its lease ends
        assert claim.attempts <= pipeline.MAX_ATTEMPTS
        self.stored.append(claim.ref)
        self.store.captures.close(claim.ref, "stored", tombstone_ttl_s=60)

    # What happens

    def arrive(self, number):
        self.arrived = number
        for index in range(number):
            device = f"DEVICE{index:05}"
            batch = self.batch()
            batch.metadata(Metadata(device, None, "i.jpg", TIME, None, 1), self.now)
            batch.chunks(CaptureRef(device, "i.jpg"), self.now, [0, b"x"])
            self.store_capture(batch.commit()[-1].ref)

    def second(self):
        self.now += 1000
        enqueue_waiting(self.resources, self)
        self.hanging_until = [at for at in self.hanging_until if at > self.now]
        stored = len(self.stored)
        for _ in range(PUT_OFF_PER_SECOND):
            if len(self.hanging_until) >= THREADS or len(self.stored) - stored >= STORED_PER_SECOND:
                break
            message = self.redis.rpop(CAPTURES_QUEUE)
            if message is None:
                break
            if self.mishaps and self.rng.random() < 0.01:
                continue  # lost
            try:
                with suppress(Transient):
                    store_capture.run(*orjson.loads(message)["ref"])
            except SystemExit:
                continue
        if self.waiting:
            messages = self.redis.llen(CAPTURES_QUEUE) + len(self.hanging_until)
            self.most_messages = max(self.most_messages, messages / self.waiting)

    @property
    def waiting(self):
        return self.arrived - len(self.stored)


@pytest.mark.parametrize(
    ("number", "minutes", "hangs", "mishaps"),
    [(5_000, 180, True, False), (1_000, 15, False, False), (500, 15, True, True), (500, 15, False, True)],
)
def test_thousands_wait_for_hours_and_are_stored_within_minutes(
    real_redis, monkeypatch, number, minutes, hangs, mishaps
):
    world = World(real_redis, Random(f"{hangs}{mishaps}"), hangs=hangs, mishaps=mishaps)
    monkeypatch.setattr(app, "resources", world.resources, raising=False)
    monkeypatch.setattr(pipeline, "run", world.run)
    world.away = True
    world.arrive(number)
    for _ in range(60):
        world.second()
    asked_at_first = world.asked
    for _ in range(minutes * 60 - 60):
        world.second()
    # Once the breaker is open: no more than the probes, and never more messages than captures.
    assert world.asked - asked_at_first <= minutes * 60_000 / PROBE_EVERY_MS
    assert asked_at_first < 300
    assert world.store.captures.count() == number
    assert world.most_messages <= 2
    assert real_redis.llen(CAPTURES_QUEUE) <= THREADS
    assert world.stored == []
    world.away = False
    seconds = 0
    while world.waiting:
        world.second()
        seconds += 1
        assert seconds < 600, f"{world.waiting} of {number} still wait"
        assert real_redis.llen(CAPTURES_QUEUE) <= AHEAD
    assert len(world.stored) == len(set(world.stored)) == number
    print(
        f"{number} captures, {minutes} min: {world.refused} calls in vain, {seconds} s until the last was stored"
    )
    if not mishaps:
        assert seconds <= 120
