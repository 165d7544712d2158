"""No ACK ever makes a device delete an image that is not stored, and a device that keeps offering gets its ACK.

A device uses one name again and again, for images whose metadata lack this or that. Messages and ACKs come late,
twice or not at all, reports come among them, workers take what is complete in any order, and what has failed is
tried anew at any time.
"""

from hashlib import sha256
from typing import NamedTuple

import fakeredis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from store_lab import StoreLab

from core.clock import now_ms
from core.store import keys
from core.store.captures import Action
from core.store.keys import CaptureRef
from core.wire import Metadata, parse_time

TOTAL = 3
REF = CaptureRef("AABB", "a.jpg")
MINUTE = 60_000
# What the metadata of an image tells: its capture time ("unset": of a clock that is not set), size, SHA-256.
TELLS = (
    (),
    (),
    ("time",),
    ("size",),
    ("sha",),
    ("time", "size"),
    ("unset",),
    ("unset", "size"),
    ("time", "sha"),
)


class Image(NamedTuple):
    """One image of the name; all of them begin with the same chunk."""

    turn: int
    tells: tuple[str, ...]

    def chunk(self, number):
        return b"header" if number == 0 else f"{'.' * self.turn} {self.turn} {number}".encode()

    @property
    def data(self):
        return b"".join(map(self.chunk, range(TOTAL)))

    @property
    def time(self):
        if "unset" in self.tells:
            return "1970-01-01T00:00:08Z"
        return f"2025-10-{self.turn % 28 + 1:02d}T12:00:00Z" if "time" in self.tells else ""

    def metadata(self, total=TOTAL):
        return Metadata(
            "AABB",
            None,
            REF.image_name,
            parse_time(self.time),
            len(self.data) if "size" in self.tells else None,
            total,
            image_sha256=sha256(self.data).hexdigest() if "sha" in self.tells else None,
        )


class Acknowledging(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = now_ms()
        self.store = StoreLab(fakeredis.FakeRedis(), clock=lambda: self.now)
        self.taken = []  # every image, in order
        self.held = None  # the one on the device's card
        self.announced = True  # the service has heard of it
        self.complete = []  # sealed refs that no worker has finished
        self.stored = set()  # bytes
        self.deaf = False  # the next ACK is lost

    # The service

    def commit(self, batch):
        for outcome in batch.commit():
            if outcome.superseded:
                self.complete.append(outcome.superseded)
            if outcome.status == "complete":
                self.complete.append(outcome.ref)
            elif outcome.status == "stored":
                self.acknowledge(outcome.ref)

    def acknowledge(self, ref):
        if not self.store.captures.may_acknowledge(ref):
            return False
        assert self.held is None or self.held.data in self.stored, f"{self.held} is lost"
        if not self.deaf:
            self.held = None
        self.deaf = False
        return True

    def finish(self, ref, fails):
        claim = self.store.captures.claim(ref, "worker")
        assert claim.attempts == 1
        capture, chunks = claim.capture, self.store.captures.chunks(ref)
        if capture.error is None:
            data = b"".join(chunks[number] for number in sorted(chunks))
            sound = (
                len(chunks) == capture.total_chunks
                and capture.image_bytes in (None, len(data))
                and capture.image_sha256 in (None, sha256(data).hexdigest())
            )
            if fails or not sound or capture.state == "superseded":
                kept_for = 2204 if sound else None
                self.store.captures.close(ref, "failed", tombstone_ttl_s=3600, kept_for=kept_for)
                return
            self.stored.add(data)
            self.store.captures.note(claim, sha256=sha256(data).hexdigest(), stored_bytes=len(data))
        acknowledged = self.acknowledge(ref)
        self.store.captures.close(ref, "stored", acknowledged=acknowledged, tombstone_ttl_s=3600)

    def sweep(self):
        for ref in self.store.captures.due(self.now, 100):
            review = self.store.captures.review(ref, self.now, self.now)
            if review.action is Action.NACK and self.held:
                self.send(self.held, review.missing)
            elif review.action is Action.ACKNOWLEDGE:
                self.acknowledge(ref)
            elif review.action is Action.TIMED_OUT:
                self.store.captures.settle_timeout(ref)

    # The device

    def send(self, image, numbers):
        batch = self.store.batch()
        batch.chunks(REF, self.now, [item for number in numbers for item in (number, image.chunk(number))])
        self.commit(batch)

    def tell(self, metadata):
        self.announced |= metadata.total_chunks is not None
        batch = self.store.batch()
        batch.metadata(metadata, self.now)
        self.commit(batch)

    @rule(tells=st.sampled_from(TELLS), metadata_first=st.booleans())
    def take_an_image(self, tells, metadata_first):
        """The name comes back after a reflash or on another card, not within a minute.

        Two limits are known: chunks that come before any metadata belong to what is open; and as long as the
        service has not heard of the new image, an ACK may go out that it owes, or is asked for.
        """
        for _ in range(3):
            self.now += MINUTE // 3
            self.sweep()
        self.held, self.announced = Image(len(self.taken), tells), False
        self.taken.append(self.held)
        if metadata_first or self.complete or self.store.captures.get(REF):
            self.tell(self.held.metadata())

    @precondition(lambda self: self.held)
    @rule(numbers=st.sampled_from([(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]))
    def chunks(self, numbers):
        self.send(self.held, numbers)

    @precondition(lambda self: self.held)
    @rule(total=st.sampled_from([TOTAL, None]), bare=st.booleans())
    def metadata_again(self, total, bare):
        metadata = self.held.metadata(total)
        if bare:
            metadata = metadata._replace(captured_at=None, image_bytes=None, image_sha256=None)
        self.tell(metadata)

    @precondition(lambda self: self.held)
    @rule()
    def everything(self):
        image = self.held
        self.tell(image.metadata())
        self.send(image, range(TOTAL))

    @precondition(lambda self: self.taken and self.announced)
    @rule(age=st.integers(0, 3), total=st.sampled_from([TOTAL, None]))
    def metadata_much_delayed(self, age, total):
        self.tell(self.taken[max(0, len(self.taken) - 1 - age)].metadata(total))

    @precondition(lambda self: self.taken)
    @rule()
    def a_chunk_of_the_last_image_much_delayed(self):
        """Among the chunks of the next one, as long as none was asked for.

        Some chunks may come late, not all: all of them are what a device sends that still has the image.
        """
        open_capture = self.store.captures.get(REF)
        tombstone = self.store.redis.hgetall(keys.capture_keys(REF)[2])
        if tombstone.get(b"state") not in (b"sealed", b"stored") or (open_capture and open_capture.nacks):
            return
        for image in self.taken:
            ends = b"".join((bytes(8) + image.chunk(number))[-8:] for number in range(TOTAL))
            if ends == tombstone[b"ends"]:
                self.send(image, [TOTAL - 1])

    @precondition(lambda self: self.announced)
    @rule(error=st.sampled_from(["2", "3"]), dated=st.booleans())
    def report(self, error, dated):
        time = self.held.time if self.held and dated else ""
        self.tell(Metadata("AABB", None, REF.image_name, parse_time(time), error=error))

    @precondition(lambda self: self.complete)
    @rule(choice=st.integers(0, 9), fails=st.sampled_from([False, False, False, True]))
    def a_worker_finishes_one(self, choice, fails):
        self.finish(self.complete.pop(choice % len(self.complete)), fails)

    @rule(choice=st.integers(0, 9))
    def an_operator_has_one_tried_anew(self, choice):
        if failed := self.store.captures.failed(10):
            ref = failed[choice % len(failed)]
            if self.store.captures.requeue(ref) == "taken":
                self.complete.append(ref)

    @rule(milliseconds=st.sampled_from([1, 500, 3_000, 10_000, MINUTE]))
    def time_passes(self, milliseconds):
        self.now += milliseconds
        self.sweep()

    @rule()
    def the_next_ack_is_lost(self):
        self.deaf = True

    def teardown(self):
        """A device that offers its image at each wake, and answers, gets rid of it."""
        self.deaf = False
        for _ in range(4):
            if self.held:
                self.now += MINUTE
                self.everything()
            for _ in range(4):
                self.now += 4_000
                self.sweep()
                while self.complete:
                    self.finish(self.complete.pop(0), fails=False)
        assert not self.held


TestAcknowledging = Acknowledging.TestCase
TestAcknowledging.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
