"""What the chunk store promises, the same on fakeredis and on a redis-server."""

from dataclasses import replace

import pytest
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
from core.store.capture import Progress
from core.store.captures import LeaseLost
from core.store.keys import CaptureRef
from core.store.listeners import LISTENER_LIFE_MS, TAKEN_OVER_MS, Heartbeat
from core.store.scripts import MAX_REQUEUE_MS
from core.wire import Sensors, parse_time

# The sweep looks at a capture again after this time (ms) at the earliest.
SOONEST = 250


def test_chunks_after_metadata_complete_the_capture(store):
    assert describe(store, metadata()).status == "waiting"
    assert put(store, 2, 0).status == "waiting"
    outcome = put(store, 1)
    assert outcome.status == "complete"
    assert store.captures.chunks(outcome.ref) == {0: b"x0", 1: b"x1", 2: b"x2"}
    assert store.captures.chunks(REF) == {}


def test_metadata_after_chunks_completes_it_too(store):
    assert put(store, 0, 1, 2).status == "waiting"
    outcome = describe(store, metadata())
    assert outcome.status == "complete"
    assert set(store.captures.chunks(outcome.ref)) == {0, 1, 2}


def test_a_chunk_twice_counts_once(store):
    describe(store, metadata())
    for _ in range(3):
        assert put(store, 0, 1).status == "waiting"
    assert put(store, 2).status == "complete"


def test_a_batch_may_be_committed_again(store):
    batch = store.batch()
    batch.metadata(metadata(), NOW)
    batch.chunks(REF, NOW, [0, b"x0", 1, b"x1", 2, b"x2"])
    first, second = batch.commit(), batch.commit()
    assert [outcome.status for outcome in first] == ["waiting", "complete"]
    assert [outcome.status for outcome in second] == ["late", "late"]
    assert len(store.captures.chunks(first[1].ref)) == 3


def test_chunks_beyond_the_total_are_left_out(store):
    describe(store, metadata())
    assert put(store, 0, 3, 7).out_of_range == 2
    assert put(store, 1, 2).status == "complete"


def test_chunks_beyond_the_total_go_when_the_total_comes(store):
    put(store, 0, 1, 2, 9)
    outcome = describe(store, metadata())
    assert outcome.status == "complete"
    assert set(store.captures.chunks(outcome.ref)) == {0, 1, 2}


def test_good_values_stay_and_gaps_are_filled(store):
    describe(store, metadata(location="roof", sensors=Sensors(temperature_c=20.5)))
    describe(store, metadata(location="cellar", total=None, time="", sensors=Sensors(21.0, 40.0)))
    capture = store.captures.get(REF)
    assert (capture.location, capture.sensors.temperature_c, capture.sensors.humidity_pct) == (
        "roof",
        20.5,
        40.0,
    )


def test_an_empty_repeat_opens_nothing(store, client):
    assert describe(store, metadata(total=None, time="")).status == "ignored"
    assert client.keys() == []


def test_two_devices_with_the_same_image_name(store):
    other = CaptureRef("CCDD", "i.jpg")
    describe(store, metadata())
    put(store, 0, 1, ref=other)
    assert put(store, 0).status == "waiting"
    assert set(store.captures.chunks(other)) == {0, 1}


def test_a_name_with_another_capture_time_is_another_capture(store):
    first = complete(store)
    assert describe(store, metadata(time="2025-10-05T00:00:00Z")).status == "waiting"
    second = put(store, 0, 1, 2, data=b"y%d").ref
    assert store.captures.chunks(first) == {0: b"x0", 1: b"x1", 2: b"x2"}
    assert store.captures.chunks(second) == {0: b"y0", 1: b"y1", 2: b"y2"}


def test_another_capture_under_the_name_gives_up_the_unfinished_one(store):
    describe(store, metadata())
    put(store, 0, 1)
    outcome = describe(store, metadata(time="2025-10-05T00:00:00Z"))
    assert outcome.superseded is not None
    claim = store.captures.claim(outcome.superseded, "worker")
    assert claim is not None
    assert claim.capture.state == "superseded"
    assert claim.capture.device_time == parse_time("2025-10-04T12:34:56Z")
    assert store.captures.chunks(REF) == {}


def broken(store, sha256="ab" * 32, **options):
    """Let a capture complete whose stream turns out to be broken; return its claim with what is noted."""
    claim = store.captures.claim(complete(store, **options), "worker")
    return store.captures.note(
        claim, sha256=sha256, stored_bytes=6, damage="zeros", storage_path="p", recorded=1
    )


def test_a_broken_image_is_asked_for_again_as_a_whole(store, client):
    describe(store, metadata(location="roof"))
    claim = broken(store)
    assert store.captures.ask_again(claim)
    assert store.captures.get(claim.ref) is None
    assert store.captures.chunks(claim.ref) == {}
    again = store.captures.get(REF)
    assert (again.state, again.location, again.total_chunks) == ("arriving", "roof", 3)
    assert (again.damaged_sha256, again.asked_again, again.progress) == ("ab" * 32, 1, Progress())
    [key] = client.keys("*:capture:AABB/i.jpg")
    kept = {"first_at", "last_at", "captured", "total", "location", "metadata", "bytes"}
    kept |= {"described_at", "chunk_at", "last_id", "story"}
    assert {field.decode() for field in client.hkeys(key)} == kept | {"damaged_sha256", "asked_again"}
    assert store.captures.chunks(REF) == {}
    found = review(store, store.now() + DELAY)
    assert (found.action, found.missing) == ("nack", [0, 1, 2])

    # Late repeats of what it sent before are of the same image.
    assert describe(store, metadata()).status == "waiting"
    assert put(store, 0, data=b"x%d").status == "waiting"
    outcome = put(store, 1, 2)
    assert outcome.status == "complete"
    assert outcome.ref != claim.ref
    second = store.captures.claim(outcome.ref, "worker").capture
    assert (second.damaged_sha256, second.asked_again, second.progress) == ("ab" * 32, 1, Progress())


def test_asking_again_starts_the_count_of_nacks_anew(store):
    describe(store, metadata())
    put(store, 0)
    for number in (1, 2, 3, 4):
        review(store, NOW + DELAY * number)
    claim = store.captures.claim(put(store, 1, 2).ref, "worker")
    claim = store.captures.note(claim, sha256="ab" * 32, damage="zeros")
    assert store.captures.ask_again(claim)
    assert review(store, store.now() + DELAY).action == "nack"


def test_a_fresh_attempt_is_asked_for_again_too(store):
    store.captures.close(complete(store), "failed", tombstone_ttl_s=A_DAY)
    assert store.captures.ask_again(broken(store))
    assert review(store, store.now() + DELAY).action == "nack"


def test_asked_again_it_is_in_flight_once_and_ends_by_itself(store, client):
    assert store.captures.ask_again(broken(store))
    assert store.captures.count() == 1
    [held] = client.keys("*:held:AABB")
    assert client.zrange(held, 0, -1) == [b"AABB/i.jpg"]
    assert 0 < client.ttl(client.keys("*:capture:AABB/i.jpg")[0]) <= store.settings.capture_ttl_s
    assert client.zcard(held) == 1


def test_a_broken_image_is_not_asked_for_once_the_name_is_another_image(store):
    claim = broken(store)
    describe(store, metadata(time="2025-10-05T00:00:00Z"))
    assert not store.captures.ask_again(claim)  # the newer one arrives
    assert put(store, 0, 1, 2, data=b"y%d").status == "complete"
    assert not store.captures.ask_again(claim)  # and is complete
    assert store.captures.chunks(claim.ref) == {0: b"x0", 1: b"x1", 2: b"x2"}
    assert store.captures.get(claim.ref).progress.sha256 == "ab" * 32


def test_a_worker_that_lost_its_lease_asks_for_nothing(store):
    claim = broken(store)
    with pytest.raises(LeaseLost):
        store.captures.ask_again(replace(claim, owner="another"))
    assert store.captures.chunks(claim.ref) == {0: b"x0", 1: b"x1", 2: b"x2"}


def test_the_broken_stream_is_remembered_until_the_device_wakes_again(store, client):
    assert store.captures.ask_again(broken(store))
    client.delete(*client.keys("*:capture:AABB/i.jpg"))  # its TTL has ended
    ref = complete(store)
    assert store.captures.get(ref).damaged_sha256 == "ab" * 32
    assert store.captures.get(ref).asked_again == 0


def test_two_images_are_never_mixed(store):
    put(store, 0, 1, 2)
    put(store, 1, data=b"other%d")
    assert store.captures.chunks(REF) == {1: b"other1"}


def test_captures_of_a_device_are_bounded(store):
    refs = [CaptureRef("AABB", f"{number}.jpg") for number in range(4)]
    assert [put(store, 0, ref=ref).status for ref in refs] == ["waiting"] * 3 + ["refused"]
    assert put(store, 0, ref=CaptureRef("CCDD", "0.jpg")).status == "waiting"


def test_an_image_is_bounded(store):
    assert put(store, 0, data=b"%d" + bytes(2000)).status == "waiting"
    assert put(store, 1, data=b"%d" + bytes(2000)).status == "too_large"
    assert store.captures.chunks(REF) == {}
    assert store.captures.due(NOW + TIMEOUT, 10) == []


def test_every_key_has_an_end(store, client):
    complete(store)
    put(store, 0, ref=CaptureRef("CCDD", "j.jpg"))
    finish(store, complete(store, time="2025-10-05T00:00:00Z", data=b"y%d"))
    describe(store, metadata(total=None, time="", name="report", error="3"))
    assert describe(store, metadata(time="2025-10-05T00:00:00Z"), now_ms()).status == "late"
    store.streams.append(keys.LOG, [{"a": 1}])
    batch = store.batch()
    batch.heard(Heartbeat("fleet", NOW, NOW))
    batch.commit()
    with store.locks.turn("sweep", 5):
        assert client.keys()
        assert [key for key in client.scan_iter() if client.ttl(key) <= 0] == []


def test_missing_chunks_are_asked_for_after_silence_and_a_bounded_number_of_times(store):
    describe(store, metadata(total=5))
    put(store, 1, 3, now=NOW + 1000)
    assert store.captures.due(NOW + DELAY - 1, 10) == []
    assert store.captures.due(NOW + DELAY, 10) == [REF]
    assert review(store, NOW + DELAY).action == "wait"  # the last chunk came a second after the first message
    times = [NOW + 1000 + DELAY * round for round in (1, 2, 3, 4)]
    reviews = [review(store, time) for time in times]
    assert [answer.action for answer in reviews] == ["nack", "nack", "nack", "wait"]
    assert reviews[0].missing == [0, 2, 4]


def test_a_chunk_breaks_the_silence(store):
    describe(store, metadata())
    put(store, 0, now=NOW + DELAY - 1)
    assert review(store, NOW + DELAY).action == "wait"
    assert store.captures.due(NOW + 2 * DELAY - 2, 10) == []


def test_nothing_is_missing_that_no_listener_could_have_heard(store):
    describe(store, metadata())
    put(store, 0)
    times = [NOW + TIMEOUT + SOONEST * number for number in range(5)]
    for now, heard in zip(times, (NOW + DELAY - 1, None, NOW + DELAY - 1, None), strict=False):
        assert store.captures.review(REF, now, heard).action == "wait"
    assert store.captures.review(REF, times[-1], NOW + DELAY).action == "nack"


def test_two_sweeps_at_once_act_once(store):
    describe(store, metadata())
    put(store, 0)
    assert review(store, NOW + DELAY).action == "nack"
    assert review(store, NOW + DELAY).action == "wait"
    told = give_up(store)
    assert review(store, told).action == "wait"
    store.captures.settle_timeout(REF)
    assert review(store, told).action == "gone"
    assert store.captures.due(NOW + A_DAY * 1000, 10) == []


def test_the_slowest_living_listener_tells_what_was_heard(store):
    assert store.listeners.heard_until(NOW) is None
    batch = store.batch()
    batch.heard(Heartbeat("one", NOW, NOW - 100))
    batch.heard(Heartbeat("two", NOW, NOW - 900))
    batch.heard(Heartbeat("dead", NOW - TAKEN_OVER_MS, NOW - 70_000))
    batch.commit()
    assert store.listeners.heard_until(NOW) == NOW - 900


def test_what_a_dead_listener_has_left_is_not_missing_until_it_is_taken_over(store):
    batch = store.batch()
    batch.heard(Heartbeat("dead@1", NOW - LISTENER_LIFE_MS, NOW - 16_000))
    batch.commit()
    assert store.listeners.heard_until(NOW) is None
    batch = store.batch()
    batch.heard(Heartbeat("one@2", NOW, NOW - 100))
    batch.commit()
    assert store.listeners.heard_until(NOW) == NOW - 16_000
    store.listeners.forget("dead")
    assert store.listeners.heard_until(NOW) == NOW - 100


def test_of_two_listeners_with_one_session_the_younger_counts(store):
    batch = store.batch()
    batch.heard(Heartbeat("fleet@18a", NOW, NOW - 100))
    batch.heard(Heartbeat("fleet@17f", NOW, NOW - 9_000))
    batch.commit()
    assert [beat.name for beat in store.listeners.all()] == ["fleet@18a"]
    assert store.listeners.heard_until(NOW) == NOW - 100


def test_a_dead_listener_is_forgotten_when_another_has_its_session(store):
    batch = store.batch()
    batch.heard(Heartbeat("fleet@2", NOW - LISTENER_LIFE_MS - 1, NOW - 16_000))
    batch.heard(Heartbeat("other@1", NOW - LISTENER_LIFE_MS - 1, NOW - 16_000))
    batch.heard(Heartbeat("fleet@1", NOW, NOW))
    batch.commit()
    assert sorted(beat.name for beat in store.listeners.all()) == ["fleet@1", "other@1"]


def test_a_listener_that_is_gone_is_forgotten(store):
    batch = store.batch()
    batch.heard(Heartbeat("gone", NOW - keys.LISTENERS_TTL_S * 1000 - 1, NOW - 70_000))
    batch.heard(Heartbeat("late", NOW - keys.LISTENERS_TTL_S * 1000, NOW - 70_000))
    batch.heard(Heartbeat("one", NOW, NOW - 100))
    batch.commit()
    assert sorted(beat.name for beat in store.listeners.all()) == ["late", "one"]


def test_an_arriving_capture_is_announced_once(store):
    describe(store, metadata())
    put(store, 0, now=NOW + DELAY)
    assert review(store, NOW + DELAY).announce
    assert not review(store, NOW + DELAY + 1000).announce


def test_a_capture_that_times_out_keeps_its_chunks_and_may_come_back(store):
    describe(store, metadata())
    put(store, 0, 2)
    told = give_up(store)
    assert review(store, told + MAX_REQUEUE_MS).action == "timed_out"  # until its row is written
    store.captures.settle_timeout(REF)
    assert store.captures.due(NOW + A_DAY * 1000, 10) == []
    assert put(store, 1, now=NOW + 2 * TIMEOUT).status == "complete"


def test_a_capture_that_came_back_is_not_settled(store):
    describe(store, metadata())
    review(store, NOW + TIMEOUT)
    put(store, 0, now=NOW + TIMEOUT + 1)
    store.captures.settle_timeout(REF)
    assert store.captures.due(NOW + 2 * TIMEOUT, 10) == [REF]
    assert review(store, NOW + TIMEOUT + 1 + DELAY).missing == [1, 2]


def test_what_is_finished_is_gone(store):
    ref = complete(store)
    finish(store, ref)
    assert store.captures.claim(ref, "late") is None
    assert store.captures.get(ref) is None
    assert store.captures.due(NOW + A_DAY * 1000, 10) == []


def test_entries_wait_until_they_are_deleted(store):
    store.streams.append(keys.LOG, [{"n": 1}, {"n": 2}])
    store.streams.append(keys.LOG, [{"n": 3}])
    batches = store.streams.oldest(keys.LOG, 10)
    assert [batch.entries for batch in batches] == [[{"n": 1}, {"n": 2}], [{"n": 3}]]
    store.streams.delete(keys.LOG, [batches[0].id])
    assert [batch.entries for batch in store.streams.oldest(keys.LOG, 10)] == [[{"n": 3}]]


def test_a_claim_whose_answer_was_lost_may_be_repeated(store):
    ref = complete(store)
    first = store.captures.claim(ref, "mine")
    assert store.captures.claim(ref, "mine") == first
    assert store.captures.claim(ref, "another") is None
    assert first.attempts == 1


def test_a_lock_has_one_holder(store):
    with store.locks.turn("sweep", 5) as mine:
        assert mine
        with store.locks.turn("sweep", 5) as another:
            assert not another
    with store.locks.turn("sweep", 5) as mine:
        assert mine


def test_of_many_turns_that_have_waited_one_is_taken(store, client):
    taken = []
    for _ in range(100):
        with store.locks.turn("sweep", 5, every=60) as mine:
            taken.append(mine)
    assert taken == [True] + [False] * 99
    assert 5_000 < client.pttl(keys.lock_key("sweep")) <= 60_000


def test_a_holder_whose_time_ran_out_does_not_free_its_successors_lock(store, client):
    with store.locks.turn("sweep", 5) as first:
        client.delete(keys.lock_key("sweep"))  # as if it ran out
        with store.locks.turn("sweep", 5) as successor:
            assert first
            assert successor
            with store.locks.turn("sweep", 5) as third:
                assert not third
            token = client.get(keys.lock_key("sweep"))
        assert client.get(keys.lock_key("sweep")) is None
        client.set(keys.lock_key("sweep"), token)
    assert client.get(keys.lock_key("sweep")) == token


def test_scripts_come_back_after_redis_lost_them(store, client):
    describe(store, metadata())
    client.script_flush()
    assert put(store, 0, 1, 2).status == "complete"
    client.script_flush()
    assert store.captures.review(REF, NOW, NOW).action == "gone"


def test_chunks_that_came_long_before_any_metadata_are_not_taken_for_its_own(store):
    put(store, 0, 1, 2)
    assert describe(store, metadata(), NOW + TIMEOUT).status == "waiting"
    assert store.captures.chunks(REF) == {}
