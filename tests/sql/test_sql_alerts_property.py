"""Values that wander about their bounds: an alert opens and resolves where it should, once, and never flaps."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from alert_story import BEGIN, COMPANY, NOON
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb
from sql_postgres import Server
from upgrades import upgrade

from operate.schema.files import read

# Steps of a walk; most are small, so that it stays about the bound.
steps = st.lists(st.floats(-4, 4, allow_nan=False), min_size=1, max_size=15)
DEVICE = "AABBCCDDEEFF"


@pytest.fixture(scope="module")
def owner(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    """A database of one's own, with a device that sleeps for long."""
    database = postgres.database()
    upgrade(database, read(), lambda _: None)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(BEGIN.encode())
        connection.execute(
            "insert into public.devices (device_id, company_id, last_seen_at, next_wake_at)"
            " values (%s, %s, %s, %s)",
            [DEVICE, COMPANY, NOON, NOON + timedelta(days=30)],
        )
        yield connection


class Walk:
    """Evaluates value after value, a minute apart, and says whether the alert is open then."""

    def __init__(self, owner: psycopg.Connection[Any], kind: str) -> None:
        self._owner = owner
        self._kind = kind
        self._now = NOON
        self.answers: list[dict[str, int]] = []

    def open_after(self, statement: str, value: float) -> bool:
        """Write the value and evaluate, twice: the second time nothing may happen."""
        self._now += timedelta(minutes=1)
        self._owner.execute(statement.encode(), {"value": value, "at": self._now, "device": DEVICE})
        self.answers.append(self._evaluate())
        again = self._evaluate()
        assert (again["opened"], again["repeated"], again["resolved"], again["told"]) == (0, 0, 0, 0)
        [(number,)] = self._owner.execute(
            "select count(*) from public.alerts where resolved_at is null and kind = %s", [self._kind]
        )
        assert number in (0, 1)
        return bool(number)

    def told(self) -> int:
        """Count the events."""
        [(number,)] = self._owner.execute(
            "select count(*) from fleet_private.events where type like 'alert.%'"
        )
        return int(number)

    def _evaluate(self) -> dict[str, int]:
        [(answer,)] = self._owner.execute(
            "select public.evaluate_alerts(%s, %s)", [Jsonb({"silence_minutes": 100_000}), self._now]
        )
        found: dict[str, int] = answer
        return found


def walked(start: float, moves: list[float], least: float, most: float) -> list[float]:
    """Give the places of a walk within bounds."""
    places, place = [], start
    for move in moves:
        place = min(max(place + move, least), most)
        places.append(place)
    return places


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=steps)
def test_a_battery_about_its_bound(owner: psycopg.Connection[Any], moves: list[float]) -> None:
    levels, is_open, changes = walked(22, moves, 11, 100), False, 0
    with owner.transaction(force_rollback=True):
        walk = Walk(owner, "battery_low")
        for level in levels:
            expected = level < 25 if is_open else level < 20
            changes += expected != is_open
            is_open = expected
            update = "update public.devices set battery_percent = %(value)s where device_id = %(device)s"
            assert walk.open_after(update, level) is is_open
        assert sum(answer["opened"] + answer["resolved"] for answer in walk.answers) == changes == walk.told()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=steps, lower=st.floats(10, 14), width=st.floats(0.5, 6), margin=st.floats(0, 5))
def test_a_sensor_between_its_bounds(
    owner: psycopg.Connection[Any], moves: list[float], lower: float, width: float, margin: float
) -> None:
    upper, is_open, changes = lower + width, False, 0
    gap = min(margin, (upper - lower) / 2)
    with owner.transaction(force_rollback=True):
        owner.execute(
            "insert into public.alert_rules (company_id, kind, subject, lower, upper, margin)"
            " values (%s, 'sensor', 'temperature_c', %s, %s, %s)",
            [COMPANY, lower, upper, margin],
        )
        walk = Walk(owner, "sensor")
        for value in walked(12, moves, -20, 40):
            out, not_back = not lower <= value <= upper, value < lower + gap or value > upper - gap
            expected = not_back if is_open else out
            changes += expected != is_open
            is_open = expected
            reading = (
                "insert into public.sensor_readings (device_id, temperature_c, measured_at)"
                " values (%(device)s, %(value)s, %(at)s)"
            )
            assert walk.open_after(reading, value) is is_open
        assert sum(answer["opened"] + answer["resolved"] for answer in walk.answers) == changes == walk.told()
