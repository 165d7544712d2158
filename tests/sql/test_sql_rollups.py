"""`capture_days`: what is counted, for whom, and when; on the embedded stack and on PostgreSQL."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, Native, RefusedError, Row, User, new_device
from sql_postgres import Connection, Database
from upgrades import upgrade

from operate.schema.files import read

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)


def refresh(backend: Backend, at: datetime | None = None, limit: int = 1000) -> None:
    """Refresh until nothing is left."""
    given = {} if at is None else {"p_at": at.isoformat()}
    while backend.service.rpc("refresh_capture_days", p_limit=limit, **given)["more"]:
        pass
    while backend.service.rpc("refresh_company_days", p_limit=limit)["more"]:
        pass


def take(backend: Backend, device: str, at: datetime, **changes: Any) -> None:
    """Record a picture with readings."""
    name = uuid.uuid4().hex
    backend.service.rpc(
        "record_capture",
        p_capture={
            "device_id": device,
            "image_name": f"{name}.jpg",
            "captured_at": at.isoformat(),
            "arrived_at": at.isoformat(),
            "ingest_status": "stored",
            "storage_path": f"captures/{name}",
            "image_bytes": 1000,
            "nacks_sent": 2,
            "sensors": {"temperature_c": 20.5, "gas_kohm": 7},
        }
        | changes,
    )


def hello(backend: Backend, device: str, at: datetime, **changes: Any) -> None:
    """Record a hello."""
    said = {"device_id": device, "received_at": at.isoformat(), "message_key": uuid.uuid4().hex}
    backend.service.rpc("record_hello", p_hello=said | changes)


def days(session: Any, device: str) -> dict[str, Row]:
    """The days of a device that a session sees, by date."""
    rows = {row["day"]: row for row in session.rows("capture_days", device_id=device)}
    assert len(rows) == len(session.rows("capture_days", device_id=device))
    return rows


def register(
    backend: Backend, device: str, known: datetime = NOON - timedelta(days=1), **values: Any
) -> None:
    """Make a device that is known since a moment."""
    backend.service.insert("devices", {"device_id": device, "created_at": known.isoformat(), **values})


def test_a_day_tells_what_came(backend: Backend, device: str) -> None:
    register(backend, device)
    take(backend, device, NOON)
    take(backend, device, NOON + timedelta(hours=1), sensors={"temperature_c": 22.5})
    for code in (1004, 2201, 2202, 2205, 2200):
        failed = {"ingest_status": "failed", "storage_path": None, "error": {"code": code, "message": "m"}}
        take(backend, device, NOON + timedelta(hours=2), sensors=None, nacks_sent=None, **failed)
    for rssi, battery in ((-50, 80), (-70, 60)):
        hello(backend, device, NOON, wifi_rssi_dbm=rssi, battery_percent=battery, battery_mv=4000)
    # What was received three days ago is recorded now: that is later than a hello may be.
    refresh(backend)
    row = days(backend.service, device)[str(NOON.date())]
    told = {name: value for name, value in row.items() if value not in (0, None)}
    assert {"device_id": device, "timezone": "UTC"}.items() <= told.items()
    assert {name: row[name] for name in ("stored", "failed_device", "failed_transfer", "failed_service")} == {
        "stored": 2,
        "failed_device": 1,
        "failed_transfer": 2,
        "failed_service": 2,
    }
    assert (row["bytes"], row["nacks"], row["partial"], row["hellos"]) == (2000, 4, 0, 0)
    assert (row["temperature_min"], row["temperature_mean"], row["temperature_max"]) == (20.5, 21.5, 22.5)
    assert (row["temperature_readings"], row["gas_readings"], row["humidity_mean"]) == (2, 1, None)


def test_hellos_tell_battery_and_signal(backend: Backend, device: str) -> None:
    now = datetime.now(UTC)
    for rssi, battery in ((-50, 80), (-70, 60)):
        hello(backend, device, now, wifi_rssi_dbm=rssi, battery_percent=battery, battery_mv=4000 + rssi)
    refresh(backend)
    [row] = days(backend.service, device).values()
    assert (row["hellos"], row["rssi_min"], row["rssi_mean"], row["rssi_max"]) == (2, -70, -60, -50)
    assert (row["battery_percent_min"], row["battery_percent_max"]) == (60, 80)
    assert (row["battery_mv_min"], row["battery_mv_max"]) == (3930, 3950)


def test_a_silent_device_has_its_days_too(backend: Backend, device: str) -> None:
    register(backend, device)
    backend.service.insert(
        "device_configs",
        {
            "device_id": device,
            "captures_per_day": 4,
            "wake_spread_s": 0,
            "created_at": "2020-01-01T00:00:00Z",
        },
    )
    take(backend, device, NOON - timedelta(hours=3))
    now = datetime.now(UTC)
    refresh(backend, now)
    # Registered the day before, and heard at 9 o'clock for the first time; then there are wakes at 15, 21, 3 and 9.
    found = days(backend.service, device)
    first, *others = sorted(found)
    assert (found[first]["expected"], found[first]["silent"], found[first]["stored"]) == (3, 2, 1)
    for day in others[:2]:
        assert (found[day]["expected"], found[day]["silent"]) == (4, 4)
    # Nothing is heard, and time goes on.
    refresh(backend, now + timedelta(days=2))
    found = days(backend.service, device)
    assert (found[str(now.date())]["expected"], found[str(now.date())]["silent"]) == (4, 4)
    tomorrow = found[str((now + timedelta(days=1)).date())]
    assert (tomorrow["expected"], tomorrow["silent"]) == (4, 4)


def test_without_a_schedule_nothing_is_expected(backend: Backend, device: str) -> None:
    take(backend, device, NOON)
    refresh(backend)
    [row] = days(backend.service, device).values()
    assert (row["expected"], row["silent"]) == (None, 0)


def test_a_day_is_the_one_of_the_zone_then(backend: Backend, device: str) -> None:
    register(backend, device, timezone="Asia/Tokyo")
    late = NOON + timedelta(hours=4)  # 1 o'clock of the next day in Tokyo
    take(backend, device, late)
    refresh(backend)
    backend.service.update("devices", {"timezone": "America/New_York"}, device_id=device)
    take(backend, device, late + timedelta(minutes=1))
    refresh(backend)
    [row] = days(backend.service, device).values()
    assert (row["day"], row["timezone"], row["stored"]) == (
        str(late.date() + timedelta(days=1)),
        "Asia/Tokyo",
        2,
    )


def test_a_deleted_picture_is_not_counted_and_an_empty_day_is_none(native: Native, device: str) -> None:
    take(native, device, NOON)
    take(native, device, NOON, sensors=None)
    refresh(native)
    assert days(native.service, device)[str(NOON.date())]["stored"] == 2
    for left in (1, 0):
        native.database.run(
            "delete from public.captures where capture_id in"
            f" (select capture_id from public.captures where device_id = '{device}' limit 1)"
        )
        refresh(native)
        assert [row["stored"] for row in days(native.service, device).values()] == [1] * left


def test_a_device_that_changes_hands_in_mid_day_has_a_row_for_each(backend: Backend) -> None:
    (seller_id, seller, device), (buyer_id, buyer, _) = backend.company(), backend.company()
    now = datetime.now(UTC)
    take(backend, device, now)
    refresh(backend)
    backend.service.update("devices", {"company_id": buyer_id}, device_id=device)
    take(backend, device, now, sensors={"temperature_c": 30})
    refresh(backend)
    for user, company, temperature in ((seller, seller_id, 20.5), (buyer, buyer_id, 30)):
        [row] = days(user.session, device).values()
        assert (row["company_id"], row["stored"], row["temperature_max"]) == (company, 1, temperature)
    assert len(backend.service.rows("capture_days", device_id=device)) == 2


def test_the_first_company_has_the_days_from_before(backend: Backend, device: str) -> None:
    take(backend, device, NOON)
    refresh(backend)
    company_id, owner, _ = backend.company()
    backend.service.update("devices", {"company_id": company_id}, device_id=device)
    [row] = days(owner.session, device).values()
    refresh(backend)
    [again] = days(owner.session, device).values()
    assert {**again, "refreshed_at": row["refreshed_at"]} == row


@pytest.mark.parametrize(
    "name", ["capture_days", "capture_weeks", "capture_months", "device_health", "site_days"]
)
def test_users_see_their_own_and_write_nothing(backend: Backend, name: str) -> None:
    both: list[tuple[User, str]] = []
    for _ in range(2):
        company_id, user, device = backend.company()
        site = str(uuid.uuid4())
        backend.service.insert("sites", {"site_id": site, "company_id": company_id, "name": "a site"})
        backend.service.update("devices", {"site_id": site}, device_id=device)
        take(backend, device, NOON)
        both.append((user, site if name == "site_days" else device))
    refresh(backend)
    column = "site_id" if name == "site_days" else "device_id"
    for user, own in both:
        assert {row[column] for row in user.session.rows(name)} == {own}
    assert backend.sees_nothing(backend.anonymous, name)
    assert backend.sign_up().session.rows(name) == []


def test_weeks_and_months_add_the_days_up(backend: Backend, device: str) -> None:
    monday = NOON - timedelta(days=NOON.weekday() + 7)
    take(backend, device, monday, sensors={"temperature_c": 10})
    take(backend, device, monday + timedelta(days=6), sensors={"temperature_c": 20})
    take(backend, device, monday + timedelta(days=6, hours=1), sensors={"temperature_c": 30})
    take(backend, device, monday + timedelta(days=7))
    refresh(backend)
    weeks = {row["week"]: row for row in backend.service.rows("capture_weeks", device_id=device)}
    first = weeks[str(monday.date())]
    assert (first["days"], first["stored"], first["bytes"]) == (2, 3, 3000)
    assert (first["temperature_min"], first["temperature_mean"], first["temperature_max"]) == (10, 20, 30)
    months = backend.service.rows("capture_months", device_id=device)
    assert sum(row["stored"] for row in months) == 4
    assert {row["month"][8:] for row in months} == {"01"}


def test_the_days_of_a_site_are_those_of_its_devices(backend: Backend) -> None:
    company_id, user, device = backend.company()
    site, other = str(uuid.uuid4()), new_device()
    backend.service.insert("sites", {"site_id": site, "company_id": company_id, "name": "a site"})
    backend.service.update("devices", {"site_id": site}, device_id=device)
    register(backend, other, company_id=company_id, site_id=site)
    take(backend, device, NOON, sensors={"temperature_c": 10})
    for temperature in (20, 30):
        take(backend, other, NOON, sensors={"temperature_c": temperature})
    take(backend, device, NOON - timedelta(days=1))
    refresh(backend)
    day = user.session.row("site_days", site_id=site, day=str(NOON.date()))
    assert (day["devices"], day["stored"], day["bytes"]) == (2, 3, 3000)
    assert (day["temperature_min"], day["temperature_mean"], day["temperature_max"]) == (10, 20, 30)
    assert len(user.session.rows("site_days")) == 2


def company_days(user: User) -> dict[str, Row]:
    """The days of a company that its user sees, by date."""
    return {row["day"]: row for row in user.session.rows("company_days")}


def test_the_days_of_a_company_are_those_of_its_devices(backend: Backend) -> None:
    company_id, user, device = backend.company()
    _, other, _ = backend.company()
    second = new_device()
    register(backend, second, company_id=company_id)
    take(backend, device, NOON, sensors={"temperature_c": 10})
    for temperature in (20, 30):
        take(backend, second, NOON, sensors={"temperature_c": temperature})
    take(backend, second, NOON - timedelta(days=1))
    refresh(backend)
    day = company_days(user)[str(NOON.date())]
    assert (day["devices"], day["stored"], day["bytes"], day["nacks"]) == (2, 3, 3000, 6)
    assert (day["temperature_min"], day["temperature_mean"], day["temperature_max"]) == (10, 20, 30)
    assert (day["humidity_readings"], day["humidity_mean"]) == (0, None)
    assert len(company_days(user)) == 2
    assert company_days(other) == {}


def test_the_days_of_a_company_follow_what_becomes_of_its_devices(native: Native, device: str) -> None:
    take(native, device, NOON)
    refresh(native)
    company_id, user, other = native.company()
    take(native, other, NOON)
    native.service.update("devices", {"company_id": company_id}, device_id=device)
    refresh(native)
    assert company_days(user)[str(NOON.date())]["devices"] == 2
    # The days of a device go with it.
    for table in ("sensor_readings", "captures", "devices"):
        native.service.delete(table, device_id=device)
    refresh(native)
    assert company_days(user)[str(NOON.date())]["devices"] == 1
    native.service.delete("captures", device_id=other)
    refresh(native)
    assert company_days(user) == {}


def test_what_changes_meanwhile_is_added_up_by_the_next_refresh(native: Native) -> None:
    company_id, user, device = native.company()
    second = new_device()
    register(native, second, company_id=company_id)
    take(native, device, NOON)
    refresh(native)
    late = Connection(native.database)
    try:
        late.ask("begin;")
        take(native, second, NOON)
        late.ask("set local role service_role; select public.refresh_capture_days();")
        native.service.rpc("refresh_company_days")
        assert company_days(user)[str(NOON.date())]["devices"] == 1
        late.ask("commit;")
    finally:
        late.close()
    native.service.rpc("refresh_company_days")
    assert company_days(user)[str(NOON.date())]["devices"] == 2


def test_some_days_of_companies_at_a_time_come_to_the_same(native: Native) -> None:
    _, user, device = native.company()
    for number in range(5):
        take(native, device, NOON - timedelta(days=number))
    while native.service.rpc("refresh_capture_days")["more"]:
        pass
    counted = [native.service.rpc("refresh_company_days", p_limit=2)]
    while counted[-1]["more"]:
        counted.append(native.service.rpc("refresh_company_days", p_limit=2))
    assert {done["days"] for done in counted[:-1]} == {2}
    assert len(company_days(user)) == 5


def test_of_many_days_of_companies_the_latest_are_added_up_first(native: Native) -> None:
    refresh(native)
    _, user, device = native.company()
    for number in reversed(range(20)):
        take(native, device, NOON - timedelta(days=number))
    while native.service.rpc("refresh_capture_days")["more"]:
        pass
    native.service.rpc("refresh_company_days", p_limit=3)
    assert sorted(company_days(user)) == [str(NOON.date() - timedelta(days=number)) for number in (2, 1, 0)]


def test_health_is_of_the_last_seven_days(backend: Backend) -> None:
    _, user, device = backend.company()
    now = datetime.now(UTC)
    failed = {"ingest_status": "failed", "storage_path": None, "error": {"code": 2201, "message": "m"}}
    take(backend, device, now)
    take(backend, device, now - timedelta(days=6))
    take(backend, device, now - timedelta(days=6), **failed)
    take(backend, device, now - timedelta(days=7))
    hello(backend, device, now, battery_mv=3900, wifi_rssi_dbm=-60)
    refresh(backend)
    row = user.session.row("device_health")
    assert (row["stored"], row["failed_transfer"], row["hellos"]) == (2, 1, 1)
    assert row["stored_share"] == pytest.approx(2 / 3)
    assert (row["battery_mv_min"], row["rssi_min"], row["expected"], row["heard_share"]) == (
        3900,
        -60,
        None,
        None,
    )


def test_little_by_little_comes_to_the_same(backend: Backend, device: str) -> None:
    register(backend, device, NOON - timedelta(days=100))
    for back in range(0, 100, 7):
        take(backend, device, NOON - timedelta(days=back))
    backend.service.insert(
        "device_configs", {"device_id": device, "captures_per_day": 2, "created_at": "2020-01-01T00:00:00Z"}
    )
    now = datetime.now(UTC)
    refresh(backend, now, limit=5)
    found = days(backend.service, device)
    # Of the present day there may be nothing to tell yet.
    past = [day for day in sorted(found) if day < str(now.date())]
    assert past == [str(NOON.date() - timedelta(days=back)) for back in range(98, -3, -1)]
    assert sum(row["stored"] for row in found.values()) == 15


def test_hellos_stay_counted_when_they_are_dropped(native: Native) -> None:
    database = native.database.server.database()
    database.install()
    backend, device = Native(database), "AABBCCDDEEFF"
    hello(backend, device, NOON)
    database.run("update public.device_status set created_at = received_at")
    hello(backend, device, datetime.now(UTC))
    refresh(backend)
    before = days(backend.service, device)
    assert [row["hellos"] for row in before.values()] == [1, 1]
    database.run("delete from public.device_status where created_at < now() - interval '1 day'")
    take(backend, device, NOON)
    refresh(backend)
    row = days(backend.service, device)[str(NOON.date())]
    assert (row["hellos"], row["stored"]) == (1, 1)


def test_a_late_commit_is_counted(native: Native, device: str) -> None:
    take(native, device, NOON)
    late = Connection(native.database)
    late.ask(
        "begin; insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path)"
        f" values ('{device}', 'late', '{NOON.isoformat()}', 'stored', '{uuid.uuid4()}');"
    )
    refresh(native)
    assert days(native.service, device)[str(NOON.date())]["stored"] == 1
    late.ask("commit;")
    late.close()
    refresh(native)
    assert days(native.service, device)[str(NOON.date())]["stored"] == 2


def test_two_at_once_do_no_harm(native: Native, device: str) -> None:
    take(native, device, NOON)
    first = Connection(native.database)
    first.ask("begin; set local role service_role; select public.refresh_capture_days();")
    assert native.service.rpc("refresh_capture_days") == {"days": 0, "more": False}
    first.ask("rollback;")
    first.close()
    refresh(native)
    assert days(native.service, device)[str(NOON.date())]["stored"] == 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"])
@pytest.mark.parametrize(
    "schedule",
    [
        "captures_per_day, wake_spread_s) values ('{}', 24, 0",
        "captures_per_day, wake_spread_s) values ('{}', 7, 21600",
        "interval_minutes, wake_spread_s) values ('{}', 45, 300",
        "times_of_day, wake_spread_s) values ('{}', '{{00:00,02:30,03:30,23:59}}', 0",
    ],
)
@pytest.mark.parametrize("day", ["2025-10-26", "2026-03-29", "2025-11-02", "2025-07-01"])
def test_the_wakes_of_a_day_are_those_a_device_is_led_through(
    native: Native, zone: str, schedule: str, day: str
) -> None:
    setup = (
        f"insert into public.devices (device_id, timezone, created_at) values ('WAKES', '{zone}', '2020-01-01');"
        f" insert into public.device_configs (created_at, device_id, {schedule.format('WAKES').replace('values (', 'values (timestamptz $$2020-01-01$$, ', 1)});"
    )
    [[wakes, walked]] = native.trial(
        setup,
        f"""
        with recursive bounds as (
          select date '{day}'::timestamp at time zone '{zone}' as since,
                 (date '{day}' + 1)::timestamp at time zone '{zone}' as until
        ), walk (at) as (
          select fleet_private.next_wake('WAKES', since - interval '1 minute 1 microsecond') from bounds
          union all
          select fleet_private.next_wake('WAKES', at) from walk, bounds where at < until
        )
        select fleet_private.wakes_within(s.times, s.minutes, s.wake_offset, s.timezone, s.since, s.until) as wakes,
               array(select at from walk where at >= s.since and at < s.until order by at) as walked
          from bounds b, fleet_private.schedules('WAKES', b.since, b.until) as s
        """,
    )
    assert wakes == walked
    assert wakes


def test_an_upgrade_fills_the_history(version_2: Database) -> None:
    """Both the rows from before, and those that come while the files are applied one after the other."""
    files = read()
    device, at = "AABBCCDDEEFF", datetime.now(UTC)
    until_tables = next(
        n for n, file in enumerate(files) if file.name == "migrations/0041_clocks_of_devices.sql"
    )
    upgrade(version_2, files[: until_tables + 1])
    backend = Native(version_2)
    take(backend, device, at)
    take(backend, "112233445566", at)
    upgrade(version_2, files)
    refresh(backend)
    found = days(backend.service, device)
    assert [(row["stored"], row["hellos"], row["temperature_readings"]) for row in found.values()] == [
        (2, 1, 2)
    ]
    # The other one has no clock and was not noted; what it sends next brings both.
    take(backend, "112233445566", at)
    refresh(backend)
    assert [row["stored"] for row in days(backend.service, "112233445566").values()] == [2]


def trend(session: Any, device: str, hours: int, points: int, sensor: str = "temperature_c") -> list[Row]:
    """Ask for the trend of some hours from noon on."""
    asked = {
        "p_from": NOON.isoformat(),
        "p_to": (NOON + timedelta(hours=hours)).isoformat(),
        "p_points": points,
    }
    found: list[Row] = session.rpc_rows("sensor_trend", p_device=device, p_sensor=sensor, **asked)
    return found


def test_a_trend_has_at_most_so_many_points(backend: Backend) -> None:
    _, user, device = backend.company()
    _, stranger, _ = backend.company()
    for minutes in range(0, 600, 10):
        take(backend, device, NOON + timedelta(minutes=minutes), sensors={"temperature_c": minutes / 10})
    take(backend, device, NOON + timedelta(hours=10))
    points = trend(user.session, device, hours=10, points=3)
    assert [(p["minimum"], p["mean"], p["maximum"], p["readings"]) for p in points] == [
        (0, 9.5, 19, 20),
        (20, 29.5, 39, 20),
        (40, 49.5, 59, 20),
    ]
    assert [datetime.fromisoformat(p["since"]) - NOON for p in points] == [
        timedelta(minutes=200 * n) for n in range(3)
    ]
    assert len(trend(user.session, device, hours=10, points=1000)) == 60
    assert trend(user.session, device, hours=10, points=10, sensor="humidity_pct") == []
    assert trend(stranger.session, device, hours=10, points=10) == []
    assert backend.refuses(lambda: trend(backend.anonymous, device, hours=1, points=1))


@pytest.mark.parametrize(
    "wrong", [{"hours": 0, "points": 1}, {"hours": 1, "points": 0}, {"hours": 1, "points": 1001},
              {"hours": 1, "points": 1, "sensor": "device_id"}],
)  # fmt: skip
def test_a_trend_that_cannot_be_is_refused(backend: Backend, device: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as refused:
        trend(backend.service, device, **wrong)
    assert refused.value.sqlstate == "22023"
