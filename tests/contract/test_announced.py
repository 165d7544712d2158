"""What Home Assistant was told, the same on fakeredis and on a redis-server."""

import pytest

from core.store import keys
from core.store.announced import Announced, Mark

KEPT = {"fleet/a": "1", "fleet/b": "2"}


@pytest.fixture
def announced(client):
    return Announced(client)


def test_nothing_is_known_at_first(announced):
    assert announced.mark("home") == Mark("home", 0, "", 0)
    assert announced.kept(["A", "B"]) == [None, None]
    assert announced.kept([]) == []


def test_what_is_noted_is_known(announced, client):
    announced.mark("home")
    assert announced.set_mark(Mark("home", 7, "A", 2))
    announced.keep({"A": KEPT, "B": {}})
    announced.keep({})
    assert announced.mark("home") == Mark("home", 7, "A", 2)
    assert announced.kept(["B", "C", "A"]) == [{}, None, KEPT]
    assert 0 < client.ttl(keys.ANNOUNCED) <= keys.ANNOUNCED_TTL_S


def test_a_mark_under_another_prefix_counts_as_none_and_is_replaced(announced):
    announced.mark("home")
    announced.set_mark(Mark("home", 7))
    announced.keep({"A": KEPT})
    assert announced.mark("other") == Mark("other")
    assert announced.kept(["A"]) == [KEPT]
    assert announced.mark("home") == Mark("home")


def test_a_mark_is_not_noted_for_what_is_lost(announced, client):
    announced.mark("home")
    client.delete(keys.ANNOUNCED)
    announced.keep({"A": KEPT})
    assert not announced.set_mark(Mark("home", 7))
    assert announced.mark("home") == Mark("home")
