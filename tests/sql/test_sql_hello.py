"""What a device hears when it says hello: the schedule's part. Commands have tests of their own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, RefusedError, Row

START = datetime(2025, 10, 4, 12, 0, tzinfo=UTC)
TELEMETRY: Row = {
    "firmware_version": "1.2.3",
    "uptime_s": 12,
    "boot_count": 345,
    "battery_mv": 3712,
    "battery_percent": 81.5,
    "wifi_rssi_dbm": -67,
    "free_heap_bytes": 123456,
}


def at(**later: float) -> str:
    return (START + timedelta(**later)).isoformat()


def hello(backend: Backend, device: str, when: str, **fields: Any) -> Row:
    answer: Row = backend.service.rpc(
        "record_hello",
        p_hello={
            "device_id": device,
            "status": "Alive",
            "pending_count": 0,
            "received_at": when,
            "at": when,
            "message_key": f"{device} {when}",
            **fields,
        },
    )
    return answer


def picture(
    backend: Backend, device: str, captured_at: str, arrived_at: str | None = None, **fields: Any
) -> Row:
    capture = {
        "device_id": device,
        "image_name": f"{captured_at}.jpg",
        "captured_at": captured_at,
        "arrived_at": arrived_at or captured_at,
        "at": arrived_at or captured_at,
        "ingest_status": "stored",
        **fields,
    }
    path = f"{device} {captured_at} {capture['image_name']}"
    answer: Row = backend.service.rpc("record_capture", p_capture={"storage_path": path, **capture})
    return answer


def when(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def noon_daily(backend: Backend, device: str) -> None:
    backend.service.insert("devices", {"device_id": device})
    backend.service.insert(
        "device_configs", {"device_id": device, "times_of_day": "{12:00}", "wake_spread_s": 0}
    )


def test_everything_a_device_says_is_kept(backend: Backend, device: str) -> None:
    raw = {"status": "Alive", "pendingImg": 2, "new_field": [1, 2]}
    hello(backend, device, at(), pending_count=2, pending_list=["a.jpg", "b.jpg"], raw=raw, **TELEMETRY)

    status = backend.service.row("device_status", device_id=device)
    assert {name: status[name] for name in TELEMETRY} == TELEMETRY
    assert (status["status"], status["pending_count"], status["pending_list"]) == (
        "Alive",
        2,
        ["a.jpg", "b.jpg"],
    )
    assert status["raw"] == raw
    assert when(status["received_at"]) == START

    found = backend.service.row("devices", device_id=device)
    assert {name: found[name] for name in TELEMETRY} == TELEMETRY
    assert (found["device_hw_id"], found["pending_count"]) == (device, 2)
    assert when(found["last_seen_at"]) == START


def test_what_a_hello_does_not_say_stays_known(backend: Backend, device: str) -> None:
    hello(backend, device, at(), **TELEMETRY)
    hello(backend, device, at(hours=1), battery_mv=3600)

    found = backend.service.row("devices", device_id=device)
    assert {name: found[name] for name in TELEMETRY} == TELEMETRY | {"battery_mv": 3600}
    assert len(backend.service.rows("device_status", device_id=device)) == 2


def test_what_does_not_fit_is_left_out(backend: Backend, device: str) -> None:
    hello(backend, device, at(), battery_mv="full", wifi_rssi_dbm=10**9, status="x" * 1000, pending_count=-3)
    status = backend.service.row("device_status", device_id=device)
    assert (status["battery_mv"], status["wifi_rssi_dbm"], status["pending_count"]) == (None, None, None)
    assert len(status["status"]) == 64


@pytest.mark.parametrize("name", [None, "", "a/b", "x" * 65])
def test_a_hello_of_nobody_is_refused(backend: Backend, name: object) -> None:
    with pytest.raises(RefusedError) as refused:
        backend.service.rpc("record_hello", p_hello={"device_id": name})
    assert refused.value.sqlstate == "22023"


def test_the_same_message_twice_is_recorded_once_and_answered_the_same(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    backend.service.insert(
        "device_commands", {"device_id": device, "type": "custom", "payload": {"led": "on"}}
    )
    first = hello(backend, device, at(hours=1), **TELEMETRY)
    tables = ("devices", "device_status", "device_commands", "device_command_logs")
    before = {table: backend.service.rows(table, device_id=device) for table in tables}
    assert first["capture_due"] is True
    assert len(first["commands"]) == 1

    again = hello(backend, device, at(hours=1), **TELEMETRY)
    assert again == first
    assert {table: backend.service.rows(table, device_id=device) for table in tables} == before


def test_a_new_device_is_asked_for_a_picture(backend: Backend, device: str) -> None:
    assert hello(backend, device, at()) == {
        "commands": [],
        "capture_due": True,
        "in_flight": False,
        "next_wake_at": None,
        "timezone": "UTC",
    }


def test_a_hello_repeated_within_seconds_makes_no_second_picture(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    assert hello(backend, device, at())["capture_due"] is True
    for seconds in (1, 5, 59):
        answer = hello(backend, device, at(seconds=seconds))
        assert (answer["capture_due"], answer["in_flight"]) == (False, True)
        # Not silence, and not a whole day of sleep: if the device has forgotten, it is asked again soon.
        assert when(answer["next_wake_at"]) == START + timedelta(seconds=seconds, minutes=2)

    # Nothing came of it within a minute: it is asked again.
    answer = hello(backend, device, at(seconds=61))
    assert answer["capture_due"] is True
    assert when(answer["next_wake_at"]) == START + timedelta(days=1)

    # The picture came, and its ACK sent the device to sleep until tomorrow.
    picture(backend, device, at(seconds=63), at(seconds=95))
    answer = hello(backend, device, at(seconds=100))
    assert (answer["capture_due"], answer["in_flight"]) == (False, False)
    assert when(answer["next_wake_at"]) == START + timedelta(days=1)


def test_without_a_schedule_every_wake_is_for_a_picture(backend: Backend, device: str) -> None:
    for hour in range(3):
        assert hello(backend, device, at(hours=hour))["capture_due"] is True
        answer = picture(backend, device, at(hours=hour, seconds=5), at(hours=hour, seconds=40))
        assert answer["next_wake_at"] is None
        assert hello(backend, device, at(hours=hour, seconds=50))["capture_due"] is False


def test_a_day_on_a_schedule(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    tomorrow = START + timedelta(days=1)

    # A little early is in time.
    answer = hello(backend, device, at(seconds=-40))
    assert answer["capture_due"] is True
    answer = picture(backend, device, at(seconds=-35), at())
    assert when(answer["next_wake_at"]) == tomorrow
    assert when(backend.service.row("devices", device_id=device)["next_wake_at"]) == tomorrow

    # Between its times there is nothing to do but to sleep on.
    for hours in (0.1, 6, 23):
        answer = hello(backend, device, at(hours=hours))
        assert (answer["capture_due"], answer["commands"]) == (False, [])
        assert when(answer["next_wake_at"]) == tomorrow

    # Far too early: it is sent back to sleep until its time.
    answer = hello(backend, device, at(hours=23, minutes=50))
    assert (answer["capture_due"], when(answer["next_wake_at"])) == (False, tomorrow)
    assert hello(backend, device, at(days=1, seconds=4))["capture_due"] is True


def test_after_days_offline_one_picture_is_due(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    picture(backend, device, at())
    assert hello(backend, device, at(days=5, hours=3))["capture_due"] is True
    picture(backend, device, at(days=5, hours=3, seconds=9))
    answer = hello(backend, device, at(days=5, hours=4))
    assert (answer["capture_due"], when(answer["next_wake_at"])) == (False, START + timedelta(days=6))


def test_the_backlog_is_no_substitute_for_the_picture_that_is_due(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    hello(backend, device, at(days=-3))
    for day in (-2, -1):
        picture(backend, device, at(days=day), arrived_at=at(seconds=30))
    assert hello(backend, device, at(seconds=60))["capture_due"] is True


def test_a_device_that_cannot_take_pictures_is_let_to_sleep(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    hello(backend, device, at())
    answer = picture(
        backend, device, at(seconds=5), ingest_status="failed", error={"code": 1001, "message": "camera"}
    )
    assert when(answer["next_wake_at"]) == START + timedelta(days=1)
    assert hello(backend, device, at(minutes=5))["capture_due"] is False


def test_a_clock_that_is_ahead_does_not_stop_the_pictures(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    hello(backend, device, at())
    picture(backend, device, "2031-01-01T00:00:00Z", arrived_at=at(seconds=30))
    assert hello(backend, device, at(minutes=5))["capture_due"] is False
    assert hello(backend, device, at(days=1))["capture_due"] is True


def test_the_answer_is_in_the_devices_time_zone(backend: Backend, device: str) -> None:
    noon_daily(backend, device)
    backend.service.update("devices", {"timezone": "Europe/Berlin"}, device_id=device)
    answer = hello(backend, device, at())
    assert when(answer["next_wake_at"]) == START + timedelta(hours=22)
    assert answer["timezone"] == "Europe/Berlin"


def test_a_hello_that_was_answered_without_the_database_is_only_recorded(
    backend: Backend, device: str
) -> None:
    backend.service.insert("devices", {"device_id": device})
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    assert hello(backend, device, at(), record_only=True, **TELEMETRY) is None
    assert backend.service.row("device_commands", device_id=device)["status"] == "queued"
    assert backend.service.row("devices", device_id=device)["battery_mv"] == TELEMETRY["battery_mv"]

    # The message itself, come again, has no other answer than that there is none.
    answer = hello(backend, device, at())
    assert (answer["commands"], answer["capture_due"]) == ([], False)
    assert backend.service.row("device_commands", device_id=device)["status"] == "queued"
    assert len(hello(backend, device, at(hours=1))["commands"]) == 1


def test_without_a_clock_of_the_caller_the_databases_counts(backend: Backend, device: str) -> None:
    backend.service.insert("devices", {"device_id": device})
    backend.service.insert("device_configs", {"device_id": device, "interval_minutes": 60})
    answer = backend.service.rpc("record_hello", p_hello={"device_id": device, "status": "alive"})
    ahead = when(answer["next_wake_at"]) - datetime.now(UTC)
    assert timedelta(0) < ahead <= timedelta(minutes=61)
