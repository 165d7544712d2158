"""The simulated day against what queueing theory and the capacity model say of it in closed form."""

import json
import socket
import threading
import time

import pytest

from benchmarks.capacity import BUSY, Figures, Use, listener_rate, needs, worker_rate
from benchmarks.day import HOUR_S, MEASURED, Day, Fleet, check, hours, quantile
from benchmarks.processes import Reporter
from local.ports import LOOPBACK, free_port

FIGURES = Figures(2e-5, 1e-5, 0.01, 0.001, 0.006, 60, 130)
ONE_CORE = Use(24, 3600, 30, 0.3, 1, 0.1, 365, 0.05, 1)
RESTLESS = Fleet(
    devices=60,
    end_s=40,
    transfer_s=0,
    listener_s=FIGURES.listener_s_per_message,
    worker_s=0.01,
    supabase_s=0.3,
)
MORNING = RESTLESS._replace(devices=500, transfer_s=3, wakes=(0,), window_s=15, patience_s=1e6)


@pytest.mark.parametrize("supabase_s", [0, 0.04, 0.3, 1.5])
def test_a_worker_carries_what_the_model_says_whether_cpu_or_threads_bound_it(supabase_s):
    day = Day(RESTLESS._replace(supabase_s=supabase_s)).run()
    assert len(day.answered) / day.fleet.end_s == pytest.approx(worker_rate(FIGURES, supabase_s, 1), rel=0.03)


def test_a_listener_carries_what_the_model_says():
    slow = RESTLESS._replace(listener_s=0.001, worker_s=0, supabase_s=0)
    day = Day(slow).run()
    rate = listener_rate(FIGURES._replace(listener_s_per_message=0.001), 1)
    assert len(day.answered) * 51 / slow.end_s == pytest.approx(rate, rel=0.03)


def test_processes_are_as_busy_as_the_model_plans():
    """The utilisation law: rate times time of service is the share of the time in which a server is busy."""
    use = ONE_CORE._replace(window_s=100)
    need = needs(6_000, FIGURES, use)
    fleet = MORNING._replace(
        devices=6_000 // need.workers, window_s=100, supabase_s=use.supabase_s, transfer_s=0
    )
    day = Day(fleet).run()
    busy = day.busy_s["worker"] / fleet.window_s
    of_model = need.captures_per_s / need.workers * FIGURES.worker_s_per_capture
    assert busy == pytest.approx(of_model, rel=0.01)
    assert need.captures_per_s / need.workers / worker_rate(FIGURES, use.supabase_s, 1) <= BUSY
    assert not day.gave_up


def test_the_number_that_waits_is_rate_times_wait():
    """Little's law; number and waits are counted apart."""
    day = Day(MORNING).run()
    # All that wait are of the service: from complete to acknowledged, as the listener is next to idle.
    waits = sum(seconds for _, seconds in day.answered)
    assert len(day.answered) == 500
    assert day.waiting == 0
    assert day.waiting_s == pytest.approx(waits, rel=0.01)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_the_queue_before_one_thread_is_that_of_pollaczek_and_khinchine(load):
    """M/D/1: arrivals at random, one server, a constant time of service."""
    service_s = 0.1
    devices = 4000
    day = Day(
        MORNING._replace(
            devices=devices, window_s=devices * service_s / load, threads=1, worker_s=0.04, supabase_s=0.06
        )
    ).run()
    mean = sum(seconds for _, seconds in day.waited) / devices
    assert mean == pytest.approx(load * service_s / (2 * (1 - load)), rel=0.2)


def test_more_than_a_worker_carries_waits_as_long_as_the_rest_takes():
    rate = worker_rate(FIGURES, 0.3, 1)
    day = Day(MORNING._replace(devices=1500)).run()
    last = max(seconds for _, seconds in day.waited)
    assert last == pytest.approx(1500 / rate - 15, rel=0.03)


def test_who_gives_up_offers_the_picture_again_and_nothing_is_lost():
    impatient = MORNING._replace(devices=1500, patience_s=5, wakes=(0, HOUR_S))
    day = Day(impatient).run()
    assert len(day.answered) == 3_000
    assert day.gave_up > 500
    assert day.busy_s["worker"] == pytest.approx(3_000 * impatient.worker_s)
    # At their next wake they are awake for two pictures.
    assert max(seconds for at, seconds in day.awake if at > HOUR_S) > 2 * impatient.transfer_s


def test_an_outage_fills_the_queue_and_ends():
    fleet = MORNING._replace(devices=300, wakes=(0, HOUR_S, 2 * HOUR_S), patience_s=60, window_s=HOUR_S)
    day = Day(fleet._replace(outage=(HOUR_S, 1.5 * HOUR_S), failing=0.01)).run()
    assert len(day.answered) == 900
    # Each that failed waits for the end, and is not tried all the time.
    assert 100 < day.retries < 300
    seen = hours(day)
    assert seen[1]["95 %"] > fleet.patience_s > seen[0]["95 %"]
    assert seen[2]["queue age, s, 95 %"] < 1


def test_the_simulation_is_near_to_what_was_measured_of_the_real_processes():
    found = check(json.loads(MEASURED.read_text()))
    assert len(found) >= 6
    for name, row in found.items():
        assert abs(row["error, %"]) < 30, name
        assert abs(row["error, % "]) < 30, name


def test_a_seed_says_everything():
    once, again, other = (Day(MORNING._replace(seed=seed)).run() for seed in (1, 1, 2))
    assert once.answered == again.answered != other.answered
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_a_long_line_delivers_everything_in_order_and_not_before_its_time():
    sent = bytes(range(256)) * 4_000
    with socket.create_server((LOOPBACK, 0)) as server:
        echo = threading.Thread(target=_echo, args=(server, len(sent)))
        echo.start()
        near = free_port()
        with Reporter("slow_link", near, server.getsockname()[1], 100) as proxy:
            proxy.wait_ready()
            with socket.create_connection((LOOPBACK, near), timeout=60) as connection:
                began = time.monotonic()
                connection.sendall(sent)
                heard = bytearray(connection.recv(65_536))
                assert time.monotonic() - began >= 0.1
                while len(heard) < len(sent):
                    heard += connection.recv(65_536)
        echo.join()
    assert heard == sent


def _echo(server, length):
    connection, _ = server.accept()
    with connection:
        while length > 0:
            data = connection.recv(65_536)
            connection.sendall(data)
            length -= len(data)
