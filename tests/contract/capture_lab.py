"""Short names for what happens to a capture in the tests of the chunk store."""

from core.clock import now_ms
from core.store.captures import Action
from core.store.keys import CaptureRef
from core.wire import Metadata, parse_time

REF = CaptureRef("AABB", "i.jpg")
NOW = now_ms()
DELAY, TIMEOUT = 3_000, 60_000
A_DAY = 86_400


def metadata(total=3, time="2025-10-04T12:34:56Z", size=None, name="i.jpg", **more):
    return Metadata("AABB", None, name, parse_time(time), size, total, **more)


def describe(store, message, now=NOW):
    batch = store.batch()
    batch.metadata(message, now)
    [outcome] = batch.commit()
    return outcome


def put(store, *numbers, ref=REF, now=NOW, data=b"x%d"):
    batch = store.batch()
    batch.chunks(ref, now, [item for number in numbers for item in (number, data % number)])
    [outcome] = batch.commit()
    return outcome


def complete(store, data=b"x%d", name=REF.image_name, **options):
    """Let a whole image arrive and give its sealed ref."""
    describe(store, metadata(name=name, **options))
    outcome = put(store, 0, 1, 2, ref=REF._replace(image_name=name), data=data)
    assert outcome.status == "complete"
    return outcome.ref


def finish(store, ref):
    """Store a capture as a worker does, and say whether its ACK was sent."""
    claim = store.captures.claim(ref, "worker")
    assert claim is not None
    acknowledged = store.captures.may_acknowledge(ref)
    store.captures.close(ref, "stored", acknowledged=acknowledged, tombstone_ttl_s=A_DAY)
    return acknowledged


def next_look(store, ref=REF):
    """When the sweep looks at the capture again (ms)."""
    [at] = [at for due, at in store.captures.soonest(10) if due == ref]
    return at


def give_up(store, ref=REF):
    """Let the sweep look at a silent capture, and ask for it, until it has timed out; return when that was (ms)."""
    while True:
        now = next_look(store, ref)
        action = review(store, now, ref).action
        if action not in (Action.WAIT, Action.NACK):
            assert action == Action.TIMED_OUT
            return now


def review(store, now, ref=REF, heard=None):
    return store.captures.review(ref, now, now if heard is None else heard)
