"""What becomes of a capture that has failed: its chunks stay for a while, and an operator may have it tried anew."""

import pytest
from capture_lab import A_DAY, DELAY, NOW, REF, complete, describe, finish, give_up, metadata, put, review
from store_lab import StoreLab

from core.store import memory
from core.store.captures import LeaseLost
from core.store.keys import SEALED_TTL_S, CaptureRef, capture_keys, shard, waiting_key
from core.store.scripts import MAX_REQUEUE_MS

UPLOAD_FAILED = 2204
TIME = "2025-10-04T12:34:56Z"


def fail(store, ref, code=UPLOAD_FAILED):
    """Let a worker find that a capture cannot be stored."""
    assert store.captures.claim(ref, "worker") is not None
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY, kept_for=code)
    return ref


def failed(store, **options):
    return fail(store, complete(store, **options))


def waits(store):
    """What the next sweep would enqueue."""
    return store.captures.enqueue(store.now() + MAX_REQUEUE_MS, None, 100)


def another_time(day):
    return f"2025-11-{day:02}T00:00:00Z"


def test_its_chunks_stay_for_the_ttl_of_an_open_capture(store, client):
    ref = failed(store)
    kept = store.captures.get(ref)
    assert (kept.state, kept.failed_code) == ("failed", UPLOAD_FAILED)
    assert store.captures.chunks(ref) == {0: b"x0", 1: b"x1", 2: b"x2"}
    for name in (*capture_keys(ref)[:2], *client.keys("*:failed")):
        assert 0 < client.ttl(name) <= store.settings.capture_ttl_s
    assert store.captures.failed(10) == [ref]


def test_one_that_is_not_to_be_kept_goes_at_once(store, client):
    ref = complete(store)
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY)
    assert store.captures.failed(10) == []
    assert not client.exists(*capture_keys(ref)[:2])


def test_what_was_closed_before_leaves_nothing_to_keep(store, client):
    ref = complete(store)
    finish(store, ref)
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY, kept_for=UPLOAD_FAILED)
    assert store.captures.failed(10) == []
    assert not client.exists(*capture_keys(ref)[:2])


def test_it_is_not_in_flight_and_nobody_works_on_it(store):
    ref = failed(store)
    assert store.captures.count() == 0
    assert waits(store) == []
    assert store.captures.claim(ref, "late message") is None
    assert store.captures.failed(10) == [ref]
    for day in range(1, 2 * store.settings.max_captures_per_device):
        failed(store, name=f"{day}.jpg", time=another_time(day))


def test_a_worker_that_comes_late_changes_nothing(store):
    ref = complete(store)
    claim = store.captures.claim(ref, "late")
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY, kept_for=UPLOAD_FAILED)
    with pytest.raises(LeaseLost):
        store.captures.note(claim, sha256="ab" * 32)
    store.captures.release(claim, 0, tried=True)
    assert not store.captures.renew(claim)
    assert waits(store) == []


def test_requeued_it_is_tried_as_if_for_the_first_time_and_acknowledged(store, client):
    ref = complete(store)
    for _ in range(3):
        claim = store.captures.claim(ref, "worker")
        store.captures.release(claim, 0, tried=True)
    fail(store, ref)
    assert store.captures.requeue(ref) == "taken"
    assert store.captures.failed(10) == []
    assert store.captures.count() == 1
    for name in capture_keys(ref)[:2]:
        assert client.ttl(name) > A_DAY
    assert store.captures.enqueue(store.now(), None, 10) == [ref]
    claim = store.captures.claim(ref, "worker")
    assert (claim.attempts, claim.capture.tries) == (1, 0)
    assert (claim.capture.state, claim.capture.failed_code) == ("complete", None)
    store.captures.release(claim, 0, tried=False)
    assert finish(store, ref)
    assert store.captures.count() == 0


def test_requeued_it_is_in_flight(store, client):
    ref = failed(store)
    for name in (capture_keys(REF)[4], waiting_key(shard(REF.device_id))):
        client.delete(name)
    store.captures.requeue(ref)
    held = capture_keys(ref)[4]
    assert client.zrange(held, 0, -1) == [str(ref).encode()]
    in_a_week = store.now() + SEALED_TTL_S * 1000
    assert in_a_week - 60_000 < client.zscore(held, str(ref)) < in_a_week + 60_000
    for name in (held, waiting_key(shard(ref.device_id)), capture_keys(ref)[2]):
        assert client.ttl(name) > A_DAY
    assert not client.hexists(capture_keys(ref)[0], "ends")


def test_requeued_twice_it_is_taken_once(store):
    ref = failed(store)
    assert store.captures.requeue(ref) == "taken"
    claim = store.captures.claim(ref, "worker")
    assert store.captures.requeue(ref) == "gone"
    assert store.captures.renew(claim)


@pytest.mark.parametrize("state", ["arrives", "waits", "is stored", "never was"])
def test_only_a_failed_one_is_taken(store, state):
    ref = REF._replace(seal="never") if state == "never was" else complete(store)
    if state == "arrives":
        ref = REF
        describe(store, metadata(time=another_time(1)))
    elif state == "is stored":
        finish(store, ref)
    assert store.captures.requeue(ref) == "gone"


def test_a_dry_run_changes_nothing(store, client):
    ref = failed(store)
    before = {name: client.dump(name) for name in client.keys("*")}
    assert store.captures.requeue(ref, dry_run=True) == "taken"
    assert {name: client.dump(name) for name in client.keys("*")} == before


def test_one_that_expired_is_gone(store, client):
    ref = failed(store)
    client.delete(*capture_keys(ref)[:2])
    assert store.captures.requeue(ref) == "gone"
    assert store.captures.failed(10) == []


@pytest.mark.parametrize("newer", ["arrives", "is complete", "is stored", "failed"])
def test_the_ack_of_a_newer_image_of_its_name_is_not_sent_for_it(store, newer):
    ref = failed(store)
    time = another_time(2)
    if newer == "arrives":
        describe(store, metadata(time=time))
    else:
        other = complete(store, time=time, data=b"y%d")
        if newer == "is stored":
            assert finish(store, other)
        elif newer == "failed":
            fail(store, other)
    assert store.captures.requeue(ref) == "taken"
    assert not finish(store, ref)


def test_the_tombstone_of_a_newer_image_stays_as_it_is(store, client):
    ref = failed(store)
    other = complete(store, time=another_time(2), data=b"y%d")
    before = client.hgetall(capture_keys(REF)[2])
    store.captures.requeue(ref)
    finish(store, ref)
    assert client.hgetall(capture_keys(REF)[2]) == before
    assert finish(store, other)


@pytest.mark.parametrize("times", [(TIME, TIME), ("", ""), (TIME, ""), ("", TIME)])
@pytest.mark.parametrize("is_stored", [False, True])
def test_sent_again_by_its_device_it_is_a_fresh_attempt_that_wins(store, client, times, is_stored):
    ref = failed(store, time=times[0])
    again = complete(store, time=times[1])
    assert again != ref
    if is_stored:
        assert finish(store, again)
    assert store.captures.requeue(ref, dry_run=True) == "sent again"
    assert store.captures.failed(10) == [ref]
    assert store.captures.requeue(ref) == "sent again"
    assert not client.exists(*capture_keys(ref)[:2])
    assert store.captures.failed(10) == []
    assert is_stored or finish(store, again)
    assert review(store, NOW + DELAY).action == "gone"


def test_the_same_bytes_at_another_time_are_another_capture(store):
    ref = failed(store)
    again = complete(store, time=another_time(1))
    assert store.captures.requeue(ref) == "taken"
    assert not finish(store, ref)
    assert finish(store, again)


@pytest.mark.parametrize("field", ["image_sha256", "size"])
def test_an_image_that_tells_another_size_or_checksum_is_another_one(store, field):
    """A dark image may have chunks that end like those of the one before."""
    one, other = ("ab" * 32, "cd" * 32) if field == "image_sha256" else (6, 7)
    ref = failed(store, time="", **{field: one})
    again = complete(store, time="", **{field: other})
    assert store.captures.requeue(ref) == "taken"
    assert store.captures.chunks(ref)
    assert not finish(store, ref)
    assert finish(store, again)


def test_while_it_is_tried_anew_its_device_is_answered_by_its_end(store):
    ref = failed(store)
    store.captures.requeue(ref)
    assert put(store, 0, 1, 2).status == "late"
    assert describe(store, metadata()).status == "late"
    assert finish(store, ref)


def test_a_full_redis_drops_them_after_what_timed_out_the_oldest_first(client, monkeypatch):
    clock = [NOW]
    store = StoreLab(client, clock=lambda: clock[0])
    refs = []
    for day in (1, 2, 3):
        refs.append(failed(store, name=f"{day}.jpg", time=another_time(day)))
        clock[0] += 1
    silent = CaptureRef("AABB", "silent.jpg")
    describe(store, metadata(name="silent.jpg"))
    give_up(store, silent)
    store.captures.settle_timeout(silent)
    monkeypatch.setattr(memory, "DROP_AT_ONCE", 2)
    memory.make_room(store.captures, store.streams)
    assert store.captures.get(silent) is None
    assert store.captures.failed(10) == refs[1:]
    assert [bool(store.captures.chunks(ref)) for ref in refs] == [False, True, True]
    memory.make_room(store.captures, store.streams)
    assert store.captures.failed(10) == []


def test_what_is_tried_anew_is_not_dropped(store):
    ref = failed(store)
    store.captures.requeue(ref)
    store.captures.drop(ref)
    assert store.captures.chunks(ref)


def test_the_index_forgets_what_has_expired(client):
    clock = [NOW]
    store = StoreLab(client, clock=lambda: clock[0])
    half = store.settings.capture_ttl_s * 500
    refs = []
    for day in (1, 2, 3):
        refs.append(failed(store, name=f"{day}.jpg", time=another_time(day)))
        clock[0] += half
    assert store.captures.failed(10) == refs[1:]
