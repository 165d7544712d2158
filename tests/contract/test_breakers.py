"""When Supabase is not asked any more, who probes it, and when all ask again; the same on both kinds of Redis."""

import threading

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core.clock import now_ms
from core.errors import CaptureRejected, ErrorCode, NotAsked, Transient
from core.store import keys
from core.store.breakers import (
    ANSWERS_COUNT_MS,
    OPENS_AFTER,
    PROBE_EVERY_MS,
    PROBES_AT_ONCE,
    READ_EVERY_MS,
    SERVICES,
    Breaker,
    Breakers,
    is_open,
)


class Clock:
    def __init__(self):
        self.now = now_ms()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def workers(client, clock):
    """The breakers of one service in two workers."""
    return [Breaker(client, "storage", clock) for _ in range(2)]


def call(breaker, error=None, *, probes=True):
    """Make a call, which fails with `error`, and say whether it was made."""
    try:
        with breaker.guard(probes=probes):
            if error:
                raise error
    except NotAsked:
        return False
    except (Transient, CaptureRejected):
        pass
    return True


def open_it(workers, clock):
    for number in range(OPENS_AFTER):
        assert call(workers[number % 2], Transient())
    clock.now += READ_EVERY_MS


def test_failures_of_all_workers_open_it_for_all(workers, clock, client):
    open_it(workers, clock)
    assert is_open(client, "storage")
    assert not is_open(client, "database")
    assert [breaker.is_open for breaker in workers] == [True, True]


def test_one_answer_in_between_keeps_it_closed(workers, clock):
    for _ in range(10):
        for _ in range(OPENS_AFTER - 1):
            call(workers[0], Transient())
        clock.now += READ_EVERY_MS
        call(workers[1])
        clock.now += ANSWERS_COUNT_MS
    assert not workers[0].is_open


def test_while_a_worker_gets_answers_its_failures_do_not_count(workers, clock):
    for _ in range(20):
        call(workers[0])
        for _ in range(OPENS_AFTER):
            call(workers[0], Transient())
        clock.now += 100
    assert not workers[0].is_open


def test_an_error_that_is_an_answer_is_no_failure(workers, clock):
    for _ in range(OPENS_AFTER - 1):
        call(workers[0], Transient())
    clock.now += READ_EVERY_MS
    call(workers[1], CaptureRejected(ErrorCode.UPLOAD_FAILED, "no"))
    clock.now += ANSWERS_COUNT_MS
    call(workers[0], Transient())
    assert not workers[0].is_open


def test_an_hour_away_is_two_probes_a_second_in_all(workers, clock):
    open_it(workers, clock)
    asked = 0
    for _ in range(1000):
        clock.now += 10
        asked += sum(call(breaker, Transient()) for breaker in workers)
    assert asked == 10_000 // PROBE_EVERY_MS


def test_the_first_answer_closes_it_for_all(workers, clock, client):
    open_it(workers, clock)
    assert call(workers[0])
    assert call(workers[0])
    clock.now += READ_EVERY_MS
    assert call(workers[1])
    assert client.exists(keys.breaker_key("storage")) == 0


def test_a_call_that_does_not_probe_is_never_made_and_never_counts(workers, clock):
    for _ in range(2 * OPENS_AFTER):
        call(workers[0], Transient(), probes=False)
    assert not workers[0].is_open
    open_it(workers, clock)
    clock.now += 60_000 - 1
    assert not call(workers[0], probes=False)


def test_it_admits_a_capture_when_the_next_probe_is_due(workers, clock):
    assert workers[0].admits()
    open_it(workers, clock)
    assert workers[0].admits()
    call(workers[0], Transient())
    assert not workers[0].admits()
    assert not workers[1].admits()
    clock.now += PROBE_EVERY_MS
    assert workers[1].admits()


def test_few_threads_of_a_process_wait_for_probes_that_hang(workers, clock):
    open_it(workers, clock)
    begun, healed = threading.Semaphore(0), threading.Event()

    def hang():
        with workers[0].guard(probes=True):
            begun.release()
            healed.wait(10)

    threads = [threading.Thread(target=hang) for _ in range(PROBES_AT_ONCE)]
    for thread in threads:
        clock.now += PROBE_EVERY_MS
        thread.start()
        assert begun.acquire(timeout=10)
    clock.now += PROBE_EVERY_MS
    assert not call(workers[0])
    assert call(workers[1], Transient())
    healed.set()
    for thread in threads:
        thread.join()
    assert call(workers[0])


def test_while_all_is_well_a_call_costs_no_round_trip(workers, clock, client, monkeypatch):
    call(workers[0])
    monkeypatch.setattr(Redis, "execute_command", None)
    monkeypatch.setattr(client, "execute_command", None)
    for _ in range(100):
        assert call(workers[0])


def test_a_probe_from_a_clock_that_is_ahead_does_not_stop_the_others(workers, clock, client):
    open_it(workers, clock)
    client.hset(keys.breaker_key("storage"), "probed_at", clock.now + 3_600_000)
    assert workers[0].admits()
    assert call(workers[0])


def test_it_is_forgotten_when_nobody_asks_any_more(workers, clock, client):
    open_it(workers, clock)
    assert 0 < client.ttl(keys.breaker_key("storage")) <= keys.BREAKER_TTL_S


def test_without_redis_calls_are_made(clock):
    nowhere = Redis(port=1, retry=Retry(NoBackoff(), 0))
    breakers = Breakers.on(nowhere, clock)
    assert not breakers.any_open
    for _ in range(2 * OPENS_AFTER):
        assert call(breakers.storage, Transient())
    assert call(breakers.storage)


def test_while_a_probe_is_under_way_no_capture_is_tried(workers, clock):
    open_it(workers, clock)
    with workers[0].guard(probes=True):
        assert not workers[1].admits()
    assert workers[0].admits()


def test_each_service_has_a_breaker_of_its_name(client, clock):
    breakers = Breakers.on(client, clock)
    assert [breaker.service for breaker in breakers] == list(SERVICES)
    open_it([breakers.database] * 2, clock)
    assert [service for service in SERVICES if is_open(client, service)] == ["database"]
    assert breakers.any_open


def test_its_closing_is_logged_once_and_then_calls_cost_no_round_trip(
    workers, clock, client, monkeypatch, caplog
):
    call(workers[0], Transient())
    call(workers[0])
    clock.now += ANSWERS_COUNT_MS
    assert "answers again" not in caplog.text
    assert "is away" not in caplog.text
    open_it(workers, clock)
    call(workers[0], Transient())
    assert caplog.text.count("is away") == 1
    clock.now += PROBE_EVERY_MS
    assert call(workers[0])
    assert caplog.text.count("answers again") == 1
    monkeypatch.setattr(Redis, "execute_command", None)
    monkeypatch.setattr(client, "execute_command", None)
    assert call(workers[0])


def test_without_redis_the_error_of_a_call_is_its_own(clock):
    nowhere = Redis(port=1, retry=Retry(NoBackoff(), 0))
    breaker = Breaker(nowhere, "storage", clock)
    with pytest.raises(Transient, match="of the call"), breaker.guard(probes=True):
        raise Transient("of the call")
