"""What a review of a silent capture answers, and when the sweep looks at it again."""

from capture_lab import (
    A_DAY,
    DELAY,
    NOW,
    REF,
    TIMEOUT,
    complete,
    describe,
    finish,
    give_up,
    metadata,
    next_look,
    put,
    review,
)

from core.store.captures import Action, Review
from core.store.keys import CaptureRef
from core.store.scripts import MAX_REQUEUE_MS

SOONEST = 250  # ms
ANOTHER_TIME = "2025-10-05T00:00:00Z"


def answer(action, *, announce=False, missing=()):
    return Review(REF, Action(action), announce, list(missing))


def nacked(store):
    """Let a capture have been asked for its missing chunks after its first silence."""
    describe(store, metadata())
    put(store, 0)
    found = store.captures.review(REF, NOW + DELAY, NOW + DELAY)
    assert found == answer("nack", announce=True, missing=[1, 2])


def test_after_a_nack_silence_counts_from_it_as_far_as_it_was_heard(store):
    nacked(store)
    assert next_look(store) == NOW + 2 * DELAY
    assert store.captures.review(REF, NOW + 2 * DELAY, NOW + 2 * DELAY - 1) == answer("wait")
    assert next_look(store) == NOW + 2 * DELAY + SOONEST
    again = store.captures.review(REF, NOW + 2 * DELAY + SOONEST, NOW + 2 * DELAY)
    assert again == answer("nack", missing=[1, 2])


def test_without_a_listener_a_capture_is_looked_at_now_and_then(store):
    nacked(store)
    late = NOW + 10 * TIMEOUT
    assert store.captures.review(REF, late, None) == answer("wait")
    assert next_look(store) == late + SOONEST


def test_a_timeout_is_told_once_and_again_only_if_its_row_was_not_written(store):
    nacked(store)
    told = give_up(store)
    for time in (told + MAX_REQUEUE_MS, told + 2 * MAX_REQUEUE_MS):
        assert next_look(store) == time
        assert store.captures.review(REF, time, None) == answer("timed_out")  # decided before, unheard or not
    store.captures.settle_timeout(REF)
    assert store.captures.soonest(10) == []
    assert review(store, NOW + A_DAY * 1000) == answer("gone")


def test_a_capture_that_came_back_is_asked_for_and_announced_like_a_new_one(store):
    describe(store, metadata())
    for number in (1, 2, 3):
        assert review(store, NOW + DELAY * number).action == "nack"
    back = give_up(store) + TIMEOUT
    put(store, 0, now=back)
    for number in (1, 2, 3):
        expected = answer("nack", announce=number == 1, missing=[1, 2])
        assert review(store, back + DELAY * number) == expected
    assert review(store, back + DELAY * 4).action == "wait"


def test_a_capture_that_nobody_could_hear_is_asked_for_before_it_is_given_up(store):
    """As after an outage: the device has waited for its answer all the time."""
    nacked(store)
    back = NOW + 10 * TIMEOUT
    assert store.captures.review(REF, back, NOW + DELAY) == answer("wait")
    for number in (1, 2):
        assert review(store, back + DELAY * number) == answer("nack", missing=[1, 2])
    last_asked = back + 2 * DELAY
    assert review(store, last_asked + TIMEOUT - 1) == answer("wait")
    assert review(store, last_asked + TIMEOUT + SOONEST) == answer("timed_out")


def test_nor_is_the_device_forgotten_whose_ack_was_withheld(store):
    ref = complete(store, time="")
    describe(store, metadata(time=""))
    assert not finish(store, ref)
    assert review(store, NOW + 10 * TIMEOUT) == answer("nack", missing=[0, 1, 2])


def test_after_the_last_nack_silence_counts_from_it(store):
    nacked(store)
    for number in (2, 3):
        assert review(store, NOW + DELAY * number).action == "nack"
    assert review(store, NOW + DELAY * 4) == answer("wait")
    assert next_look(store) == NOW + DELAY * 3 + TIMEOUT
    assert review(store, NOW + DELAY * 3 + TIMEOUT) == answer("timed_out")


def test_while_redis_is_full_a_long_silence_counts_unheard(store):
    describe(store, metadata())
    assert store.captures.review(REF, NOW + TIMEOUT - SOONEST, None, full=True).action == "wait"
    assert store.captures.review(REF, NOW + TIMEOUT, None, full=True).action == "timed_out"


def test_chunks_alone_are_neither_announced_nor_asked_for(store):
    put(store, 0)
    assert review(store, NOW + DELAY) == answer("wait")
    assert next_look(store) == NOW + TIMEOUT
    assert review(store, NOW + TIMEOUT) == answer("timed_out")


def test_metadata_without_a_time_is_asked_for_and_not_announced(store):
    describe(store, metadata(time=""))
    assert review(store, NOW + DELAY) == answer("nack", missing=[0, 1, 2])
    describe(store, metadata())
    assert review(store, NOW + 2 * DELAY) == answer("nack", announce=True, missing=[0, 1, 2])


def test_a_failed_image_that_is_sent_anew_is_asked_for_what_is_missing(store):
    store.captures.close(complete(store), "failed", tombstone_ttl_s=A_DAY)
    describe(store, metadata())
    put(store, 0)
    assert review(store, NOW + DELAY) == answer("nack", announce=True, missing=[1, 2])
    assert store.captures.chunk_ids(REF) == {0}


def asked_again(store):
    """Let a stored image be sent once more right after its ACK; return when its last chunk came."""
    finish(store, complete(store))
    now = store.now() + 500
    assert put(store, 0, 1, 2, now=now).status == "late"
    return now


def test_an_ack_again_waits_for_a_silence_as_far_as_it_was_heard(store):
    now = asked_again(store)
    assert next_look(store) == now + DELAY
    assert store.captures.review(REF, now + DELAY, now + DELAY - 1) == answer("wait")
    assert next_look(store) == now + DELAY + SOONEST
    assert store.captures.review(REF, now + DELAY + SOONEST, None) == answer("wait")
    assert store.captures.review(REF, now + DELAY + 2 * SOONEST, now + DELAY) == answer("acknowledge")
    assert store.captures.soonest(10) == []


def test_an_ack_again_is_an_ack_from_which_the_next_silence_counts(store):
    now = asked_again(store)
    assert review(store, now + DELAY) == answer("acknowledge")
    assert describe(store, metadata(), now + 2 * DELAY - 1).status == "late"
    assert review(store, now + 3 * DELAY - 1) == answer("acknowledge")
    # What has come again until now is used up: some chunks more prove nothing.
    assert put(store, 2, now=now + 9 * DELAY).status == "late"
    assert store.captures.soonest(10) == []


def test_an_ack_again_waits_until_the_device_has_said_its_last(store):
    now = asked_again(store)
    assert describe(store, metadata(), now + 1_000).status == "late"
    assert review(store, now + DELAY) == answer("wait")
    assert next_look(store) == now + 1_000 + DELAY
    assert review(store, now + 1_000 + DELAY) == answer("acknowledge")


def test_an_ack_at_once_makes_the_one_that_was_to_come_needless(store):
    now = asked_again(store)
    assert describe(store, metadata(), now + 2 * DELAY).status == "stored"
    assert review(store, now + 3 * DELAY) == answer("gone")


def test_a_repeat_of_what_waits_is_looked_at_after_each_silence(store):
    complete(store, time="")
    describe(store, metadata(time=""))
    assert review(store, NOW + DELAY) == answer("wait")
    assert next_look(store) == NOW + 2 * DELAY


def test_a_repeat_of_what_waits_for_long_leaves_nothing(store):
    complete(store, time="")
    describe(store, metadata(time=""))
    assert review(store, NOW + TIMEOUT) == answer("gone")
    assert store.captures.get(REF) is None


def test_repeated_chunks_of_what_failed_leave_nothing(store):
    store.captures.close(complete(store), "failed", tombstone_ttl_s=A_DAY)
    put(store, 0)
    assert review(store, NOW + DELAY) == answer("wait")
    assert review(store, NOW + TIMEOUT) == answer("gone")
    assert store.captures.chunks(REF) == {}
    assert store.captures.soonest(10) == []


def test_chunks_that_came_again_before_a_newer_image_began_prove_nothing_after_it(store):
    finish(store, complete(store))
    now = store.now() + DELAY
    assert put(store, 0, 1, now=now).status == "late"
    assert describe(store, metadata(time=ANOTHER_TIME), now).status == "waiting"
    give_up(store)
    store.captures.settle_timeout(REF)
    store.captures.drop(REF)
    assert put(store, 2, now=now + 2 * TIMEOUT).status == "late"
    assert store.captures.soonest(10) == []
    assert not store.captures.may_acknowledge(REF)


def test_a_whole_image_again_is_acknowledged_once_in_a_silence(store):
    finish(store, complete(store, time=""))
    put(store, 0, ref=CaptureRef("AABB", "another.jpg"))
    now = store.now() + DELAY
    for later, status in ((0, "stored"), (1, "late"), (DELAY, "stored")):
        assert describe(store, metadata(time=""), now + later).status == "waiting"
        assert put(store, 0, 1, now=now + later).status == "waiting"
        assert put(store, 2, now=now + later).status == status
        assert store.captures.chunks(REF) == {}
