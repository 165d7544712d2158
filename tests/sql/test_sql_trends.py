"""What the console's page of trends is told."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, Native, Row, User, new_device, refused
from test_sql_rollups import hello, refresh, register, take

FIRST = date(2026, 3, 1)  # A Sunday.
LAST = FIRST + timedelta(days=9)
DAYS = "ask for 1,100 days at most"
SENSOR = {"p_sensor": "temperature"}


def noon(day: int) -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)


def trends(user: User, **asked: Any) -> Row:
    told: Row = user.session.rpc("console_trends", **{"p_from": str(FIRST), "p_to": str(LAST)} | asked)
    return told


def sensor(user: User, **asked: Any) -> Row:
    told: Row = user.session.rpc(
        "console_trend_sensor", **SENSOR | {"p_from": str(FIRST), "p_to": str(LAST)} | asked
    )
    return told


def counts(periods: list[list[Any]]) -> dict[str, int]:
    """The stored pictures of each period."""
    return {period: stored for period, _, _, stored, *_ in periods}


def fail(backend: Backend, device: str, at: datetime, code: int) -> None:
    take(
        backend,
        device,
        at,
        ingest_status="failed",
        storage_path=None,
        error={"code": code, "message": "m"},
    )


@pytest.fixture
def fleet(backend: Backend) -> tuple[str, User, dict[str, str]]:
    """A company with two devices at a site and one without; its id, a viewer, the devices by name."""
    company, _, _ = backend.company()
    viewer = backend.member(company, "viewer")
    backend.service.insert("sites", {"company_id": company, "name": "North"})
    site = backend.service.row("sites", company_id=company)["site_id"]
    names = {name: new_device() for name in ("apple", "beech", "cedar")}
    for name, device in names.items():
        at_site = {"site_id": site} if name != "cedar" else {}
        register(backend, device, known=noon(-3), company_id=company, name=name, **at_site)
    # A picture of apple a day, of beech every other day, of cedar one, and one of beech that failed.
    for day in range(10):
        take(backend, names["apple"], noon(day), sensors={"temperature_c": 10 + day})
        if day % 2 == 0:
            take(backend, names["beech"], noon(day), sensors={"temperature_c": 20})
    take(backend, names["cedar"], noon(3), sensors=None)
    fail(backend, names["beech"], noon(1), 1002)
    refresh(backend)
    return company, viewer, names | {"site": site}


def test_pictures_are_added_up_by_days_weeks_and_months(
    fleet: tuple[str, User, dict[str, str]],
) -> None:
    _, viewer, _ = fleet
    days = trends(viewer)["periods"]
    assert counts(days)["2026-03-04"] == 2
    assert sum(counts(days).values()) == 16
    assert sum(camera for _, _, _, _, _, camera, *_ in days) == 1
    assert sum(row[8] for row in days) == 16_000
    # Sunday the first is of the week of 23 February.
    assert counts(trends(viewer, p_step="week")["periods"]) == {
        "2026-02-23": 2,
        "2026-03-02": 11,
        "2026-03-09": 3,
    }
    assert counts(trends(viewer, p_step="month")["periods"]) == {"2026-03-01": 16}


def test_by_site_and_by_device_what_misses_most_comes_first(
    fleet: tuple[str, User, dict[str, str]],
) -> None:
    _, viewer, _names = fleet
    sites = trends(viewer, p_by="site", p_step="month")
    found = {group["name"]: counts(group["periods"])["2026-03-01"] for group in sites["groups"]}
    assert found == {"North": 15, None: 1}
    devices = trends(viewer, p_by="device", p_step="month")["groups"]
    assert devices[0]["name"] == "beech"  # it failed once
    assert {group["name"]: counts(group["periods"])["2026-03-01"] for group in devices} == {
        "apple": 10,
        "beech": 5,
        "cedar": 1,
    }
    assert sites["rest"] == 0
    assert sum(counts(sites["periods"]).values()) == 16
    assert trends(viewer)["groups"] == []


def test_a_site_and_several_devices_are_looked_at_alone(fleet: tuple[str, User, dict[str, str]]) -> None:
    _, viewer, names = fleet
    of_site = trends(viewer, p_site=names["site"], p_step="month")
    assert counts(of_site["periods"]) == {"2026-03-01": 15}
    of_two = trends(viewer, p_devices=(names["apple"], names["cedar"]), p_step="month", p_by="device")
    assert counts(of_two["periods"]) == {"2026-03-01": 11}
    assert [device["name"] for device in of_two["devices"]] == ["apple", "cedar"]
    # A device that is not at the site is not shown with it.
    both = trends(viewer, p_site=names["site"], p_devices=(names["apple"], names["cedar"]), p_step="month")
    assert counts(both["periods"]) == {"2026-03-01": 10}


def test_of_many_devices_a_shorter_time_is_added_up(backend: Backend) -> None:
    company, admin, _ = backend.company()
    others = [{"device_id": new_device(), "company_id": company} for _ in range(199)]
    backend.service.insert("devices", *others)
    long = {"p_from": str(LAST - timedelta(days=1000))}
    assert trends(admin, **long)["since"] == long["p_from"]
    # 200 devices have 50,000 days in 250 days.
    assert trends(admin, **long, p_by="site")["since"] == str(LAST - timedelta(days=249))
    few = tuple(device["device_id"] for device in others[:2])
    assert trends(admin, **long, p_by="device", p_devices=few)["since"] == long["p_from"]


def test_of_more_devices_than_are_added_up_one_day_is_told(
    native: Native,
) -> None:
    _, admin, _ = native.company()
    days = f"'{LAST - timedelta(days=9)}', '{LAST}'"
    [[since]] = native.trial(
        # As if there were more devices than one answer adds up days.
        "create or replace function fleet_private.most_device_days() returns integer language sql immutable"
        " set search_path = '' as 'select 0';"
        f' set local request.jwt.claims = \'{{"sub": "{admin.user_id}"}}\';',
        f"select public.console_trends({days}, p_by => 'device')->>'since' as since",
    )
    assert since == str(LAST)


def test_the_zones_are_those_by_which_the_days_are_told(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    tokyo = new_device()
    register(backend, tokyo, known=noon(-3), company_id=company, timezone="Asia/Tokyo")
    # One o'clock of the next day there, when elsewhere the last day goes on.
    take(backend, tokyo, noon(9) + timedelta(hours=4))
    refresh(backend)
    next_day = {"p_to": str(LAST + timedelta(days=1))}
    assert trends(viewer, **next_day)["zones"] == ["Asia/Tokyo", "UTC"]
    assert trends(viewer, **next_day, p_by="device")["zones"] == ["Asia/Tokyo", "UTC"]
    # Cedar was heard on the fourth day alone.
    assert trends(viewer, p_devices=(names["cedar"],))["zones"] == ["UTC"]


def test_errors_are_counted_by_code_and_hour_of_the_device(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    admin = backend.member(company, "admin")
    admin.session.rpc("update_device", p_device=names["apple"], p_changes={"timezone": "Asia/Tokyo"})
    rows = [
        # 22 o'clock of the last day in Tokyo, and an hour that is no longer of it there.
        (names["apple"], 2201, datetime(2026, 3, 10, 13, 5, tzinfo=UTC)),
        (names["apple"], 2201, datetime(2026, 3, 10, 15, 5, tzinfo=UTC)),
        (names["cedar"], 2201, datetime(2026, 3, 10, 23, 5, tzinfo=UTC)),
        (names["cedar"], 1003, datetime(2026, 3, 5, 0, 0, tzinfo=UTC)),
    ]
    backend.service.insert(
        "device_errors",
        *({"device_id": device, "error_code": code, "message": "m", "message_key": uuid.uuid4().hex,
           "occurred_at": at.isoformat(), "company_id": company} for device, code, at in rows),
    )  # fmt: skip
    errors = trends(viewer)["errors"]
    found = {code: {hour: n for hour, n in enumerate(hours) if n} for code, hours in errors["codes"]}
    assert found[2201] == {22: 1, 23: 1}
    assert found[1003] == {0: 1}
    assert found[1002] == {12: 1}  # of the picture that failed
    assert errors["since"] is None
    of_one = trends(viewer, p_devices=(names["cedar"],))["errors"]
    assert sorted(code for code, _ in of_one["codes"]) == [1003, 2201]


def test_storage_is_told_by_the_day_of_its_pictures(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    storage = trends(viewer)["storage"]
    assert (storage["bytes"], storage["before"], storage["policies"]) == (16_000, 0, 0)
    assert storage["days"][0] == ["2026-03-01", 2000, 2000]
    # What is let go stays counted as having come.
    gone = backend.service.rows("captures", device_id=names["cedar"])[0]["capture_id"]
    backend.service.update(
        "captures",
        {
            "ingest_status": "expired",
            "storage_path": None,
            "expired_at": noon(4).isoformat(),
            "expired_by": "age",
        },
        capture_id=gone,
    )
    backend.service.insert("keep_policies", {"company_id": company, "max_age_days": 9})
    backend.service.rpc("set_storage_quota", p_company=company, p_bytes=5_000_000)
    refresh(backend)
    storage = trends(viewer)["storage"]
    assert {day: (came, kept) for day, came, kept in storage["days"]}["2026-03-04"] == (2000, 1000)
    assert (storage["bytes"], storage["policies"], storage["quota_bytes"]) == (15_000, 1, 5_000_000)
    ended = datetime.fromisoformat(storage["ended"]).date()
    assert timedelta(0) < datetime.now(UTC).date() - ended <= timedelta(days=2)


def test_a_sensor_of_several_devices(fleet: tuple[str, User, dict[str, str]]) -> None:
    _, viewer, names = fleet
    told = sensor(viewer)
    # Cedar has measured nothing.
    assert [device["name"] for device in told["devices"]] == ["apple", "beech"]
    assert told["daily"] is False
    apple = told["devices"][0]["points"]
    assert [mean for _, _, mean, _ in apple] == [10 + day for day in range(10)]
    stretch = 10 * 86_400 / 240
    assert all(abs(at - noon(day).timestamp()) <= stretch for day, (at, *_) in enumerate(apple))
    long = sensor(viewer, p_from="2026-01-01", p_devices=(names["apple"],), p_zone="Europe/Berlin")
    assert long["daily"] is True
    [[at, low, mean, high], *_] = long["devices"][0]["points"]
    assert (low, mean, high) == (10, 10, 10)
    assert at == datetime(2026, 3, 1, 11, tzinfo=UTC).timestamp()


def test_the_first_four_that_have_measured_it_are_those_by_name_or_id(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    unnamed = f"APRICOT-{new_device()}"
    more = {name: new_device() for name in ("dogwood", "elder")}
    register(backend, unnamed, known=noon(-3), company_id=company)
    for name, device in more.items():
        register(backend, device, known=noon(-3), company_id=company, name=name)
    for device in (unnamed, *more.values()):
        take(backend, device, noon(2), sensors={"temperature_c": 5})
    refresh(backend)
    told = [device["device_id"] for device in sensor(viewer)["devices"]]
    assert told == [names["apple"], unnamed, names["beech"], more["dogwood"]]
    # A device that is named twice is told once.
    twice = sensor(viewer, p_devices=(names["apple"], names["apple"]))["devices"]
    assert [device["name"] for device in twice] == ["apple"]


def test_batteries_are_told_by_the_day(backend: Backend) -> None:
    _company, admin, device = backend.company()
    now = datetime.now(UTC)
    for percent in (80, 60):
        hello(backend, device, now, battery_percent=percent, wifi_rssi_dbm=-70)
    refresh(backend)
    days = {"p_from": str(now.date() - timedelta(days=1)), "p_to": str(now.date() + timedelta(days=1))}
    [found] = sensor(admin, p_sensor="battery", **days)["devices"]
    assert [point[1:] for point in found["points"]] == [[60, 70, 80]]
    [found] = sensor(admin, p_sensor="rssi", **days)["devices"]
    assert [point[1:] for point in found["points"]] == [[-70, -70, -70]]


def test_every_role_sees_the_own_company_and_nobody_another(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    for role in ("operator", "admin"):
        assert trends(backend.member(company, role)) == trends(viewer)
    _, other, _ = backend.company()
    theirs = {"p_devices": (names["apple"], names["beech"]), "p_by": "device"}
    for asked in ({}, theirs, {"p_site": names["site"], "p_by": "site"}):
        told = trends(other, **asked)
        assert [told[name] for name in ("periods", "groups", "zones", "sites", "devices")] == [[]] * 5
        assert told["errors"] == {"codes": [], "oldest": None, "since": None}
        assert (told["storage"]["bytes"], told["storage"]["days"]) == (0, [])
    of_theirs = sensor(other, p_devices=(names["apple"],))["devices"]
    assert of_theirs == [{"device_id": names["apple"], "name": None, "points": []}]
    assert sensor(other, p_site=names["site"])["devices"] == sensor(other)["devices"] == []
    stranger = backend.sign_up()
    assert trends(stranger)["periods"] == []
    assert backend.refuses(lambda: backend.anonymous.rpc("console_trends", p_from=str(FIRST), p_to=str(LAST)))


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"p_from": "2026-03-11"}, DAYS),
        ({"p_from": "2020-01-01"}, DAYS),
        ({"p_from": str(LAST - timedelta(days=1100))}, DAYS),
        ({"p_from": "-infinity"}, DAYS),
        ({"p_to": "5874897-12-31", "p_by": "device"}, DAYS),
        ({"p_step": "hour"}, "p_step is day, week or month"),
        ({"p_by": "universe"}, "p_by is company, site or device"),
        ({"p_devices": tuple(f"D{number}" for number in range(51))}, "at most 50 devices"),
    ],
)
def test_what_cannot_be_asked(backend: Backend, asked: Row, why: str) -> None:
    _, admin, _ = backend.company()
    with refused("22023", why):
        trends(admin, **asked)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"p_sensor": "smell"}, "no such sensor or time zone"),
        ({"p_zone": "Moon/Crater"}, "no such sensor or time zone"),
        ({"p_zone": None}, "no such sensor or time zone"),
        ({"p_from": "-infinity"}, DAYS),
        ({"p_devices": tuple(f"D{number}" for number in range(9))}, "at most 8 devices"),
        ({"p_from": "2026-03-11"}, DAYS),
    ],
)
def test_what_sensor_cannot_be_asked(backend: Backend, asked: Row, why: str) -> None:
    _, admin, _ = backend.company()
    with refused("22023", why):
        sensor(admin, **asked)
