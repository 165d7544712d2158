"""Budgets for each device: a minute's, a day's, and who is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import rate_limit
from core.rate_limit import DAY_AS_MINUTES, FORGOTTEN_AFTER, MINUTE_MS, MINUTES_A_DAY, RateLimit, Refusal

DAY_MS = MINUTES_A_DAY * MINUTE_MS


@pytest.fixture
def few(monkeypatch):
    """A table of four devices; all others share one budget."""
    monkeypatch.setattr(rate_limit, "MAX_DEVICES", 4)
    monkeypatch.setattr(rate_limit, "hash", lambda _name: 0, raising=False)


def test_the_bound_is_for_a_minute():
    limit = RateLimit(1)
    assert [limit.allows("A", now) for now in (0, 1, MINUTE_MS, MINUTE_MS + 1)] == [True, False, True, False]


def test_what_would_go_beyond_is_refused_and_so_is_what_follows():
    limit = RateLimit(10)
    assert [limit.allows("A", 0, amount) for amount in (6, 4, 1)] == [True, True, False]
    assert [limit.allows("B", 0, amount) for amount in (6, 5, 1)] == [True, False, False]


def test_the_first_refusal_of_a_minute_is_told():
    limit = RateLimit(1)
    times = [0, 1, 2, MINUTE_MS, MINUTE_MS + 1]
    assert [limit.refuses("A", now) for now in times] == [
        None,
        Refusal("minute", first=True),
        Refusal("minute", first=False),
        None,
        Refusal("minute", first=True),
    ]


def flood(limit, minutes, begin=0, device="A"):
    """Use up the budget of each minute; give what was allowed."""
    return sum(
        limit.allows(device, begin + minute * MINUTE_MS) for minute in range(minutes) for _ in range(9)
    )


def test_a_day_is_some_minutes_at_full_rate():
    limit = RateLimit(5)
    assert flood(limit, MINUTES_A_DAY) == 5 * DAY_AS_MINUTES
    assert flood(limit, 10, DAY_MS) == 50, "the next day it is heard again"


def test_the_end_of_the_day_is_told_once():
    limit = RateLimit(1)
    flood(limit, DAY_AS_MINUTES)
    later = [limit.refuses("A", (DAY_AS_MINUTES + minute) * MINUTE_MS) for minute in range(3)]
    assert later == [Refusal("day", first=True), *[Refusal("day", first=False)] * 2]


def test_who_sends_little_each_minute_sends_all_day():
    limit = RateLimit(DAY_AS_MINUTES * 2)
    assert all(limit.allows("A", minute * MINUTE_MS) for minute in range(3 * MINUTES_A_DAY) for _ in range(5))


def test_it_knows_who_was_refused():
    limit = RateLimit(1)
    for _ in range(2):
        limit.allows("A", 0)
    assert [limit.refused(name, 1) for name in "AB"] == [Refusal("minute", first=False), None]
    assert limit.refused("A", MINUTE_MS) is None
    assert limit.allows("A", MINUTE_MS), "to ask counts nothing"


def test_all_together_have_a_bound_and_nobody_is_told_of_it():
    limit = RateLimit(5, in_all=2)
    assert [limit.refuses(name, 0) for name in "ABCC"] == [None, None, *[Refusal("minute", first=False)] * 2]
    assert limit.allows("C", MINUTE_MS)


def test_made_up_names_take_nothing_from_a_device_that_was_heard_before(few):
    limit, later = RateLimit(2), 2 * MINUTE_MS
    assert limit.allows("HONEST", MINUTE_MS)
    assert [limit.allows(f"MADEUP{number}", later) for number in range(10)].count(True) == 5, "3, and 2 share"
    assert not limit.allows("NEWCOMER", later)
    assert [limit.allows("HONEST", later) for _ in range(3)] == [True, True, False]


def test_a_name_that_was_not_heard_for_a_day_makes_room(few):
    limit, day = RateLimit(2), FORGOTTEN_AFTER * MINUTE_MS
    assert all(limit.allows(f"MADEUP{number}", 0) for number in range(4))
    assert limit.allows("MADEUP0", day // 2)
    for _ in range(2):
        limit.allows("one of many", day // 2)
    assert not limit.allows("NEWCOMER", day // 2)
    assert [limit.allows("NEWCOMER", day + MINUTE_MS) for _ in range(3)] == [True, True, False]
    assert set(limit._heard) == {"MADEUP0", "NEWCOMER"}


def test_the_many_that_share_share_with_few(monkeypatch):
    monkeypatch.setattr(rate_limit, "MAX_DEVICES", 1_000)
    limit = RateLimit(50)
    assert all(limit.allows(f"D{number}", 0) for number in range(3_000))


@given(st.lists(st.tuples(st.integers(0, 3 * DAY_MS), st.integers(1, 9)), max_size=60))
def test_no_order_of_events_allows_more_than_the_budgets(events):
    limit, minutes, days = RateLimit(4), {}, {}
    for now, amount in sorted(events):
        if limit.allows("A", now, amount):
            for spent, period in ((minutes, MINUTE_MS), (days, DAY_MS)):
                spent[now // period] = spent.get(now // period, 0) + amount
    assert max(minutes.values(), default=0) <= 4
    assert max(days.values(), default=0) <= 4 * (DAY_AS_MINUTES + 1)
