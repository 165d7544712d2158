"""The gallery counts in a rollup what is settled, and from the pictures what is not: always as many as there are."""

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_backends import Backend, Native, Session
from sql_postgres import Connection, Server
from test_sql_gallery import BERLIN, NOON, days, take
from upgrades import upgrade

from operate.schema.files import read

DEVICES = ("AABBCCDDEE00", "AABBCCDDEE01")
COMPANIES = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles")
# Around these moments the clocks of Berlin and of Los Angeles change.
BASES = ("2025-10-26T01:00:00Z", "2026-03-29T01:00:00Z", "2025-11-02T09:00:00Z")
# What the filter of a status lets through.
STATUSES = {
    None: {"stored", "partial"},
    "whole": {"stored"},
    "partial": {"partial"},
    "failed": {"failed"},
    "gone": {"expired"},
    "all": {"stored", "partial", "failed", "expired"},
}
EMPTY = """
delete from public.captures; delete from public.devices; delete from public.users; delete from public.companies;
delete from fleet_private.picture_quarters; delete from fleet_private.touched_quarters; delete from fleet_private.counted_since;
"""

numbers = st.integers(0, 99)
offsets = st.integers(-2 * 86_400, 2 * 86_400)
statuses = st.sampled_from(["stored", "stored", "assembling", "failed", "expired", "partial"])
actions = st.one_of(
    st.tuples(st.just("take"), st.sampled_from(DEVICES), offsets, statuses),
    st.tuples(st.just("move"), numbers, offsets),
    st.tuples(st.just("settle"), numbers, statuses),
    st.tuples(st.just("delete"), numbers),
    st.tuples(st.just("own"), st.sampled_from(DEVICES), st.sampled_from([*COMPANIES, None])),
    st.tuples(st.just("refresh"), st.sampled_from([1, 3, 1000])),
    # Nothing was counted, as after an upgrade, or is to be counted anew.
    st.tuples(st.just("forget")),
)
hours = st.none() | st.tuples(st.integers(0, 23), st.integers(0, 24))


class World:
    """Two companies with a user each, who has the number of the company, and two devices."""

    def __init__(self, owner: psycopg.Connection[Any], base: str) -> None:
        self.owner = owner
        self.base = datetime.fromisoformat(base)
        owner.execute(EMPTY)
        for company in COMPANIES:
            owner.execute(
                "insert into public.companies (company_id, name) values (%s, 'a company')", [company]
            )
            owner.execute(
                "insert into public.users (user_id, company_id) values (%s, %s)", [company, company]
            )
        for device in DEVICES:
            owner.execute("insert into public.devices (device_id) values (%s)", [device])

    def _one(self, number: int) -> Any:
        keys = self.owner.execute(
            "select capture_id from public.captures order by device_capture_id"
        ).fetchall()
        return keys[number % len(keys)][0] if keys else None

    def take(self, device: str, offset: int, status: str) -> None:
        name = str(uuid.uuid4())
        self.owner.execute(
            "insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path, partial_rows)"
            " values (%s, %s, %s, %s, %s, %s)",
            [
                device,
                name,
                self.base + timedelta(seconds=offset),
                status,
                name,
                9 if status == "partial" else None,
            ],
        )

    def move(self, number: int, offset: int) -> None:
        at = self.base + timedelta(seconds=offset)
        self.owner.execute(
            "update public.captures set captured_at = %s where capture_id = %s", [at, self._one(number)]
        )

    def settle(self, number: int, status: str) -> None:
        self.owner.execute(
            "update public.captures set ingest_status = %s, partial_rows = %s where capture_id = %s",
            [status, 9 if status == "partial" else None, self._one(number)],
        )

    def delete(self, number: int) -> None:
        self.owner.execute("delete from public.captures where capture_id = %s", [self._one(number)])

    def own(self, device: str, company: str | None) -> None:
        self.owner.execute(
            "update public.devices set company_id = %s where device_id = %s", [company, device]
        )

    def refresh(self, limit: int) -> bool:
        with self.owner.transaction():
            self.owner.execute("set local role service_role")
            row = self.owner.execute("select public.refresh_picture_quarters(%s)", [limit]).fetchone()
        assert row
        return bool(row[0]["more"])

    def forget(self) -> None:
        self.owner.execute("delete from fleet_private.counted_since")

    def told(self, company: str, filters: dict[str, Any]) -> dict[str, int]:
        """What the gallery of a company tells: the pictures of each day."""
        with self.owner.transaction():
            self.owner.execute("select set_config('request.jwt.claim.sub', %s, true)", [company])
            self.owner.execute("set local role authenticated")
            row = self.owner.execute("select public.console_gallery(%s)", [json.dumps(filters)]).fetchone()
        assert row
        return {day: pictures for _, _, day, pictures in row[0]["buckets"]}

    def there(self, company: str, filters: dict[str, Any]) -> dict[str, int]:
        """What a count of the pictures gives."""
        rows = self.owner.execute(
            "select captured_at, ingest_status from public.captures where company_id = %s", [company]
        ).fetchall()
        start, end = int(filters.get("from", 0)), int(filters.get("to", 24))
        let = [h for h in range(24) if (start <= h < end if start < end else h >= start or h < end)]
        moments = [
            at.astimezone(ZoneInfo(filters["zone"]))
            for at, status in rows
            if status in STATUSES[filters.get("status")]
        ]
        return Counter(str(at.date()) for at in moments if at.hour in let)

    def compare(self, filters: dict[str, Any]) -> None:
        for company in COMPANIES:
            assert self.told(company, filters) == self.there(company, filters)

    def left(self) -> int:
        """How many quarters the rollup has that no picture stands for, and the other way round."""
        row = self.owner.execute(
            "select count(*) from fleet_private.picture_quarters p full join"
            " (select company_id, date_bin('15 minutes', captured_at, '2000-01-01 00:00:00+00') as quarter, ingest_status,"
            "         count(*) as pictures from public.captures where company_id is not null and ingest_status <> 'assembling'"
            "   group by 1, 2, 3) as c using (company_id, quarter, ingest_status)"
            " where p.pictures is distinct from c.pictures"
        ).fetchone()
        assert row
        return int(row[0])


@pytest.fixture(scope="module")
def owner(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    database = postgres.database()
    upgrade(database, read(), lambda _: None)
    with psycopg.connect(database.url, autocommit=True) as connection:
        for company in COMPANIES:
            connection.execute(
                "insert into auth.users (id, email) values (%s, %s)", [company, f"{company}@fleet.test"]
            )
        yield connection


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.sampled_from(BASES),
    zone=st.sampled_from(ZONES),
    status=st.sampled_from(list(STATUSES)),
    of_day=hours,
    first=st.lists(actions, min_size=5, max_size=30),
    then=st.lists(actions, max_size=10),
)
def test_the_gallery_tells_what_a_count_gives(
    owner: psycopg.Connection[Any],
    base: str,
    zone: str,
    status: str | None,
    of_day: tuple[int, int] | None,
    first: list[Any],
    then: list[Any],
) -> None:
    filters: dict[str, Any] = {"zone": zone}
    if status is not None:
        filters["status"] = status
    if of_day is not None:
        filters |= {"from": str(of_day[0]), "to": str(of_day[1])}
    world = World(owner, base)
    for device, company in zip(DEVICES, COMPANIES, strict=True):
        world.own(device, company)
    for name, *arguments in first:
        getattr(world, name)(*arguments)
    for name, *arguments in then:
        world.compare(filters)
        getattr(world, name)(*arguments)
    world.compare(filters)
    while world.refresh(5):
        pass
    world.compare(filters)
    assert world.left() == 0


def refresh(backend: Backend) -> None:
    while backend.service.rpc("refresh_picture_quarters")["more"]:
        pass


def in_both(backend: Backend, session: Session) -> list[tuple[str, int]]:
    """What the gallery tells at once, which it tells after a refresh too."""
    told = days(session, **BERLIN)
    refresh(backend)
    assert days(session, **BERLIN) == told
    return told


def test_what_becomes_of_a_picture_is_told_at_once(backend: Backend) -> None:
    _, user, device = backend.company()
    refresh(backend)
    first, second = take(backend, device), take(backend, device)
    assert in_both(backend, user.session) == [("2026-11-03", 2)]
    late = take(backend, device, NOON - timedelta(days=300))
    assert in_both(backend, user.session) == [("2026-11-03", 2), ("2026-01-07", 1)]
    backend.service.delete("captures", capture_id=first)
    assert in_both(backend, user.session) == [("2026-11-03", 1), ("2026-01-07", 1)]
    backend.service.update("captures", {"ingest_status": "expired", "storage_path": None}, capture_id=late)
    assert in_both(backend, user.session) == [("2026-11-03", 1)]
    backend.service.update("captures", {"captured_at": "2026-10-25T00:30:00Z"}, capture_id=second)
    assert in_both(backend, user.session) == [("2026-10-25", 1)]


def test_pictures_stay_with_the_company_that_had_the_device(backend: Backend) -> None:
    _, user, device = backend.company()
    company, buyer, _ = backend.company()
    take(backend, device)
    refresh(backend)
    backend.service.update("devices", {"company_id": company}, device_id=device)
    take(backend, device, NOON + timedelta(days=1))
    assert in_both(backend, user.session) == [("2026-11-03", 1)]
    assert in_both(backend, buyer.session) == [("2026-11-04", 1)]
    assert in_both(backend, backend.sign_up().session) == []


def test_what_is_settled_is_not_counted_again(native: Native) -> None:
    company, user, device = native.company()
    take(native, device)
    refresh(native)
    # Nothing but the rollup says so.
    native.database.run(
        f"update fleet_private.picture_quarters set pictures = 7 where company_id = '{company}'"
    )
    assert days(user.session, **BERLIN) == [("2026-11-03", 7)]
    assert days(user.session, **BERLIN, status="whole") == [("2026-11-03", 7)]
    assert days(user.session, **BERLIN, **{"from": "14", "to": "15"}) == [("2026-11-03", 7)]
    assert days(user.session, **BERLIN, device=device) == [("2026-11-03", 1)]
    take(native, device, NOON + timedelta(minutes=14))
    assert in_both(native, user.session) == [("2026-11-03", 2)]


def test_what_is_written_during_a_refresh_is_told_once_it_is_there(native: Native) -> None:
    _, user, device = native.company()
    refresh(native)
    writer, counter = Connection(native.database), Connection(native.database)
    try:
        written = uuid.uuid4().hex
        writer.ask(
            "begin; insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path)"
            f" values ('{device}', '{written}', '{NOON.isoformat()}', 'stored', '{written}');"
        )
        take(native, device)
        counter.ask("begin; set local role service_role; select public.refresh_picture_quarters();")
        assert days(user.session, **BERLIN) == [("2026-11-03", 1)]
        writer.ask("commit;")
        assert days(user.session, **BERLIN) == [("2026-11-03", 2)]
        # This one finds the other one at work.
        assert native.service.rpc("refresh_picture_quarters") == {"stretches": 0, "more": False}
        counter.ask("commit;")
        assert in_both(native, user.session) == [("2026-11-03", 2)]
    finally:
        writer.close()
        counter.close()


def test_what_was_there_before_is_counted_in_steps_the_latest_first(native: Native) -> None:
    company, user, device = native.company()
    pictures = [take(native, device, NOON - timedelta(days=number)) for number in range(25)]
    whole = days(user.session, **BERLIN)
    refresh(native)
    native.database.run(f"delete from fleet_private.counted_since where company_id = '{company}'")
    assert days(user.session, **BERLIN) == whole
    since = f"select since from fleet_private.counted_since where company_id = '{company}'"
    steps, more = [], True
    while more:
        more = native.service.rpc("refresh_picture_quarters", p_limit=1)["more"]
        steps.append(native.database.value(since))
        assert days(user.session, **BERLIN) == whole
        if len(steps) == 1:
            # The next step counts it anyway.
            native.service.update("captures", {"ingest_status": "stored"}, capture_id=pictures[12])
    *bounded, last = steps
    assert [datetime.fromisoformat(at) for at in bounded] == [
        NOON - timedelta(days=number) for number in (10, 21)
    ]
    assert last == "-infinity"
