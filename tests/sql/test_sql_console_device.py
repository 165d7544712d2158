"""What the console's page of a device is told."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sql_backends import Backend, Row, Session, refused
from test_sql_gaps import BASE, MINUTE, at, fail, others_are_heard, watch
from test_sql_rollups import take

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=8)


def history(session: Session, device: str, since: datetime = START, until: datetime = END) -> Row:
    told: Row = session.rpc(
        "console_device_history", p_device=device, p_from=since.isoformat(), p_to=until.isoformat()
    )
    return told


def picture(device: str, number: int, at: datetime, **changes: Any) -> Row:
    return {
        "device_id": device,
        "device_capture_id": f"{number}.jpg",
        "captured_at": at.isoformat(),
        "ingest_status": "stored",
        "storage_path": f"captures/{device}/{number}.jpg",
        "thumbnail_path": f"thumbnails/{device}/{number}.jpg",
        "error_code": None,
    } | changes


def test_a_device_that_was_never_heard(backend: Backend) -> None:
    _, admin, device = backend.company()
    told = admin.session.rpc("console_device", p_device=device)
    assert told["device"]["device_id"] == device
    assert told["device"]["zone"] == "UTC"
    assert [told[name] for name in ("alerts", "latest", "commands", "sites")] == [[], None, [], []]
    assert told["schedules"] == {"device": None, "company": None, "service": None}
    nothing = history(admin.session, device)
    assert nothing["series"]["at"] == []
    assert [nothing[name] for name in ("days", "hours", "gaps", "pictures", "troubles", "errors")] == [[]] * 6


def test_a_company_is_told_nothing_of_the_devices_of_others(backend: Backend) -> None:
    _, _, device = backend.company()
    _, other, _ = backend.company()
    assert other.session.rpc("console_device", p_device=device) is None
    assert history(other.session, device) is None


def test_what_a_device_is_told_to_do(backend: Backend) -> None:
    company, admin, device = backend.company()
    viewer = backend.member(company, "viewer").session
    admin.session.rpc("set_schedule", p_device=None, p_captures_per_day=4)
    admin.session.rpc(
        "set_schedule", p_device=device, p_times_of_day=("06:00", "18:00"), p_timezone="Asia/Tokyo"
    )
    backend.service.insert("captures", picture(device, 1, START))
    capture = backend.service.row("captures", device_id=device)["capture_id"]
    admin.session.insert("device_commands", {"device_id": device, "type": "capture_image"})
    backend.service.update("device_commands", {"status": "done", "capture_id": capture}, device_id=device)
    admin.session.insert(
        "device_commands", {"device_id": device, "type": "send_image", "payload": {"image_name": "7.jpg"}}
    )

    told = viewer.rpc("console_device", p_device=device)
    assert told["device"]["zone"] == "Asia/Tokyo"
    assert told["schedules"]["device"]["times_of_day"] == ["06:00:00", "18:00:00"]
    assert told["schedules"]["company"]["captures_per_day"] == 4
    waiting, done = told["commands"]
    assert (waiting["status"], waiting["payload"], waiting["by"]) == (
        "queued",
        {"image_name": "7.jpg"},
        admin.email,
    )
    assert (done["status"], done["capture_id"], done["thumbnail"]) == (
        "done",
        capture,
        f"thumbnails/{device}/1.jpg",
    )


def test_the_newest_picture_that_is_there(backend: Backend) -> None:
    _, admin, device = backend.company()
    backend.service.insert(
        "captures",
        picture(device, 1, START),
        picture(device, 2, START + timedelta(hours=1)),
        picture(
            device, 3, END, ingest_status="failed", storage_path=None, thumbnail_path=None, error_code=2201
        ),
    )
    told = admin.session.rpc("console_device", p_device=device)
    assert told["latest"]["path"] == f"captures/{device}/2.jpg"
    (trouble,) = history(admin.session, device, until=END + timedelta(hours=1))["troubles"]
    assert (trouble["image_name"], trouble["code"]) == ("3.jpg", 2201)


def test_hours_are_those_of_the_device_and_whole_days(backend: Backend) -> None:
    _, admin, device = backend.company()
    admin.session.rpc("update_device", p_device=device, p_changes={"timezone": "Asia/Tokyo"})
    backend.service.insert(
        "captures",
        picture(device, 1, START - timedelta(hours=2)),  # 7 o'clock of 1 March in Tokyo
        picture(device, 2, START + timedelta(hours=16)),  # 1 o'clock of 2 March
        picture(device, 3, START + timedelta(hours=16, minutes=9), ingest_status="failed", storage_path=None),
    )
    told = history(admin.session, device)
    assert told["zone"] == "Asia/Tokyo"
    assert told["hours"] == [["2026-03-01", 7, 1, 0], ["2026-03-02", 1, 1, 1]]


@pytest.mark.parametrize(
    ("day", "last", "next_day"),
    # The clock is put back, and forward: half past eleven of the evening, and half an hour later than midnight.
    [("2025-10-26", "2025-10-26T22:30Z", "2025-10-26T23:30Z"), ("2026-03-29", "2026-03-29T21:30Z", "2026-03-29T22:30Z")],
)  # fmt: skip
def test_a_day_of_another_length_has_its_own_hours(
    backend: Backend, day: str, last: str, next_day: str
) -> None:
    _, admin, device = backend.company()
    admin.session.rpc("update_device", p_device=device, p_changes={"timezone": "Europe/Berlin"})
    for number, at_ in enumerate((last, next_day)):
        backend.service.insert("captures", picture(device, number, datetime.fromisoformat(at_)))
    noon = datetime.fromisoformat(f"{day}T12:00Z")
    assert history(admin.session, device, noon - timedelta(days=1), noon)["hours"] == [[day, 23, 1, 0]]


def test_series_are_means_and_never_many(backend: Backend) -> None:
    _, admin, device = backend.company()
    times = [START + timedelta(minutes=5 * number) for number in range(8 * 288)]
    # Two hellos and two readings in what is one stretch: 8 days are 480 of 24 minutes.
    backend.service.insert(
        "device_status",
        *({"device_id": device, "message_key": f"{device} {at}", "created_at": at.isoformat(),
           "received_at": at.isoformat(), "wifi_rssi_dbm": -60 - number, "boot_count": 7 + number}
          for number, at in enumerate(times[:2])),
    )  # fmt: skip
    readings = [
        {"device_id": device, "measured_at": at.isoformat(), "temperature_c": 20 + number % 2}
        for number, at in enumerate(times)
    ]
    for first in range(0, len(readings), 500):
        backend.service.insert("sensor_readings", *readings[first : first + 500])
    backend.service.insert("captures", *(picture(device, number, at) for number, at in enumerate(times[:10])))

    told = history(admin.session, device)
    series = told["series"]
    assert len(series["at"]) == 480
    assert series["at"][0] == START.timestamp() + 720
    assert (series["rssi"][0], series["boots"][0], series["rssi"][1]) == (-60.5, 8, None)
    assert {len(values) for values in series.values()} == {480}
    assert all(20 <= value <= 21 for value in series["temperature"])
    # Of each stretch the last picture: at 20 and at 45 minutes.
    assert [name for _, _, name, _ in told["pictures"]] == [
        f"captures/{device}/4.jpg",
        f"captures/{device}/9.jpg",
    ]


def test_errors_are_counted_by_their_code(backend: Backend) -> None:
    _, admin, device = backend.company()
    backend.service.insert(
        "device_errors",
        *({"device_id": device, "error_code": code, "message": f"at {hour}", "message_key": f"{device} {hour}",
           "occurred_at": (START + timedelta(hours=hour)).isoformat()}
          for hour, code in enumerate((1002, 2201, 1002))),
    )  # fmt: skip
    told = history(admin.session, device)["errors"]
    assert [(error["code"], error["times"], error["message"]) for error in told] == [
        (1002, 2, "at 2"),
        (2201, 1, "at 1"),
    ]


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_a_time_that_cannot_be_shown(backend: Backend, days: int) -> None:
    _, admin, device = backend.company()
    with refused("22023", "ask for 366 days at most"):
        history(admin.session, device, until=START + timedelta(days=days))


SCHEDULES: list[Row] = [
    {"p_times_of_day": ("06:00", "18:30"), "p_timezone": "America/Lima"},
    {"p_captures_per_day": 288, "p_wake_spread_s": 0},
    {"p_interval_minutes": 90, "p_wake_spread_s": 21600},
    {"p_interval_minutes": 10080},
    {},
]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_wakes_that_are_shown_are_those_that_come(backend: Backend, schedule: Row) -> None:
    """A schedule that is tried out, and then set, leads the device through the very wakes that were shown."""
    _, admin, device = backend.company()
    admin.session.rpc("set_schedule", p_device=None, p_captures_per_day=6, p_timezone="Asia/Tokyo")
    told = datetime.now(UTC) + timedelta(minutes=7)
    backend.service.update("devices", {"next_wake_at": told.isoformat()}, device_id=device)
    shown = admin.session.rpc("console_wakes", p_device=device, **schedule)
    assert len(shown["wakes"]) == 10
    assert shown["told"] == shown["wakes"][0]
    assert shown["zone"] == schedule.get("p_timezone", "Asia/Tokyo")
    admin.session.rpc("set_schedule", p_device=device, **schedule)
    # Each is what a device is told that is awake at the one before.
    wakes = ", ".join(f"timestamptz '{wake}'" for wake in shown["wakes"])
    follows = backend.catalog(
        f"select fleet_private.next_wake('{device}', w) as told, lead(w) over (order by w) as shown"
        f" from unnest(array[{wakes}]) as w order by w"
    )
    assert [told for told, _ in follows[:-1]] == [after for _, after in follows[:-1]]


def test_without_any_schedule_no_wake_is_promised(backend: Backend) -> None:
    _, admin, device = backend.company()
    assert admin.session.rpc("console_wakes", p_device=device) == {"zone": "UTC", "told": None, "wakes": []}


@pytest.mark.parametrize(
    "schedule",
    [
        {"p_captures_per_day": 0},
        {"p_captures_per_day": 4, "p_interval_minutes": 60},
        {"p_interval_minutes": 10081},
        {"p_timezone": "Moon/Crater"},
        {"p_wake_spread_s": -1},
    ],
)
def test_what_is_no_schedule_has_no_wakes(backend: Backend, schedule: Row) -> None:
    _, admin, device = backend.company()
    with refused("22023", "these values are no schedule"):
        admin.session.rpc("console_wakes", p_device=device, **schedule)


def test_the_state_is_that_of_the_list(backend: Backend) -> None:
    company, admin, device = backend.company()
    backend.service.update(
        "devices", {"last_seen_at": START.isoformat(), "battery_mv": 3750}, device_id=device
    )
    backend.service.insert("alerts", {
        "company_id": company, "device_id": device, "kind": "offline", "subject": "x", "severity": "critical", "message": "x",
    })  # fmt: skip
    told = admin.session.rpc("console_device", p_device=device)
    assert (told["device"]["state"], told["device"]["battery"]) == ("lost", 50)
    assert [alert["kind"] for alert in told["alerts"]] == ["offline"]


def test_wakes_without_a_picture_have_their_reason_day_and_hour(backend: Backend) -> None:
    company, admin, _ = backend.company()
    device = watch(backend, 3, zone="Asia/Tokyo", company_id=company)
    others_are_heard(backend, 3)
    take(backend, device, at(0) + MINUTE)
    fail(backend, device, at(1) + MINUTE, 1002)
    told = history(admin.session, device, at(-1), at(5))["gaps"]
    found = [
        (gap["reason"], gap["day"], gap["hour"]) for gap in told if datetime.fromisoformat(gap["at"]) >= BASE
    ]
    silent, failed = (at(hour).astimezone(ZoneInfo("Asia/Tokyo")) for hour in (2, 1))
    assert found == [
        ("offline", silent.date().isoformat(), silent.hour),
        ("camera", failed.date().isoformat(), failed.hour),
    ]


def test_what_is_known_beyond_the_pictures(backend: Backend) -> None:
    company, admin, device = backend.company()
    operator = backend.member(company, "operator")
    operator.session.rpc("update_device", p_device=device, p_changes={"name": "door"})
    operator.session.rpc("set_schedule", p_device=device, p_captures_per_day=4)
    operator.session.rpc("set_schedule", p_device=device)
    _, other, _ = backend.company()
    assert other.session.rpc("console_device_checks", p_device=device) is None
    told = admin.session.rpc("console_device_checks", p_device=device)
    assert told["link"]["device_id"] == device
    assert [advice["code"] for advice in told["link"]["advice"]] == ["too_few"]
    # The latest first; the schedule that has ended still tells whose it was.
    assert [(one["table_name"], one["action"], one["actor_email"]) for one in told["changes"]] == [
        ("device_configs", "delete", operator.email),
        ("device_configs", "insert", operator.email),
        ("devices", "update", operator.email),
    ]
    assert told["changes"][-1]["changes"] == {"name": [None, "door"]}
    # The log is for admins.
    assert operator.session.rpc("console_device_checks", p_device=device)["changes"] == []
