"""Whatever comes on the topic of the pings, only one that this process has sent counts, and only once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.ping import Pings


class Clock:
    now = 1_760_000_000_000

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_ping_that_comes_back_tells_when_it_was_sent(clock):
    pings = Pings(clock)
    assert pings.heard_until_ms == 0
    sent = pings.make()
    clock.now += 2_000
    assert pings.take(sent)
    assert pings.heard_until_ms == clock.now - 2_000


def test_it_counts_once_and_an_older_one_not_at_all(clock):
    pings = Pings(clock)
    older = pings.make()
    clock.now += 1_000
    newer = pings.make()
    assert [pings.take(payload) for payload in (newer, newer, older)] == [True, False, False]
    assert pings.heard_until_ms == clock.now


@pytest.mark.parametrize(
    "forge",
    [
        lambda ping: ping.replace(b"1 ", b"9 ", 1),
        lambda ping: ping.replace(b"1760", b"9999", 1),
        lambda ping: ping.replace(b"1760", b"17x0", 1),
        lambda ping: ping[:-65],
        lambda ping: ping[:-1],
        lambda ping: ping + b"0",
        lambda ping: ping.upper(),
        lambda ping: b" " + ping,
        lambda ping: ping[-64:] + b" " + ping[:-65],
        lambda _: b"",
        lambda _: b"\xff" * 100,
        lambda _: Pings(Clock()).make(),
    ],
)
def test_one_that_was_changed_or_made_up_counts_not(clock, forge):
    pings = Pings(clock)
    assert not pings.take(forge(pings.make()))
    assert pings.heard_until_ms == 0


@given(st.binary(max_size=100))
def test_nothing_that_comes_raises(payload):
    assert not Pings(Clock()).take(payload)


def test_a_clock_that_is_set_back_makes_nobody_deaf(clock):
    pings = Pings(clock)
    pings.take(pings.make())
    clock.now -= 3_600_000
    assert pings.take(pings.make())
    assert pings.heard_until_ms == clock.now
