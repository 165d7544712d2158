"""Which image an ACK may name: none but the one that is stored, whatever comes late, twice or without fields."""

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
    put,
    review,
)

from core.clock import now_ms
from core.store import keys

ANOTHER_TIME = "2025-10-05T00:00:00Z"
UNSET = "1970-01-01T00:00:08Z"
NEW = b"new%d"


def ack_may_go(store):
    """Whether an ACK under the name would be sent now."""
    return store.captures.may_acknowledge(REF)


def nothing_more(store, since):
    """Whether the sweep sends no ACK after `since`."""
    times = [since + DELAY * number for number in range(1, 25)]
    return all(review(store, time).action != "acknowledge" or not ack_may_go(store) for time in times)


def test_a_late_repeat_of_a_sealed_capture_changes_nothing(store):
    ref = complete(store)
    assert put(store, 0).status == "late"
    assert describe(store, metadata()).status == "late"
    assert len(store.captures.chunks(ref)) == 3


def test_metadata_of_a_finished_capture_gets_the_ack_again_once_per_silence(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    assert describe(store, metadata(), now_ms()).status == "late"  # still a repeat of before the ACK
    assert describe(store, metadata(), later) == ("stored", REF, 0, None, False)
    assert describe(store, metadata(), later + 1).status == "late"
    assert describe(store, metadata(), later + DELAY).status == "stored"
    assert store.captures.get(REF) is None


def test_chunks_of_a_finished_capture_get_the_ack_again_once_they_have_ended(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    assert put(store, 1, now=later - 2 * DELAY).status == "late"  # still repeats of before the ACK
    assert store.captures.due(later + DELAY, 10) == []
    for number in range(3):
        assert put(store, number, now=later + number).status == "late"
    assert review(store, later + DELAY).action == "wait"
    assert review(store, later + 2 + DELAY).action == "acknowledge"
    assert store.captures.due(later + 10 * DELAY, 10) == []
    assert store.captures.chunks(REF) == {}


def test_chunks_of_a_new_image_under_a_finished_name_are_not_acknowledged(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    assert put(store, 0, now=later).status == "late"  # the same header, say
    assert put(store, 1, now=later + 1, data=b"new%d").status == "waiting"
    assert describe(store, metadata(time="2025-10-05T00:00:00Z"), later + 2).status == "waiting"
    assert put(store, 2, now=later + 3, data=b"new%d").status == "waiting"
    answer = review(store, later + 3 + DELAY)
    assert (answer.action, answer.missing) == ("nack", [0])
    # A repeat of the old metadata, much delayed, must not make the device delete the new image.
    assert describe(store, metadata(), later + 2 * DELAY).status == "late"


def test_a_failed_capture_may_be_sent_afresh(store):
    ref = complete(store)
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY)
    assert describe(store, metadata()).status == "waiting"
    assert put(store, 0, 1, 2).status == "complete"


def test_a_late_repeat_of_a_failed_capture_asks_for_nothing(store):
    ref = complete(store)
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY)
    describe(store, metadata())
    assert review(store, NOW + DELAY).action == "wait"
    assert review(store, NOW + TIMEOUT).action == "gone"
    assert store.captures.get(REF) is None


def test_an_older_image_is_not_acknowledged_once_a_newer_one_of_its_name_is_sealed(store):
    older = complete(store)
    newer = complete(store, time=ANOTHER_TIME, data=NEW)
    assert not finish(store, older)
    assert finish(store, newer)


def test_nor_once_the_newer_one_has_failed(store):
    older = complete(store)
    newer = complete(store, time=ANOTHER_TIME, data=NEW)
    store.captures.close(newer, "failed", tombstone_ttl_s=A_DAY)
    assert not finish(store, older)
    assert not ack_may_go(store)


def test_nor_once_the_newer_one_has_begun_whatever_becomes_of_it(store):
    older = complete(store)
    describe(store, metadata(time=ANOTHER_TIME))
    give_up(store)
    store.captures.drop(REF)
    assert store.captures.get(REF) is None
    assert not finish(store, older)
    assert describe(store, metadata(), NOW + 2 * TIMEOUT).status == "waiting"  # its bytes must prove it
    assert put(store, 0, 1, now=NOW + 2 * TIMEOUT).status == "waiting"
    assert put(store, 2, now=NOW + 2 * TIMEOUT).status == "stored"
    assert ack_may_go(store)


def test_everything_again_right_after_the_ack_is_answered_when_it_has_ended(store):
    finish(store, complete(store))
    now = now_ms() + 500
    assert describe(store, metadata(), now).status == "late"
    assert put(store, 0, 1, 2, now=now + 1_000).status == "late"
    assert review(store, now + DELAY).action == "wait"
    assert review(store, now + 1_000 + DELAY).action == "acknowledge"
    assert ack_may_go(store)
    assert review(store, now + 1_000 + 2 * DELAY).action == "gone"


def test_metadata_alone_right_after_the_ack_is_answered_when_it_has_ended(store):
    finish(store, complete(store))
    now = now_ms() + 1
    assert describe(store, metadata(), now).status == "late"
    assert store.captures.due(now + DELAY, 10) == [REF]
    assert review(store, now + DELAY - 1).action == "wait"
    assert review(store, now + DELAY).action == "acknowledge"


def test_a_new_image_within_the_silence_takes_the_answer_back(store):
    finish(store, complete(store))
    now = now_ms() + 1
    describe(store, metadata(), now)
    assert put(store, 0, now=now + 1_000, data=NEW).status == "waiting"
    assert not ack_may_go(store)
    assert nothing_more(store, now)


def test_metadata_without_time_and_size_under_a_stored_name_begins_a_new_image(store):
    finish(store, complete(store, size=6))
    later = now_ms() + DELAY
    assert describe(store, metadata(time=""), later).status == "waiting"
    assert not ack_may_go(store)
    ref = put(store, 0, 1, 2, now=later, data=NEW).ref
    assert store.captures.chunks(ref) == {0: b"new0", 1: b"new1", 2: b"new2"}
    assert finish(store, ref)


def test_so_it_does_while_chunks_of_it_are_held(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    assert put(store, 0, 2, now=later, data=NEW).status == "waiting"
    assert describe(store, metadata(time=""), later).status == "waiting"
    assert put(store, 1, now=later, data=NEW).status == "complete"


def test_so_it_does_when_a_late_duplicate_of_the_old_metadata_comes_among_its_chunks(store):
    finish(store, complete(store, size=6))
    later = now_ms() + DELAY
    assert put(store, 0, 2, now=later, data=NEW).status == "waiting"
    assert describe(store, metadata(size=6), later).status == "late"
    assert not ack_may_go(store)
    assert describe(store, metadata(time=""), later).status == "waiting"
    ref = put(store, 1, now=later, data=NEW).ref
    assert store.captures.get(ref).device_time is None
    assert len(store.captures.chunks(ref)) == 3


def test_so_it_does_while_the_old_image_waits_for_storage(store):
    older = complete(store, time="")
    assert describe(store, metadata(time="")).status == "waiting"
    ref = put(store, 0, 1, 2, data=NEW).ref
    assert not finish(store, older)
    assert finish(store, ref)


def test_a_partial_old_duplicate_does_not_enter_a_new_image(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    put(store, 0, now=later, data=NEW)
    assert describe(store, metadata(total=None), later).status == "late"
    assert store.captures.get(REF).device_time is None


def test_the_same_bytes_again_are_the_same_image(store):
    first = complete(store, time="")
    assert finish(store, first)
    later = now_ms() + DELAY
    assert describe(store, metadata(time=""), later).status == "waiting"
    assert put(store, 0, 1, now=later).status == "waiting"
    assert put(store, 2, now=later + 1).status == "stored"
    assert store.captures.get(REF) is None
    assert ack_may_go(store)


def test_the_same_bytes_again_while_they_wait_for_storage_let_the_ack_go(store):
    ref = complete(store, time="")
    assert describe(store, metadata(time="")).status == "waiting"
    assert put(store, 0, 1, 2).status == "late"
    assert finish(store, ref)


def test_a_device_whose_ack_was_withheld_is_asked_for_its_bytes(store):
    ref = complete(store, time="")
    describe(store, metadata(time=""))
    assert review(store, NOW + DELAY).action == "wait"  # while it waits, its end may answer
    assert not finish(store, ref)
    answer = review(store, NOW + 2 * DELAY)
    assert (answer.action, answer.missing) == ("nack", [0, 1, 2])
    assert put(store, 0, 1, 2, now=now_ms() + 2 * DELAY).status == "stored"
    assert ack_may_go(store)


def test_a_repeat_without_any_proof_costs_nothing(store):
    finish(store, complete(store, time=""))
    later = now_ms() + DELAY
    assert describe(store, metadata(time=""), later).status == "waiting"
    assert not review(store, later + DELAY).announce
    assert review(store, later + 2 * DELAY).action == "wait"
    assert review(store, later + TIMEOUT).action == "gone"
    assert describe(store, metadata(total=None, time=""), later).status == "ignored"


def test_some_chunks_again_prove_nothing(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    assert put(store, 0, 1, now=later).status == "late"
    assert nothing_more(store, later)
    assert put(store, 2, now=later + TIMEOUT).status == "late"
    assert review(store, later + TIMEOUT + DELAY).action == "acknowledge"


def test_a_chunk_of_the_last_image_does_not_enter_the_next(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    describe(store, metadata(time=ANOTHER_TIME), later)
    put(store, 0, 1, now=later, data=NEW)
    assert put(store, 2, now=later).status == "waiting"  # much delayed
    assert store.captures.chunk_ids(REF) == {0, 1}
    assert review(store, later + DELAY).missing == [2]
    assert put(store, 2, now=later + DELAY).status == "complete"  # the next one ends alike, after all


def test_a_chunk_of_the_last_image_that_came_first_is_dropped_when_the_next_shows(store):
    finish(store, complete(store, time=""))
    later = now_ms() + DELAY
    describe(store, metadata(time=""), later)
    put(store, 2, now=later)
    put(store, 0, now=later, data=NEW)
    assert store.captures.chunks(REF) == {0: b"new0"}
    assert put(store, 1, 2, now=later, data=NEW).status == "complete"


def test_a_clock_of_1970_proves_nothing_without_the_size(store):
    finish(store, complete(store, time=UNSET))
    later = now_ms() + DELAY
    assert describe(store, metadata(time=UNSET, size=6), later).status == "stored"
    assert describe(store, metadata(time=UNSET), later + DELAY).status == "waiting"


def test_another_hash_is_another_image(store):
    finish(store, complete(store, time=UNSET, size=6, image_sha256="a" * 64))
    later = now_ms() + DELAY
    assert describe(store, metadata(time=UNSET, size=6, image_sha256="a" * 64), later).status == "stored"
    assert describe(store, metadata(time=UNSET, size=6, image_sha256="b" * 64), later).status == "waiting"
    assert not ack_may_go(store)


def test_the_hash_of_what_was_stored_counts_as_told(store):
    ref = complete(store, time="")
    claim = store.captures.claim(ref, "worker")
    store.captures.note(claim, sha256="a" * 64, stored_bytes=6)
    store.captures.close(ref, "stored", acknowledged=True, tombstone_ttl_s=A_DAY)
    later = now_ms() + DELAY
    assert describe(store, metadata(time=ANOTHER_TIME, image_sha256="a" * 64), later).status == "stored"


def test_unfinished_chunks_do_not_wait_for_an_image_of_which_nothing_is_known(store):
    describe(store, metadata(time=""))
    put(store, 0, 1)
    outcome = describe(store, metadata(time=""), NOW + TIMEOUT)
    assert outcome.superseded is not None
    assert store.captures.chunks(REF) == {}


def test_a_stale_newer_image_does_not_keep_the_old_one_from_being_offered(store):
    finish(store, complete(store))
    later = now_ms() + DELAY
    put(store, 0, now=later, data=NEW)
    assert describe(store, metadata(), later + TIMEOUT).superseded is not None
    assert put(store, 0, 1, 2, now=later + TIMEOUT).status == "stored"


def test_an_image_that_failed_is_not_acknowledged(store):
    ref = complete(store)
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY)
    assert not ack_may_go(store)
    assert describe(store, metadata()).status == "waiting"
    assert put(store, 0, 1, 2).status == "complete"


def test_the_tombstone_says_what_it_must(store, client):
    finish(store, complete(store, time=""))
    tombstone = client.hgetall(keys.capture_keys(REF)[2])
    assert (tombstone[b"captured"], tombstone[b"image_bytes"], tombstone[b"total"]) == (b"", b"6", b"3")
    assert len(tombstone[b"ends"]) == 3 * 8


def test_a_dark_image_like_the_one_before_is_whole_at_its_second_offer(store):
    """All its chunks are those of the last image too, and its device hears no NACK."""
    finish(store, complete(store))
    newer, later = metadata(time="2025-10-05T00:00:00Z"), now_ms() + DELAY
    for answer in ("waiting", "complete"):
        assert describe(store, newer, later).status == "waiting"
        last = put(store, 0, 1, 2, now=later)
        assert last.status == answer
        if answer == "waiting":
            assert store.captures.chunk_ids(REF) == set(), "late duplicates, for all that is known"
            later = give_up(store) + TIMEOUT
    assert finish(store, last.ref)
