"""Histories that nobody thought of: `capture_days` is what a recount of the raw tables gives."""

import math
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recount import SETTLED, Recount, Row
from sql_postgres import Server
from upgrades import upgrade

from operate.schema.files import read

DEVICE = "AABBCCDDEEFF"
COMPANIES = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles", "Pacific/Kiritimati")
# Around these moments the clocks of Berlin and of Los Angeles change; None is the present.
BASES = (None, "2025-10-26T01:00:00Z", "2026-03-29T01:00:00Z", "2025-11-02T09:00:00Z")
EMPTY = """
delete from public.sensor_readings; delete from public.captures; delete from public.device_status;
delete from public.device_configs; delete from public.devices; delete from public.companies;
delete from fleet_private.former_configs; delete from fleet_private.touched_hours;
"""

offsets = st.integers(-4 * 86_400, 36 * 3_600)
statuses = st.sampled_from(
    [("stored", None), ("assembling", None), ("failed", None)]
    + [("failed", code) for code in (1000, 1007, 2200, 2201, 2202, 2203, 2204, 2207)]
)
small = st.none() | st.integers(0, 3)
schedules = st.sampled_from(
    [
        {"captures_per_day": 1},
        {"captures_per_day": 24, "wake_spread_s": 0},
        {"captures_per_day": 48, "timezone": "Asia/Kolkata"},
        {"times_of_day": ["00:00", "02:30", "23:59"], "wake_spread_s": 0},
        {"times_of_day": ["08:00"], "wake_spread_s": 21_600},
        {"interval_minutes": 60, "timezone": "America/Los_Angeles"},
        {"interval_minutes": 1_500},
        {"timezone": "Europe/Berlin"},
        None,
    ]
)
scopes = st.sampled_from([(DEVICE, None), (None, COMPANIES[0]), (None, COMPANIES[1]), (None, None)])
captures = st.tuples(st.just("capture"), offsets, statuses, small, small, st.none() | st.floats(-50, 50))
hellos = st.tuples(st.just("hello"), offsets, st.integers(0, 86_400), small, small)
events = (
    captures
    | hellos
    | st.tuples(st.just("move"), st.integers(0, 99), offsets)
    | st.tuples(st.just("settle"), st.integers(0, 99), statuses)
    | st.tuples(st.just("delete"), st.integers(0, 99))
)
changes = (
    st.tuples(st.just("zone"), st.sampled_from([*ZONES, None]))
    | st.tuples(st.just("owner"), st.sampled_from([*COMPANIES, None]))
    | st.tuples(st.just("schedule"), scopes, schedules)
)
formers = st.tuples(offsets, st.sampled_from([*COMPANIES, None]), st.sampled_from([*ZONES, None]))
former_schedules = st.tuples(offsets, offsets, scopes, schedules)


class World:
    """One device and its database."""

    def __init__(self, owner: psycopg.Connection[Any], base: str | None) -> None:
        self.owner = owner
        owner.execute(EMPTY)
        self.now = base and datetime.fromisoformat(base)
        self.base = self.now or datetime.now(UTC)
        owner.execute(
            "insert into public.companies (company_id, name) select unnest(%s::uuid[]), 'a company'",
            [list(COMPANIES)],
        )
        owner.execute(
            "insert into public.devices (device_id, created_at) values (%s, %s)",
            [DEVICE, self.base - timedelta(days=5)],
        )

    def at(self, offset: int) -> datetime:
        return self.base + timedelta(seconds=offset)

    def former(self, offset: int, company: str | None, zone: str | None) -> None:
        self.owner.execute(
            "insert into fleet_private.former_devices (device_id, until, company_id, owner_id, timezone)"
            " values (%s, %s, %s, %s, %s)",
            [DEVICE, self.at(offset), company, company, zone],
        )

    def former_schedule(self, since: int, until: int, scope: tuple[Any, Any], what: Row | None) -> None:
        values = {"config_id": uuid.uuid4(), "since": self.at(since), "until": self.at(until)}
        self._insert("fleet_private.former_configs", scope, values | (what or {}))

    def schedule(self, scope: tuple[Any, Any], what: Row | None) -> None:
        where = "device_id is not distinct from %s and company_id is not distinct from %s"
        if what is None:
            self.owner.execute(f"delete from public.device_configs where {where}", scope)
            return
        empty = dict.fromkeys(
            ("captures_per_day", "times_of_day", "interval_minutes", "timezone", "wake_spread_s")
        )
        values = empty | what
        changed = self.owner.execute(
            f"update public.device_configs set {', '.join(f'{name} = %s' for name in values)} where {where}",
            [*values.values(), *scope],
        )
        if not changed.rowcount:
            self._insert("public.device_configs", scope, values)

    def _insert(self, table: str, scope: tuple[Any, Any], values: Row) -> None:
        values = values | {"device_id": scope[0], "company_id": scope[1]}
        self.owner.execute(
            f"insert into {table} ({', '.join(values)}) values ({', '.join(['%s'] * len(values))})",
            list(values.values()),
        )

    def zone(self, zone: str | None) -> None:
        self.owner.execute("update public.devices set timezone = %s", [zone])

    def owned(self, company: str | None) -> None:
        self.owner.execute("update public.devices set company_id = %s", [company])

    def capture(
        self,
        offset: int,
        status: tuple[str, int | None],
        size: int | None,
        nacks: int | None,
        temperature: float | None,
    ) -> None:
        key = self.owner.execute(
            "insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, error_code,"
            " image_bytes, nacks_sent, storage_path)"
            " values (%s, gen_random_uuid(), %s, %s, %s, %s, %s, gen_random_uuid()) returning capture_id",
            [DEVICE, self.at(offset), *status, size, nacks],
        ).fetchone()
        if temperature is not None:
            assert key
            self.owner.execute(
                "insert into public.sensor_readings (capture_id, device_id, temperature_c, gas_kohm, measured_at)"
                " values (%s, %s, %s, %s, %s)",
                [key[0], DEVICE, temperature, size, self.at(offset)],
            )

    def hello(self, offset: int, delay: int, battery: int | None, rssi: int | None) -> None:
        # What is received in the future, by a clock that runs ahead, is recorded at once.
        at, delay = self.at(offset), delay if offset <= 0 else 0
        self.owner.execute(
            "insert into public.device_status (device_id, battery_percent, battery_mv, wifi_rssi_dbm, received_at, created_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            [DEVICE, battery, rssi, battery and -battery, at, at + timedelta(seconds=delay)],
        )

    def _one(self, number: int) -> Any:
        keys = self.owner.execute(
            "select capture_id from public.captures order by created_at, capture_id"
        ).fetchall()
        return keys[number % len(keys)][0] if keys else None

    def move(self, number: int, offset: int) -> None:
        self.owner.execute(
            "update public.captures set captured_at = %s where capture_id = %s",
            [self.at(offset), self._one(number)],
        )

    def settle(self, number: int, status: tuple[str, int | None]) -> None:
        self.owner.execute(
            "update public.captures set ingest_status = %s, error_code = %s where capture_id = %s",
            [*status, self._one(number)],
        )

    def delete(self, number: int) -> None:
        self.owner.execute("delete from public.captures where capture_id = %s", [self._one(number)])

    def refresh(self, at: datetime | None = None, limit: int = 1000) -> None:
        at = at or self.now or datetime.now(UTC)
        with self.owner.transaction():
            self.owner.execute("set local role service_role")
            for _ in range(200):
                row = self.owner.execute("select public.refresh_capture_days(%s, %s)", [limit, at]).fetchone()
                left = self.owner.execute("select count(*) from fleet_private.touched_hours").fetchone()
                if row and left and not row[0]["more"] and not left[0]:
                    self.owner.execute("select public.refresh_company_days(1000)")
                    return
        raise AssertionError("there is no end of it")

    def act(self, name: str, *arguments: Any) -> None:
        {
            "capture": self.capture,
            "hello": self.hello,
            "move": self.move,
            "settle": self.settle,
            "delete": self.delete,
            "zone": self.zone,
            "owner": self.owned,
            "schedule": self.schedule,
            "refresh": self.refresh,
        }[name](*arguments)

    def _compare_companies(self, found: dict[tuple[str, str | None], Row]) -> None:
        """Assert that the days of companies are those of their one device."""
        rows = self.owner.execute("select to_jsonb(c) from public.company_days c").fetchall()
        of_companies = {(row["day"], row["company_id"]): row for (row,) in rows}
        assert of_companies.keys() == {key for key in found if key[1] is not None}
        for key, row in of_companies.items():
            assert row.pop("devices") == 1
            for name, value in row.items():
                if name.endswith("_mean") and value is not None:
                    assert math.isclose(value, found[key][name], rel_tol=1e-9, abs_tol=1e-9), (key, name)
                else:
                    assert value == found[key][name], (key, name)

    def compare(self, at: datetime) -> None:
        """Assert that the table holds what a recount gives."""
        rows = self.owner.execute("select to_jsonb(c) from public.capture_days c").fetchall()
        found = {(row["day"], row["company_id"]): row for (row,) in rows}
        assert len(found) == len(rows)
        self._compare_companies(found)
        recount = Recount(self.owner, DEVICE)

        came = {(str(day), company and str(company)): row for (day, company), row in recount.events().items()}
        nothing = (
            {name: 0 for row in came.values() for name, value in row.items() if value is not None}
            if came
            else {}
        )
        for key in found.keys() | came.keys():
            row = found.get(key)
            assert row, (key, came[key])
            wanted = came.get(
                key,
                dict.fromkeys(nothing, 0)
                | {k: None for k in nothing if k.endswith(("_min", "_mean", "_max"))},
            )
            got = {name: row[name] for name in wanted}
            for name, value in wanted.items():
                if name.endswith("_mean") and value is not None:
                    assert math.isclose(got[name], value, rel_tol=1e-9, abs_tol=1e-9), (key, name)
                else:
                    assert got[name] == value, (key, name)

        moments = {datetime.fromisoformat(row["refreshed_at"]) for row in found.values()} | {at}
        wakes = {
            moment: {(str(d), c and str(c)): n for (d, c), n in recount.wakes(moment).items()}
            for moment in moments
        }
        for key in found.keys() | wakes[at].keys():
            row = found.get(key)
            # A day that has ended is told as of now, one that goes on as of when it was counted.
            ends = datetime.fromisoformat(f"{key[0]}T00:00:00Z") + timedelta(days=1)
            zone = recount.stretch_at(ends).zone
            ended = ends.replace(tzinfo=zone).astimezone(UTC) + SETTLED <= at
            if row is None:
                assert not ended, (key, wakes[at][key])
                continue
            moment = at if ended else datetime.fromisoformat(row["refreshed_at"])
            assert (row["expected"] or 0, row["silent"]) == wakes[moment].get(key, (0, 0)), (key, moment)


@pytest.fixture(scope="module")
def owner(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    database = postgres.database()
    upgrade(database, read(), lambda _: None)
    with psycopg.connect(database.url, autocommit=True) as connection:
        yield connection


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.sampled_from(BASES),
    past=st.lists(formers, max_size=2),
    past_schedules=st.lists(former_schedules, max_size=2),
    first=st.lists(events | changes | st.just(("refresh",)), max_size=25),
    then=st.lists(st.tuples(st.integers(1, 1_000), st.lists(events, max_size=5)), max_size=5),
    limit=st.sampled_from([1, 7, 1000]),
)
def test_the_days_are_what_a_recount_gives(
    owner: psycopg.Connection[Any],
    base: str | None,
    past: list[Any],
    past_schedules: list[Any],
    first: list[Any],
    then: list[Any],
    limit: int,
) -> None:
    world = World(owner, base)
    for former in sorted(past, key=lambda f: f[0]):
        if world.at(former[0]) < datetime.now(UTC):
            world.former(*former)
    used = set()
    for since, until, scope, what in past_schedules:
        if since < until <= 0 and scope not in used:
            used.add(scope)
            world.former_schedule(since, until, scope, what)
    for action in first:
        world.act(*action)
    at = world.now or datetime.now(UTC)
    for minutes, actions in then:
        world.refresh(at, limit)
        at += timedelta(minutes=minutes)
        for action in actions:
            world.act(*action)
    if base:
        # The history was made up: what was in force at the time was never told to the clock.
        owner.execute("update fleet_private.day_clocks set due_at = '-infinity', looked_at = null")
    world.refresh(at, limit)
    world.compare(at)
