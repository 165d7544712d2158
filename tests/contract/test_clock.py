"""The time of Redis, as every host tells it."""

import datetime
import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import redis
from fakeredis import FakeRedis

from core.clock import now_ms
from core.store import clock as subject
from core.store.clock import RedisClock
from operate.checks.redis_server import MOST_AHEAD_S, check_redis

HOUR_MS = 3_600_000
LITTLE_MS = 5_000


class Elsewhere(FakeRedis):
    """A Redis on a host whose clock is an hour ahead; it can be away, and counts how often it is asked."""

    away = False
    asked = 0

    def time(self):
        self.asked += 1
        if self.away:
            raise redis.ConnectionError("away")
        ahead = now_ms() + HOUR_MS
        return ahead // 1000, ahead % 1000 * 1000


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(subject, "READ_EVERY_S", 0)
    monkeypatch.setattr(subject, "READ_AGAIN_S", 0)


def ahead_ms(clock):
    return clock() - now_ms()


def test_it_is_the_time_of_redis(client):
    assert abs(ahead_ms(RedisClock(client))) < LITTLE_MS
    assert ahead_ms(RedisClock(Elsewhere())) == pytest.approx(HOUR_MS, abs=LITTLE_MS)


def test_redis_is_asked_once_for_many_times():
    elsewhere = Elsewhere()
    clock = RedisClock(elsewhere)
    threads = [threading.Thread(target=clock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [clock() for _ in range(100)]
    assert times == sorted(times)
    assert elsewhere.asked == 1


def test_while_redis_is_away_its_time_goes_on(at_once):
    elsewhere = Elsewhere()
    clock = RedisClock(elsewhere)
    before = clock()
    elsewhere.away = True
    assert 0 <= clock() - before < LITTLE_MS
    assert elsewhere.asked == 2


def test_before_the_first_answer_it_is_the_time_of_this_host(at_once):
    elsewhere = Elsewhere()
    elsewhere.away = True
    clock = RedisClock(elsewhere)
    assert abs(ahead_ms(clock)) < LITTLE_MS
    elsewhere.away = False
    assert ahead_ms(clock) == pytest.approx(HOUR_MS, abs=LITTLE_MS)


def test_while_the_first_answer_is_on_its_way_nobody_is_told_another_time():
    asked, answer = threading.Event(), threading.Event()

    class Slow(Elsewhere):
        def time(self):
            asked.set()
            answer.wait(10)
            return super().time()

    clock = RedisClock(Slow())
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ahead_ms, clock)
        assert asked.wait(10)
        second = pool.submit(ahead_ms, clock)
        wait([second], timeout=0.2)  # it waits for the answer, so this is in vain
        answer.set()
    assert [told.result() for told in (first, second)] == pytest.approx([HOUR_MS] * 2, abs=LITTLE_MS)


def test_while_a_later_answer_is_on_its_way_nobody_waits_for_it(at_once, monkeypatch):
    elsewhere = Elsewhere()
    clock = RedisClock(elsewhere)
    clock()
    asked, answer = threading.Event(), threading.Event()
    monkeypatch.setattr(elsewhere, "time", lambda: (asked.set(), answer.wait(10), (0, 0))[-1])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(clock)
        assert asked.wait(10)
        assert ahead_ms(clock) == pytest.approx(HOUR_MS, abs=LITTLE_MS)
        assert not waiting.done()
        answer.set()


def test_a_later_answer_corrects_an_earlier_one(at_once, monkeypatch):
    elsewhere = Elsewhere()
    clock = RedisClock(elsewhere)
    clock()
    monkeypatch.setattr(elsewhere, "time", lambda: (now_ms() // 1000 + 2 * HOUR_MS // 1000, 0))
    assert ahead_ms(clock) == pytest.approx(2 * HOUR_MS, abs=LITTLE_MS)


def test_a_slow_answer_replaces_no_other(at_once, monkeypatch):
    """A Redis that was frozen answers with a time that is long past."""
    elsewhere = Elsewhere()
    clock = RedisClock(elsewhere)
    before = clock()
    monkeypatch.setattr(elsewhere, "time", lambda: (0, 0))
    monkeypatch.setattr(subject, "SLOWEST_S", -1.0)
    assert clock() >= before


def test_the_doctor_says_by_how_much_this_host_is_off(real_redis, monkeypatch):
    title = "REDIS_URL: clock"
    assert [check.grade for check in check_redis(real_redis, "REDIS_URL") if check.name == title] == ["ok"]
    seconds = int(datetime.datetime.now(datetime.UTC).timestamp()) + 10 * MOST_AHEAD_S
    monkeypatch.setattr(real_redis, "time", lambda: (seconds, 0))
    [check] = [check for check in check_redis(real_redis, "REDIS_URL") if check.name == title]
    assert check.grade == "warning"
    assert re.search(r"(29|30) s behind Redis", check.detail)
