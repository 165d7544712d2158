"""When a complete capture gets a message, who may claim it, and how it comes back: one scheduler for all."""

import pytest
from store_lab import StoreLab

from core.clock import now_ms
from core.store import keys
from core.store.captures import LeaseLost
from core.store.keys import CaptureRef
from core.store.scripts import LEASE_MS, MAX_REQUEUE_MS, QUEUE_MARGIN_MS, REQUEUE_MS
from core.wire import Metadata, parse_time

A_DAY = 86_400
DEVICE = "AABB"


class Clock:
    def __init__(self):
        self.now = now_ms()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(client, clock):
    return StoreLab(client, clock=clock)


def complete(store, clock, name="i.jpg", device=DEVICE):
    """Let a whole capture arrive."""
    batch = store.batch()
    batch.metadata(Metadata(device, None, name, parse_time("2025-10-04T12:34:56Z"), None, 1), clock())
    batch.chunks(CaptureRef(device, name), clock(), [0, b"x"])
    outcome = batch.commit()[-1]
    assert outcome.status == "complete"
    return outcome.ref


def enqueue(store, clock, oldest=None, limit=10):
    return store.captures.enqueue(clock(), oldest, limit)


def test_what_is_complete_is_no_longer_looked_at_as_arriving(store, clock):
    complete(store, clock)
    assert store.captures.due(clock() + A_DAY * 1000, 10) == []
    assert store.captures.count() == 1


def test_a_message_that_was_never_sent_is_sent_after_a_while(store, clock):
    ref = complete(store, clock)
    assert enqueue(store, clock) == []
    clock.now += REQUEUE_MS - 1
    assert enqueue(store, clock) == []
    clock.now += 1
    assert enqueue(store, clock) == [ref]
    assert enqueue(store, clock) == []


def test_nothing_is_enqueued_again_while_its_message_may_still_wait(store, clock):
    ref = complete(store, clock)
    sent = clock.now + 5
    for _ in range(1000):
        clock.now += 5_000
        assert enqueue(store, clock, oldest=sent) == []
    # Messages that were sent much later have come to the end of the queue, so this one was lost.
    clock.now += MAX_REQUEUE_MS
    assert enqueue(store, clock, oldest=sent + QUEUE_MARGIN_MS) == [ref]


def test_a_message_just_before_the_oldest_may_be_in_a_workers_hands(store, clock):
    complete(store, clock)
    sent = clock.now
    clock.now += REQUEUE_MS
    assert enqueue(store, clock, oldest=sent + QUEUE_MARGIN_MS) == []


def test_a_message_that_waits_is_looked_for_less_and_less_often(store, clock, client):
    ref = complete(store, clock)
    sent, waiting = clock.now, keys.waiting_key(keys.shard(DEVICE))
    looks = []
    for _ in range(9):
        clock.now = int(client.zscore(waiting, str(ref)))
        looks.append((clock.now - sent) // 1000)
        assert enqueue(store, clock, oldest=sent) == []
    assert looks == [10, 20, 40, 80, 160, 320, 620, 920, 1220]


def test_two_sweeps_at_once_enqueue_once(store, clock, monkeypatch):
    first, second = complete(store, clock), complete(store, clock, "j.jpg")
    clock.now += REQUEUE_MS
    waiting = store.captures._first
    both = waiting([keys.waiting_key(keys.shard(DEVICE))], 10, clock.now)
    assert enqueue(store, clock) == [first, second]
    # The other sweep has read the same list before.
    monkeypatch.setattr(store.captures, "_first", lambda *_: both)
    assert enqueue(store, clock) == []


def test_those_who_waited_longest_come_first_and_no_more_than_wanted(store, clock):
    refs = []
    for number in range(40):
        refs.append(complete(store, clock, device=f"DEVICE{number}"))
        clock.now += 10
    clock.now += REQUEUE_MS
    assert set(enqueue(store, clock, limit=3)) == set(refs[:3])
    assert set(enqueue(store, clock, limit=30)) == set(refs[3:33])
    assert set(enqueue(store, clock, limit=30)) == set(refs[33:])


def test_a_capture_that_redis_has_lost_is_forgotten(store, clock, client):
    ref = complete(store, clock)
    client.delete(*keys.capture_keys(ref)[:2])
    clock.now += REQUEUE_MS
    assert enqueue(store, clock) == []
    assert store.captures.count() == 0


def test_one_worker_at_a_time(store, clock):
    ref = complete(store, clock)
    claim = store.captures.claim(ref, "one")
    assert claim is not None
    assert store.captures.claim(ref, "two") is None
    assert store.captures.note(claim, sha256="ab").capture.progress.sha256 == "ab"
    store.captures.release(claim, 0)
    other = store.captures.claim(ref, "two")
    assert other is not None
    assert (other.attempts, other.capture.progress.sha256) == (1, "ab")
    with pytest.raises(LeaseLost):
        store.captures.note(claim, sha256="cd")
    store.captures.release(claim, 0)  # nor can the first give back what is not its own
    assert store.captures.claim(ref, "three") is None


def test_nobody_claims_a_capture_before_its_next_try(store, clock):
    ref = complete(store, clock)
    store.captures.release(store.captures.claim(ref, "one"), 30_000)
    clock.now += 29_999
    assert store.captures.claim(ref, "a message from before") is None
    assert enqueue(store, clock) == []
    clock.now += 1
    assert enqueue(store, clock) == [ref]
    assert store.captures.claim(ref, "two") is not None


def test_a_released_capture_is_enqueued_though_older_messages_wait(store, clock):
    ref = complete(store, clock)
    sent = clock.now
    store.captures.release(store.captures.claim(ref, "one"), 1_000)
    clock.now += 1_000
    assert enqueue(store, clock, oldest=sent) == [ref]


def test_tries_that_failed_are_counted_and_others_are_not(store, clock):
    ref, tries = complete(store, clock), []
    for tried in (True, True, False, True):
        claim = store.captures.claim(ref, "one")
        tries.append(claim.capture.tries)
        store.captures.release(claim, 0, tried=tried)
    assert tries == [0, 1, 2, 2]


def test_a_claimed_capture_is_left_alone_for_its_lease(store, clock):
    ref = complete(store, clock)
    claim = store.captures.claim(ref, "one")
    clock.now += LEASE_MS - 1
    assert enqueue(store, clock) == []
    assert store.captures.renew(claim)
    clock.now += LEASE_MS - 1
    assert enqueue(store, clock) == []
    assert store.captures.claim(ref, "two") is None
    clock.now += 1
    assert enqueue(store, clock) == [ref]


def test_a_start_without_an_end_stays_counted(store, clock):
    ref = complete(store, clock)
    for attempt in range(1, 4):
        claim = store.captures.claim(ref, f"worker {attempt}")
        assert claim.attempts == attempt
        clock.now += LEASE_MS
    store.captures.release(claim, 0, tried=False)
    claim = store.captures.claim(ref, "once more")
    assert claim.attempts == 3
    store.captures.release(claim, 0, tried=True)
    assert store.captures.claim(ref, "last").attempts == 1


def test_a_claim_whose_answer_was_lost_is_given_back(store, clock):
    ref = complete(store, clock)
    store.captures.unclaim(ref, "its message never arrived")
    store.captures.claim(ref, "one")
    store.captures.unclaim(ref, "two")
    assert store.captures.claim(ref, "three") is None
    store.captures.unclaim(ref, "one")
    assert store.captures.claim(ref, "three").attempts == 1


def test_what_is_stored_waits_no_more(store, clock):
    ref = complete(store, clock)
    store.captures.claim(ref, "one")
    store.captures.close(ref, "stored", tombstone_ttl_s=A_DAY)
    clock.now += A_DAY * 1000
    assert enqueue(store, clock) == []
    assert store.captures.count() == 0
    assert store.captures.claim(ref, "late") is None


def test_what_waits_counts_among_the_captures_in_flight(client, clock):
    store = StoreLab(client, clock=clock, max_captures=16)
    complete(store, clock)
    batch = store.batch()
    batch.chunks(CaptureRef(DEVICE, "j.jpg"), clock(), [0, b"x"])
    [outcome] = batch.commit()
    assert outcome.status == "refused"  # one for each of the 16 shards
