"""Which capture has the plain name of its objects, the same on fakeredis and on a redis-server."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from core.store import keys

PLACE = "AABB/2025/10/04/image_1.jpg"


def reserve(store, suffix, place=PLACE):
    return store.places.reserve("AABB", place, suffix)


def test_the_first_has_the_name_and_the_others_have_not(store):
    assert [reserve(store, suffix) for suffix in ("one", "two", "three")] == [True, False, False]
    assert reserve(store, "two", place="AABB/2025/10/05/image_1.jpg")


def test_who_asks_again_gets_the_same_answer(store):
    for _ in range(2):
        assert [reserve(store, suffix) for suffix in ("one", "two")] == [True, False]


def test_only_its_holder_keeps_a_reservation_alive(store, client):
    key = keys.place_key("AABB", PLACE)
    reserve(store, "one")
    client.expire(key, 60)
    reserve(store, "two")
    assert client.ttl(key) <= 60
    reserve(store, "one")
    assert client.ttl(key) > keys.PLACE_TTL_S - 60


def test_after_its_end_the_next_has_the_name(store, client):
    reserve(store, "one")
    client.delete(keys.place_key("AABB", PLACE))
    assert [reserve(store, suffix) for suffix in ("two", "one")] == [True, False]


@pytest.mark.parametrize("number", [2, 16])
def test_of_many_at_once_one_has_the_name(store, number):
    for attempt in range(20):
        place, start = f"AABB/2025/10/04/image_{attempt}.jpg", Barrier(number)

        def ask(suffix, place=place, start=start):
            start.wait(30)
            return reserve(store, str(suffix), place)

        with ThreadPoolExecutor(number) as pool:
            assert sorted(pool.map(ask, range(number))) == [False] * (number - 1) + [True]
