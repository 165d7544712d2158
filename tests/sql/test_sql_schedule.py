"""When devices wake: dates that have gone wrong elsewhere, and the spread of a fleet."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sql_backends import Backend, RefusedError
from sql_postgres import literal

DEVICE = "AABBCCDDEEFF"


def schedule(
    kind: str, value: str, timezone: str = "UTC", spread: int = 0, override: str | None = None
) -> str:
    """Give the statements that make the device and its schedule."""
    return f"""
        insert into public.devices (device_id, wake_override_at) values ('{DEVICE}', {literal(override)});
        insert into public.device_configs (device_id, {kind}, timezone, wake_spread_s)
        values ('{DEVICE}', {literal(value)}, {literal(timezone)}, {spread});
    """


def utc(value: object) -> datetime:
    return datetime.fromisoformat(str(value)).astimezone(UTC)


def next_wakes(backend: Backend, setup: str, *moments: str) -> list[datetime | None]:
    """Give the next wake of the device after each moment."""
    values = ", ".join(f"({number}, timestamptz {literal(at)})" for number, at in enumerate(moments))
    rows = backend.trial(
        setup,
        f"select fleet_private.next_wake('{DEVICE}', at) as wake from (values {values}) as m (number, at) order by number",
    )
    return [utc(row[0]) if row[0] is not None else None for row in rows]


def assert_next(backend: Backend, setup: str, expected: dict[str, str]) -> None:
    found = next_wakes(backend, setup, *expected)
    assert dict(zip(expected, found, strict=True)) == {at: utc(wake) for at, wake in expected.items()}


def test_a_day_that_loses_an_hour_keeps_its_wakes(backend: Backend) -> None:
    """On 30 March 2025 Berlin goes from 2:00 to 3:00: half past two comes at half past three, once."""
    assert_next(
        backend,
        schedule("times_of_day", "{02:30,07:00}", "Europe/Berlin"),
        {
            "2025-03-29T00:00:00Z": "2025-03-29T01:30:00Z",
            "2025-03-29T02:00:00Z": "2025-03-29T06:00:00Z",
            "2025-03-29T23:00:00Z": "2025-03-30T01:30:00Z",
            "2025-03-30T00:59:00Z": "2025-03-30T01:30:00Z",
            "2025-03-30T01:30:00Z": "2025-03-30T05:00:00Z",
            "2025-03-30T06:00:00Z": "2025-03-31T00:30:00Z",
        },
    )


def test_a_day_that_gains_an_hour_has_no_wake_twice(backend: Backend) -> None:
    """On 26 October 2025 Berlin goes from 3:00 back to 2:00: half past two comes twice and counts once."""
    assert_next(
        backend,
        schedule("times_of_day", "{02:30,07:00}", "Europe/Berlin"),
        {
            "2025-10-25T00:00:00Z": "2025-10-25T00:30:00Z",
            "2025-10-25T22:00:00Z": "2025-10-26T01:30:00Z",
            "2025-10-26T00:30:00Z": "2025-10-26T01:30:00Z",
            "2025-10-26T01:30:00Z": "2025-10-26T06:00:00Z",
            "2025-10-26T06:00:00Z": "2025-10-27T01:30:00Z",
        },
    )


@pytest.mark.parametrize(
    ("timezone", "at", "wake"),
    [
        ("America/New_York", "2025-03-09T06:59:00Z", "2025-03-09T07:30:00Z"),  # 2:30 does not exist
        ("America/New_York", "2025-11-02T05:00:00Z", "2025-11-02T07:30:00Z"),
        ("Australia/Lord_Howe", "2025-10-04T15:00:00Z", "2025-10-04T15:30:00Z"),  # by half an hour, at 2:00
        ("Asia/Kolkata", "2025-06-01T20:00:00Z", "2025-06-01T21:00:00Z"),
        ("Pacific/Kiritimati", "2025-06-01T11:00:00Z", "2025-06-01T12:30:00Z"),  # UTC+14: already tomorrow
        ("Pacific/Pago_Pago", "2025-06-01T11:00:00Z", "2025-06-01T13:30:00Z"),  # UTC-11: still yesterday
    ],
)
def test_the_same_in_other_places(backend: Backend, timezone: str, at: str, wake: str) -> None:
    assert_next(backend, schedule("times_of_day", "{02:30}", timezone), {at: wake})


def test_midnight(backend: Backend) -> None:
    assert_next(
        backend,
        schedule("times_of_day", "{00:00,23:59}", "Asia/Kolkata"),
        {
            "2025-12-31T18:00:00Z": "2025-12-31T18:29:00Z",
            "2025-12-31T18:27:59Z": "2025-12-31T18:29:00Z",
            # 23:59 and 0:00 are a minute apart: one wake cannot be told before the other is over.
            "2025-12-31T18:28:30Z": "2025-12-31T18:30:00Z",
            "2025-12-31T18:29:30Z": "2026-01-01T18:29:00Z",
            "2026-01-01T18:29:30Z": "2026-01-02T18:29:00Z",
        },
    )
    assert_next(
        backend,
        schedule("times_of_day", "{00:00}"),
        {"2024-02-28T23:59:30Z": "2024-03-01T00:00:00Z", "2024-02-28T23:58:00Z": "2024-02-29T00:00:00Z"},
    )


def test_a_wake_that_has_just_passed_or_is_about_to_is_not_told(backend: Backend) -> None:
    tomorrow = "2025-10-05T12:00:00Z"
    assert_next(
        backend,
        schedule("times_of_day", "{12:00}"),
        {
            "2025-10-04T11:58:59Z": "2025-10-04T12:00:00Z",
            # Woken by a clock that runs fast: this is the wake of 12:00.
            "2025-10-04T11:59:01Z": tomorrow,
            "2025-10-04T12:00:00Z": tomorrow,
            "2025-10-04T12:00:01Z": tomorrow,
            "2025-10-04T18:00:00Z": tomorrow,
        },
    )


def test_captures_per_day_are_the_middles_of_equal_parts(backend: Backend) -> None:
    at = "2025-07-01T00:00:00Z"
    assert_next(backend, schedule("captures_per_day", "1", "Europe/Berlin"), {at: "2025-07-01T10:00:00Z"})
    assert_next(
        backend,
        schedule("captures_per_day", "4", "UTC"),
        {
            at: "2025-07-01T03:00:00Z",
            "2025-07-01T03:00:00Z": "2025-07-01T09:00:00Z",
            "2025-07-01T10:00:00Z": "2025-07-01T15:00:00Z",
            "2025-07-01T16:00:00Z": "2025-07-01T21:00:00Z",
            "2025-07-01T22:00:00Z": "2025-07-02T03:00:00Z",
        },
    )


def test_an_interval_knows_no_time_zone(backend: Backend) -> None:
    assert_next(
        backend,
        schedule("interval_minutes", "10", "Europe/Berlin"),
        {
            "2025-03-30T00:55:00Z": "2025-03-30T01:00:00Z",
            "2025-03-30T01:00:00Z": "2025-03-30T01:10:00Z",
            "2025-03-30T01:09:30Z": "2025-03-30T01:20:00Z",
            "1970-01-01T00:00:00Z": "1970-01-01T00:10:00Z",
        },
    )
    assert_next(
        backend,
        schedule("interval_minutes", "1"),
        {"2025-10-04T12:00:05Z": "2025-10-04T12:01:00Z", "2025-10-04T12:00:35Z": "2025-10-04T12:02:00Z"},
    )


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_a_year_of_wakes_has_each_once_every_day(backend: Backend, timezone: str) -> None:
    rows = backend.trial(
        schedule("times_of_day", "{00:00,02:30,13:00}", timezone),
        f"""
        with recursive wakes (at) as (
          select fleet_private.next_wake('{DEVICE}', timestamp '2024-12-31 23:30' at time zone '{timezone}')
          union all
          select fleet_private.next_wake('{DEVICE}', at + interval '10 seconds') from wakes
           where at < timestamp '2025-12-31 13:00' at time zone '{timezone}'
        )
        select at from wakes
        """,
    )
    wakes = [utc(row[0]) for row in rows]
    assert wakes == sorted(set(wakes))
    days = Counter(wake.astimezone(ZoneInfo(timezone)).date() for wake in wakes)
    assert len(days) == 365
    assert set(days.values()) == {3}


def test_the_narrower_schedule_counts_and_leaves_open_what_it_does_not_say(backend: Backend) -> None:
    company = "00000000-0000-0000-0000-0000000000c1"
    setup = f"""
        insert into public.companies (company_id, name) values ('{company}', 'a company');
        insert into public.devices (device_id, company_id, timezone) values
          ('ALONE', null, null), ('OFCOMPANY', '{company}', null), ('OWNZONE', '{company}', 'Asia/Tokyo'),
          ('OWNTIMES', '{company}', null), ('OWNZONEROW', '{company}', null);
        insert into public.device_configs
          (device_id, company_id, captures_per_day, times_of_day, timezone, wake_spread_s)
        values
          (null, null, 1, null, null, 0),
          (null, '{company}', null, '{{08:00}}', 'Europe/Berlin', null),
          ('OWNTIMES', null, null, '{{09:00}}', null, null),
          ('OWNZONEROW', null, null, null, 'America/New_York', null);
    """
    rows = backend.trial(
        setup,
        "select device_id, w.next_wake_at, w.timezone from public.devices,"
        " fleet_private.wakes(device_id, '2025-07-01T00:00:00Z') as w"
        " where device_id in ('ALONE', 'OFCOMPANY', 'OWNZONE', 'OWNTIMES', 'OWNZONEROW')",
    )
    assert {device: (utc(wake), timezone) for device, wake, timezone in rows} == {
        "ALONE": (utc("2025-07-01T12:00:00Z"), "UTC"),
        "OFCOMPANY": (utc("2025-07-01T06:00:00Z"), "Europe/Berlin"),
        "OWNZONE": (utc("2025-07-01T23:00:00Z"), "Asia/Tokyo"),
        "OWNTIMES": (utc("2025-07-01T07:00:00Z"), "Europe/Berlin"),
        "OWNZONEROW": (utc("2025-07-01T12:00:00Z"), "America/New_York"),
    }


def test_without_a_schedule_there_is_no_wake(backend: Backend) -> None:
    known = f"insert into public.devices (device_id) values ('{DEVICE}');"
    assert next_wakes(backend, known, "2025-07-01T00:00:00Z") == [None]
    assert next_wakes(backend, "", "2025-07-01T00:00:00Z") == [None]


def test_a_wake_that_was_asked_for_stands_before_the_schedule_until_it_has_passed(backend: Backend) -> None:
    for override in ("2025-07-01T09:00:00Z", "2025-07-03T09:00:00Z"):
        after = utc(override) + timedelta(seconds=1)
        assert_next(
            backend,
            schedule("times_of_day", "{12:00}", override=override),
            {
                "2025-07-01T00:00:00Z": override,
                after.isoformat(): after.replace(hour=12, minute=0, second=0).isoformat(),
            },
        )


def test_a_thousand_devices_of_one_schedule_wake_spread_over_the_window(backend: Backend) -> None:
    window = 600
    rows = backend.trial(
        f"insert into public.device_configs (times_of_day, wake_spread_s) values ('{{12:00}}', {window});",
        "select n, fleet_private.next_wake('DEVICE' || n, '2025-07-01T00:00:00Z') as one,"
        " fleet_private.next_wake('DEVICE' || n, '2025-07-08T00:00:00Z') as other from generate_series(1, 1000) as n",
    )
    noon = utc("2025-07-01T12:00:00Z")
    offsets = [(utc(wake) - noon).total_seconds() for _, wake, _ in rows]
    assert min(offsets) >= 0
    assert max(offsets) < window
    # 1000 in 600 seconds are 1.7 a second: chance makes a few seconds busier, and none a crowd.
    busiest = Counter(offsets).most_common(1)[0][1]
    assert busiest <= 10
    minutes = Counter(int(offset // 60) for offset in offsets)
    assert len(minutes) == 10
    assert max(minutes.values()) <= 140
    assert all(utc(other) - utc(one) == timedelta(days=7) for _, one, other in rows)


def test_the_spread_shifts_an_interval_too_and_can_be_none(backend: Backend) -> None:
    def wakes(spread: int) -> list[datetime]:
        rows = backend.trial(
            f"insert into public.device_configs (interval_minutes, wake_spread_s) values (60, {spread});",
            "select fleet_private.next_wake('DEVICE' || n, '2025-07-01T00:30:00Z') as at from generate_series(1, 100) as n",
        )
        return [utc(row[0]) for row in rows]

    assert set(wakes(0)) == {utc("2025-07-01T01:00:00Z")}
    spread = wakes(3600)
    assert len(set(spread)) > 90
    first = utc("2025-07-01T00:30:00Z")
    assert all(first < wake <= first + timedelta(minutes=61) for wake in spread)


@pytest.mark.parametrize(
    "row",
    [
        {"captures_per_day": 0},
        {"captures_per_day": 289},
        {"interval_minutes": 0},
        {"times_of_day": "{}"},
        {"times_of_day": "{NULL}"},
        {"captures_per_day": 1, "interval_minutes": 5},
        {"wake_spread_s": -1},
        {"timezone": "Mars/Olympus"},
        {"timezone": "FOO5"},
        {"timezone": ""},
    ],
)
def test_a_schedule_that_means_nothing_is_refused(
    backend: Backend, device: str, row: dict[str, object]
) -> None:
    backend.service.insert("devices", {"device_id": device})
    with pytest.raises(RefusedError, match="violates check constraint"):
        backend.service.insert("device_configs", {"device_id": device, **row})


def test_there_is_one_schedule_per_scope(backend: Backend, device: str) -> None:
    backend.service.insert("devices", {"device_id": device})
    backend.service.insert("device_configs", {"device_id": device, "captures_per_day": 1})
    with pytest.raises(RefusedError) as refused:
        backend.service.insert("device_configs", {"device_id": device, "captures_per_day": 2})
    assert refused.value.sqlstate == "23505"
