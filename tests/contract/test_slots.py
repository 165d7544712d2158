"""A device has a bounded number of captures in flight; each way in which a capture ends frees its place."""

import pytest
from capture_lab import give_up
from store_lab import StoreLab

from core.clock import now_ms
from core.store import keys
from core.store.keys import CaptureRef
from core.wire import Metadata, parse_time

DEVICE = "AABB"
# More than twice the captures that the store's settings allow a device.
ROUNDS = 7
TIMEOUT = 60_000
DAY_MS = 86_400_000


def describe(store, name, now, time="2025-10-04T12:34:56Z", total=2):
    batch = store.batch()
    batch.metadata(Metadata(DEVICE, None, name, parse_time(time), None, total), now)
    [outcome] = batch.commit()
    return outcome


def put(store, name, now, *numbers, data=b"x%d"):
    batch = store.batch()
    batch.chunks(CaptureRef(DEVICE, name), now, [item for each in numbers for item in (each, data % each)])
    [outcome] = batch.commit()
    return outcome


def whole(store, name, now):
    begun = describe(store, name, now)
    assert begun.status == "waiting"
    return put(store, name, now, 0, 1).ref


def stored(store, name, now):
    store.captures.close(whole(store, name, now), "stored", tombstone_ttl_s=60)


def failed(store, name, now):
    store.captures.close(whole(store, name, now), "failed", tombstone_ttl_s=60)


def too_large(store, name, now):
    assert describe(store, name, now).status == "waiting"
    assert put(store, name, now, 0, 1, data=b"%d" + bytes(1500)).status == "too_large"


def timed_out(store, name, now):
    assert describe(store, name, now).status == "waiting"
    ref = CaptureRef(DEVICE, name)
    give_up(store, ref)
    store.captures.settle_timeout(ref)


def timed_out_and_dropped(store, name, now):
    timed_out(store, name, now)
    store.captures.drop(CaptureRef(DEVICE, name))


def late_repeat_of_a_failed_one(store, name, now):
    failed(store, name, now)
    assert describe(store, name, now).status == "waiting"
    assert store.captures.review(CaptureRef(DEVICE, name), now + TIMEOUT, now + TIMEOUT).action == "gone"


def lost_by_redis_while_open(store, name, now):
    assert put(store, name, now, 0).status == "waiting"
    ref = CaptureRef(DEVICE, name)
    store.redis.delete(*keys.capture_keys(ref)[:2])
    assert store.captures.review(ref, now + TIMEOUT, now + TIMEOUT).action == "gone"


def lost_by_redis_when_complete(store, name, now):
    ref = whole(store, name, now)
    store.redis.delete(*keys.capture_keys(ref)[:3])
    assert store.captures.claim(ref, "worker") is None


def superseded(store, name, now):
    assert describe(store, name, now).status == "waiting"
    outcome = describe(store, name, now, "2025-10-05T00:00:00Z")
    assert (outcome.status, bool(outcome.superseded)) == ("waiting", True)
    store.captures.close(outcome.superseded, "failed", tombstone_ttl_s=60)
    store.captures.close(put(store, name, now, 0, 1).ref, "stored", tombstone_ttl_s=60)


ENDS = (
    stored,
    failed,
    too_large,
    timed_out,
    timed_out_and_dropped,
    late_repeat_of_a_failed_one,
    lost_by_redis_while_open,
    lost_by_redis_when_complete,
    superseded,
)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_a_capture_that_ends_makes_room_for_the_next(store, client, end):
    now = now_ms()
    for number in range(ROUNDS):
        end(store, f"{number}.jpg", now)
    held, due = keys.capture_keys(CaptureRef(DEVICE, ""))[4], keys.capture_keys(CaptureRef(DEVICE, ""))[3]
    assert client.zrange(held, 0, -1) == []
    assert client.zrange(due, 0, -1) == []


def test_a_place_that_nobody_frees_is_free_when_its_capture_has_expired(store):
    then = now_ms()
    for number in range(3):
        assert put(store, f"{number}.jpg", then, 0).status == "waiting"
    assert put(store, "3.jpg", then, 0).status == "refused"
    expired = then + store.settings.capture_ttl_s * 1000
    assert put(store, "3.jpg", expired - 1, 0).status == "refused"
    assert put(store, "3.jpg", expired, 0).status == "waiting"


def test_a_complete_capture_keeps_its_place_until_it_is_stored(store):
    now = now_ms()
    refs = [whole(store, f"{number}.jpg", now) for number in range(3)]
    assert describe(store, "3.jpg", now + DAY_MS).status == "refused"
    store.captures.close(refs[0], "stored", tombstone_ttl_s=60)
    assert describe(store, "3.jpg", now + DAY_MS).status == "waiting"


def test_an_early_chunk_whose_id_is_the_total_is_not_of_the_picture(store):
    now = now_ms()
    put(store, "i.jpg", now, 0, 2)
    assert describe(store, "i.jpg", now).status == "waiting"  # two of two chunks, and not the right ones
    outcome = put(store, "i.jpg", now, 1)
    assert outcome.status == "complete"
    assert store.captures.chunks(outcome.ref) == {0: b"x0", 1: b"x1"}


def test_a_later_chunk_whose_id_is_the_total_is_not_of_the_picture(store):
    now = now_ms()
    describe(store, "i.jpg", now)
    outcome = put(store, "i.jpg", now, 0, 2)
    assert (outcome.status, outcome.out_of_range) == ("waiting", 1)


def report(store, name, now):
    batch = store.batch()
    batch.metadata(Metadata(DEVICE, None, name, error="2"), now)
    [outcome] = batch.commit()
    return outcome


def test_what_begins_says_so(store):
    now = now_ms()
    assert [describe(store, "i.jpg", now).begun for _ in range(2)] == [True, False]
    assert describe(store, "i.jpg", now, "2025-10-05T00:00:00Z").begun, "another picture of that name"
    assert [put(store, "i.jpg", now, number).begun for number in range(2)] == [False, False]
    assert not put(store, "i.jpg", now, 0).begun, "a chunk of the picture that was just complete"
    assert [report(store, "r.jpg", now).begun for _ in range(2)] == [True, False]


def test_what_is_refused_does_not_begin(store):
    now = now_ms()
    begun = [put(store, f"{number}.jpg", now, 0).begun for number in range(5)]
    assert begun == [True] * 3 + [False] * 2


def stored_and_acknowledged(store, name, now):
    store.captures.close(whole(store, name, now), "stored", acknowledged=True, tombstone_ttl_s=60)


def test_few_acks_at_a_time_are_sent_again_after_a_silence(store, client):
    now = now_ms()
    names = [f"{number}.jpg" for number in range(ROUNDS)]
    for name in names:
        stored_and_acknowledged(store, name, now)
    assert {describe(store, name, now).status for name in names} == {"late"}
    silent = now + 60_000
    refs = [CaptureRef(DEVICE, name) for name in names]
    actions = [store.captures.review(ref, silent, silent).action for ref in refs]
    assert actions.count("acknowledge") == 3, "as many as captures in flight"
    held, due = keys.capture_keys(CaptureRef(DEVICE, ""))[4], keys.capture_keys(CaptureRef(DEVICE, ""))[3]
    assert (client.zrange(held, 0, -1), client.zrange(due, 0, -1)) == ([], [])


def test_one_that_repeats_itself_takes_one_place(store):
    now = now_ms()
    stored_and_acknowledged(store, "i.jpg", now)
    assert {describe(store, "i.jpg", now + number).status for number in range(ROUNDS)} == {"late"}
    assert all(put(store, f"{number}.jpg", now, 0).begun for number in range(2))
    assert describe(store, "i.jpg", now + ROUNDS).status == "late"
    later = now + 60_000
    assert store.captures.review(CaptureRef(DEVICE, "i.jpg"), later, later).action == "acknowledge"


def grow(store, name, now, pieces=16):
    """Send an image in pieces of 64 kB, until all are held or it is refused."""
    piece = bytes(2**16)
    for number in range(pieces):
        outcome = put(store, name, now, number, data=b"%d" + piece)
        if outcome.status != "waiting":
            return outcome.status
    return "waiting"


def test_the_images_of_a_device_in_flight_are_bounded_together(client):
    most = 17 * 2**16
    store, now = StoreLab(client, max_image_bytes=most, max_captures_per_device=32), now_ms()
    assert [grow(store, f"{number}.jpg", now) for number in range(4)] == ["waiting"] * 2 + ["refused"] * 2
    for number in range(2, 32):
        as_large_as_it_may_be = max(3, 2 * 16 // (number + 1) - 1)
        assert grow(store, f"{number}.jpg", now, as_large_as_it_may_be) == "waiting"
    held = sum(
        len(data)
        for number in range(32)
        for data in store.captures.chunks(CaptureRef(DEVICE, f"{number}.jpg")).values()
    )
    assert held < 10 * most, "not 32 times"


def test_what_is_refused_for_its_size_leaves_its_place(client):
    store, now = StoreLab(client, max_image_bytes=2**20, max_captures_per_device=8), now_ms()
    ends = [grow(store, f"{number}.jpg", now) for number in range(8)]
    held = client.zrange(keys.capture_keys(CaptureRef(DEVICE, ""))[4], 0, -1)
    assert len(held) == ends.count("waiting") < 8
