"""Whatever order messages come in, a capture is complete once, with exactly the bytes that were sent."""

import fakeredis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from store_lab import StoreLab

from core.clock import now_ms
from core.store.keys import CaptureRef
from core.wire import Metadata, parse_time

TOTAL = 4
TIMES = ("2025-10-04T12:00:00Z", "2025-10-05T12:00:00Z")
NAMES = ("a.jpg", "b.jpg")


class Arriving(RuleBasedStateMachine):
    """A device sends two images in turn under each name; messages repeat, and workers finish some."""

    def __init__(self):
        super().__init__()
        self.store = StoreLab(fakeredis.FakeRedis())
        self.now = now_ms()
        self.turn = dict.fromkeys(NAMES, 0)  # which image of the name the device is sending
        self.announced = set()
        self.completed = []  # (ref, name, turn)

    def image(self, name, number):
        return f"{name}/{self.turn[name]}/{number}".encode()

    def settle(self, batch, name):
        for outcome in batch.commit():
            if outcome.status == "complete":
                self.completed.append((outcome.ref, name, self.turn[name]))

    @rule(name=st.sampled_from(NAMES))
    def metadata(self, name):
        self.announced.add((name, self.turn[name]))
        time = parse_time(TIMES[self.turn[name]])
        batch = self.store.batch()
        batch.metadata(Metadata("AABB", None, name, time, None, TOTAL), self.now)
        self.settle(batch, name)

    @rule(name=st.sampled_from(NAMES), numbers=st.lists(st.integers(0, TOTAL - 1), min_size=1, max_size=6))
    def chunks(self, name, numbers):
        batch = self.store.batch()
        pieces = [item for number in numbers for item in (number, self.image(name, number))]
        batch.chunks(CaptureRef("AABB", name), self.now, pieces)
        self.settle(batch, name)

    @rule(name=st.sampled_from(NAMES))
    def next_image(self, name):
        if self.turn[name] == 0:
            self.turn[name] = 1
            self.now += 60_000  # a name comes back after a reflash or another SD card, not within a minute
            self.metadata(name)  # the capture time is what tells the images apart

    @rule()
    def a_worker_finishes_one(self):
        if self.completed:
            ref = self.completed[0][0]
            claim = self.store.captures.claim(ref, "worker")
            if claim is not None:
                self.store.captures.close(ref, "stored", tombstone_ttl_s=60)

    @rule(milliseconds=st.integers(1, 10_000))
    def time_passes(self, milliseconds):
        self.now += milliseconds

    @invariant()
    def each_image_is_complete_once(self):
        images = [(name, turn) for _, name, turn in self.completed]
        assert len(images) == len(set(images))
        assert set(images) <= self.announced

    @invariant()
    def no_image_holds_bytes_of_another(self):
        for ref, name, turn in self.completed:
            chunks = self.store.captures.chunks(ref)
            if chunks:
                assert chunks == {number: f"{name}/{turn}/{number}".encode() for number in range(TOTAL)}


TestArriving = Arriving.TestCase
TestArriving.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
