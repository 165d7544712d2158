"""What is in flight has a place, and what has none takes one before it goes on, whatever became of it before."""

from itertools import count, islice

import fakeredis
import pytest
from capture_lab import DELAY, NOW, REF, TIMEOUT, complete, describe, finish, give_up, metadata, put, review
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from store_lab import StoreLab

from core.store import keys, memory
from core.store.captures import Action
from core.store.keys import CaptureRef

PLACES = 3
PIECE = b"%d" + bytes(2**16)
MEGABYTE = 2**20
ANOTHER_TIME = "2025-10-05T00:00:00Z"


def named(number):
    return REF._replace(image_name=f"{number}.jpg")


def held(client, device="AABB"):
    """The device's places: member → when it ends (ms)."""
    return dict(client.zrange(keys.capture_keys(CaptureRef(device, ""))[4], 0, -1, withscores=True))


def time_out(store, ref, now=NOW):
    """Let a capture begin and time out, with its row written; return when that was."""
    assert describe(store, metadata(name=ref.image_name), now).status == "waiting"
    assert put(store, 0, ref=ref, now=now).status == "waiting"
    told = give_up(store, ref)
    store.captures.settle_timeout(ref)
    return told


# What has timed out and comes back


def again_by_chunk(store, ref, now):
    return put(store, 1, ref=ref, now=now).status


def again_by_metadata(store, ref, now):
    return describe(store, metadata(name=ref.image_name), now).status


@pytest.mark.parametrize("again", [again_by_chunk, again_by_metadata])
def test_what_comes_back_takes_a_place_or_is_refused(store, client, again):
    told = max(time_out(store, named(number)) for number in range(2 * PLACES))
    assert held(client) == {}
    statuses = [again(store, named(number), told) for number in range(2 * PLACES)]
    assert statuses == ["waiting"] * PLACES + ["refused"] * PLACES
    assert set(held(client)) == {str(named(number)).encode() for number in range(PLACES)}
    for number in range(PLACES, 2 * PLACES):
        assert store.captures.get(named(number)).state == "timed_out", "it may come back later"
        assert set(store.captures.chunks(named(number))) == {0}


def test_what_was_refused_when_it_came_back_does_so_when_there_is_room(store):
    told = time_out(store, REF)
    others = [complete(store, name=f"{number}.jpg") for number in range(PLACES)]
    assert put(store, 1, 2, now=told).status == "refused"
    finish(store, others[0])
    assert put(store, 1, now=told).status == "waiting"
    assert put(store, 2, now=told).status == "complete"


def test_what_comes_back_counts_among_all_of_its_shard(client):
    store = StoreLab(client, max_captures=PLACES * keys.SHARDS)
    names = (f"DEVICE{number}" for number in count())
    devices = islice((name for name in names if keys.shard(name) == 5), PLACES + 1)
    first, *others = [CaptureRef(device, "i.jpg") for device in devices]
    put(store, 0, ref=first)
    told = give_up(store, first)
    store.captures.settle_timeout(first)
    assert {put(store, 0, ref=ref, now=told).status for ref in others} == {"waiting"}
    assert put(store, 1, ref=first, now=told).status == "refused"


def test_what_comes_back_before_its_row_is_written_keeps_its_place(store, client):
    describe(store, metadata())
    told = give_up(store)
    for number in range(PLACES - 1):
        put(store, 0, ref=named(number), now=told)
    assert put(store, 0, now=told).status == "waiting"
    assert len(held(client)) == PLACES


def test_another_image_of_its_name_ends_it_without_a_place(store, client):
    told = max(time_out(store, named(number)) for number in range(2 * PLACES))
    for number in range(PLACES):
        put(store, 0, ref=REF._replace(image_name=f"other{number}.jpg"), now=told)
    for number in range(2 * PLACES):
        outcome = describe(store, metadata(name=f"{number}.jpg", time=ANOTHER_TIME), told)
        assert (outcome.status, outcome.superseded) == ("refused", None)
        assert store.captures.get(named(number)) is None
    assert len(held(client)) == PLACES
    assert store.captures.count() == PLACES


# How long a place lasts


def test_the_place_of_what_keeps_arriving_lasts_as_long_as_it_does(store):
    ttl = store.settings.capture_ttl_s * 1000
    for number in range(PLACES):
        put(store, 0, ref=named(number))
    for number in range(PLACES):
        put(store, 1, ref=named(number), now=NOW + ttl - 1)
    assert put(store, 0, now=NOW + ttl).status == "refused"
    assert put(store, 0, now=NOW + 2 * ttl - 2).status == "refused"
    assert put(store, 0, now=NOW + 2 * ttl - 1).status == "waiting"


def report(store, now=NOW):
    return describe(store, metadata(total=None, error="3"), now)


def test_who_asks_for_an_ack_shortens_no_place(store, client):
    store.captures.close(report(store).ref, "stored", acknowledged=True, tombstone_ttl_s=60)
    now = store.now()
    put(store, 0, now=now)
    before = held(client)
    assert report(store, now).status == "late", "the ACK is asked for once more"
    assert held(client) == before
    assert len(before) == 1


def test_nor_does_who_asks_twice_take_two(store, client):
    store.captures.close(complete(store), "stored", acknowledged=True, tombstone_ttl_s=60)
    now = store.now()
    for later in (0, 1):
        assert describe(store, metadata(), now + later).status == "late"
    assert held(client) == {str(REF).encode(): now + 1 + TIMEOUT}


def grow(store, ref, pieces, now=NOW, first=0):
    """Send an image in pieces of 64 kB, until all are held or it is refused."""
    for number in range(first, pieces):
        outcome = put(store, number, ref=ref, now=now, data=PIECE)
        if outcome.status != "waiting":
            return outcome.status
    return "waiting"


def test_a_place_whose_time_is_over_takes_no_bytes_from_others(client):
    store = StoreLab(client, max_image_bytes=MEGABYTE)
    for number in range(PLACES):
        ref = complete(store, name=f"{number}.jpg")
        store.captures.close(ref, "stored", acknowledged=True, tombstone_ttl_s=60)
    now = store.now()
    for number in range(PLACES):
        assert describe(store, metadata(name=f"{number}.jpg"), now).status == "late"
    put(store, 0, now=now, data=PIECE)
    assert len(held(client)) == PLACES + 1
    assert grow(store, REF, 14, now + TIMEOUT, first=1) == "waiting"


def test_the_places_of_a_device_outlast_what_is_asked_for_again(store, client):
    claim = store.captures.claim(complete(store), "worker")
    claim = store.captures.note(claim, sha256="ab" * 32, damage="zeros")
    [key] = client.keys("*:held:AABB")
    client.expire(key, 50)
    assert store.captures.ask_again(claim)
    assert client.ttl(key) > store.settings.capture_ttl_s


# What is let go, since its device has too many bytes in flight


@pytest.fixture
def small(client):
    """A store in which a device may have two whole images of 17 pieces, or more of smaller ones."""
    return StoreLab(client, max_image_bytes=17 * 2**16, max_captures_per_device=8)


def in_flight(store, *numbers):
    """Let images arrive that lack their last piece."""
    for number in numbers:
        describe(store, metadata(total=17, name=f"{number}.jpg"))
        assert grow(store, named(number), 10) == "waiting"


def let_go(store, now=NOW, **more):
    describe(store, metadata(total=16, location="roof", **more), now)
    assert grow(store, REF, 16, now) == "refused"


def test_what_is_let_go_keeps_its_description_and_comes_when_there_is_room(small, client):
    in_flight(small, 1, 2)
    let_go(small)
    assert str(REF).encode() not in held(client)
    assert small.captures.chunks(REF) == {}
    refs = [grow_to_the_end(small, number) for number in (1, 2)]
    for ref in refs:
        finish(small, ref)
    assert grow(small, REF, 15) == "waiting"
    outcome = put(small, 15, data=PIECE)
    assert outcome.status == "complete", "without its metadata once more"
    assert small.captures.get(outcome.ref).location == "roof"


def grow_to_the_end(store, number):
    assert grow(store, named(number), 10) == "waiting"
    store.redis.hset(keys.capture_keys(named(number))[0], "total", 10)
    outcome = put(store, 0, ref=named(number), data=PIECE)
    assert outcome.status == "complete"
    return outcome.ref


def test_what_is_let_go_is_asked_for_as_often_as_any_other(small):
    in_flight(small, 1, 2)
    let_go(small)
    actions, now = [], NOW
    for _ in range(10):
        put(small, 0, now=now, data=PIECE)
        now += DELAY
        actions.append(review(small, now).action)
        grow(small, REF, 16, now)
    assert actions.count(Action.NACK) == small.settings.retransmit_max


def test_at_its_next_wake_it_is_asked_for_anew(small):
    test_what_is_let_go_is_asked_for_as_often_as_any_other(small)
    now = NOW + 10 * DELAY + TIMEOUT
    put(small, 0, now=now, data=PIECE)
    assert review(small, now + DELAY).action == Action.NACK


def test_a_late_chunk_of_the_image_before_joins_nothing_that_was_let_go(small):
    first = complete(small)
    finish(small, first)
    in_flight(small, 1, 2)
    let_go(small, time=ANOTHER_TIME)
    put(small, 0, data=b"x%d")
    assert small.captures.chunks(REF) == {}


def test_what_is_let_go_is_dropped_where_room_is_needed(small, client):
    in_flight(small, 1, 2)
    let_go(small)
    assert small.captures.abandoned(10) == []
    assert review(small, NOW + DELAY).action == Action.GONE
    assert small.captures.abandoned(10) == [REF]
    assert 0 < client.ttl(client.keys("*:abandoned")[0]) <= small.settings.capture_ttl_s
    assert small.captures.count() == 2
    memory.make_room(small.captures, small.streams)
    assert small.captures.get(REF) is None
    assert small.captures.abandoned(10) == []


def test_one_that_has_come_back_is_not_dropped(small):
    in_flight(small, 1, 2)
    let_go(small)
    review(small, NOW + DELAY)
    put(small, 0, data=PIECE)
    memory.make_room(small.captures, small.streams)
    assert set(small.captures.chunks(REF)) == {0}


def test_what_is_let_go_ends_by_itself(small, client):
    in_flight(small, 1, 2)
    let_go(small)
    key = keys.capture_keys(REF)[0]
    assert 0 < client.ttl(key) <= small.settings.capture_ttl_s


# Whose new image is refused


@pytest.mark.parametrize("tells", ["metadata", "chunks"])
@pytest.mark.parametrize("is_stored", [False, True])
def test_an_ack_is_withheld_when_the_device_has_another_image_that_was_refused(store, tells, is_stored):
    ref = complete(store)
    for number in range(PLACES - (not is_stored)):
        put(store, 0, ref=named(number))
    if is_stored:
        store.captures.close(ref, "stored", tombstone_ttl_s=60)
        put(store, 0, ref=named(PLACES))
    if tells == "metadata":
        outcome = describe(store, metadata(time=ANOTHER_TIME))
    else:
        outcome = put(store, 0, data=b"other%d")
    assert outcome.status == "refused"
    assert not store.captures.may_acknowledge(ref), "the device would delete the image that it has now"


@pytest.mark.parametrize("tells", ["metadata", "chunks"])
def test_nor_is_the_image_before_asked_for_once_more(store, tells):
    claim = store.captures.claim(complete(store), "worker")
    claim = store.captures.note(claim, sha256="ab" * 32, damage="zeros")
    for number in range(PLACES - 1):
        put(store, 0, ref=named(number))
    if tells == "metadata":
        assert describe(store, metadata(time=ANOTHER_TIME)).status == "refused"
    else:
        assert put(store, 0, data=b"other%d").status == "refused"
    assert not store.captures.ask_again(claim), "the device would send the image that it has now"
    assert store.captures.chunks(claim.ref)


class InFlight(RuleBasedStateMachine):
    """Whatever happens to its captures, a device has no more of them in flight than it has places."""

    NAMES = tuple(f"{number}.jpg" for number in range(6))
    names = st.sampled_from(NAMES)
    times = st.sampled_from(["2025-10-04T12:34:56Z", ANOTHER_TIME])

    def __init__(self):
        super().__init__()
        self.now = NOW
        self.store = StoreLab(
            fakeredis.FakeRedis(),
            clock=lambda: self.now,
            max_image_bytes=2**19,
            max_captures_per_device=PLACES,
        )
        self.sealed = []

    def settle(self, outcome):
        if outcome.superseded:
            self.sealed.append(outcome.superseded)
        if outcome.status == "complete":
            self.sealed.append(outcome.ref)

    @rule(name=names, time=times, total=st.sampled_from([2, 8]))
    def metadata(self, name, time, total):
        self.settle(describe(self.store, metadata(name=name, time=time, total=total), self.now))

    @rule(name=names, error=st.sampled_from("23"))
    def report(self, name, error):
        self.settle(describe(self.store, metadata(name=name, total=None, error=error), self.now))

    @rule(
        name=names,
        numbers=st.lists(st.integers(0, 7), min_size=1, max_size=8, unique=True),
        other=st.booleans(),
    )
    def chunks(self, name, numbers, other):
        data = b"%d" + (b"other" if other else b"") + bytes(2**16)
        self.settle(put(self.store, *numbers, ref=REF._replace(image_name=name), now=self.now, data=data))

    @rule(end=st.sampled_from(["stored", "failed", "kept", "again"]), choice=st.integers(0, 9))
    def a_worker_ends_one(self, end, choice):
        if not self.sealed:
            return
        ref = self.sealed.pop(choice % len(self.sealed))
        claim = self.store.captures.claim(ref, "worker")
        assert claim is not None, ref
        claim = self.store.captures.note(claim, sha256="ab" * 32, stored_bytes=6)
        whole = claim.capture.error is None and claim.capture.state == "complete"
        if end == "again" and whole and self.store.captures.ask_again(claim):
            return
        state = "stored" if end == "stored" else "failed"
        acknowledged = state == "stored" and self.store.captures.may_acknowledge(ref)
        self.store.captures.close(
            ref,
            state,
            acknowledged=acknowledged,
            tombstone_ttl_s=3600,
            kept_for=2204 if end == "kept" else None,
        )

    @rule(delay=st.sampled_from([1, DELAY, TIMEOUT]), database=st.booleans())
    def time_passes(self, delay, database):
        self.now += delay
        for ref in self.store.captures.due(self.now, 100):
            if review(self.store, self.now, ref).action is Action.TIMED_OUT and database:
                self.store.captures.settle_timeout(ref)

    @rule()
    def redis_is_almost_full(self):
        memory.make_room(self.store.captures, self.store.streams)

    @invariant()
    def each_in_flight_has_a_place_and_there_are_not_too_many(self):
        places = held(self.store.redis)
        arriving = {
            str(ref).encode()
            for ref in (REF._replace(image_name=name) for name in self.NAMES)
            if (capture := self.store.captures.get(ref)) and capture.state == "arriving"
        }
        assert arriving | {str(ref).encode() for ref in self.sealed} <= set(places)
        assert len(places) <= PLACES

    @invariant()
    def the_sweep_looks_after_each(self):
        looked_after = {ref for ref, _ in self.store.captures.soonest(1000)}
        for name in self.NAMES:
            ref = REF._replace(image_name=name)
            if (capture := self.store.captures.get(ref)) and capture.state == "arriving":
                assert ref in looked_after
        assert set(self.sealed) <= looked_after


TestInFlight = InFlight.TestCase
TestInFlight.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
