"""Why an expected picture did not come."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sql_backends import Backend, Native, Row, User, new_device, refused
from test_sql_rollups import days, refresh, take

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# A full hour, so long ago that all wakes of these tests have passed.
BASE = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 30 * HOUR
LONG_AGO = BASE - timedelta(days=4)
ASKED: Row = {"commands": [], "capture_due": True, "next_wake_at": None}


@pytest.fixture(autouse=True)
def hellos_are_kept(native: Native, request: pytest.FixtureRequest) -> None:
    """A hello of long ago: what came since is kept."""
    say(native, new_device(), LONG_AGO)


def at(hours: float) -> datetime:
    return BASE + hours * HOUR


def say(backend: Backend, device: str, moment: datetime, answer: Row | None = None, **values: Any) -> None:
    """Have a hello of a moment, as it was recorded then."""
    row = {"device_id": device, "message_key": uuid.uuid4().hex, "answer": answer, **values}
    times = {"received_at": moment.isoformat(), "created_at": moment.isoformat()}
    backend.service.insert("device_status", row | times)


def watch(
    backend: Backend, hours: int, zone: str | None = None, since: datetime = LONG_AGO, **values: Any
) -> str:
    """Have a device, known since long, that is to wake at each full hour from BASE on, for some hours."""
    device = new_device()
    backend.service.insert("devices", {"device_id": device, "created_at": since.isoformat(), **values})
    times = [(BASE + n * HOUR).astimezone(ZoneInfo(zone or "UTC")).strftime("%H:%M") for n in range(hours)]
    config = {"device_id": device, "times_of_day": f"{{{','.join(times)}}}", "wake_spread_s": 0}
    backend.service.insert("device_configs", config | {"timezone": zone, "created_at": since.isoformat()})
    say(backend, device, since)
    refresh(backend)
    return device


def others_are_heard(backend: Backend, hours: int) -> None:
    for hour in range(hours):
        say(backend, "EVERYBODY", at(hour) + MINUTE)


def fail(backend: Backend, device: str, moment: datetime, code: int) -> None:
    error = {"code": code, "message": f"m{code}"}
    take(backend, device, moment, ingest_status="failed", storage_path=None, error=error)


def gaps(
    backend: Backend, device: str, begin: float = -0.5, end: float = 8, user: User | None = None
) -> list[Row]:
    asked: Row = {"p_device": device, "p_from": at(begin).isoformat(), "p_to": at(end).isoformat()}
    if user:
        return user.session.rpc_rows("device_gaps", **asked)
    return backend.service.rpc_rows("gaps_of_device", **asked)


def hours_of(found: list[Row]) -> list[float]:
    return [(datetime.fromisoformat(gap["wake_at"]) - BASE) / HOUR for gap in found]


def test_each_gap_has_its_reason(native: Native) -> None:
    device = watch(native, 8)
    others_are_heard(native, 8)
    take(native, device, at(0) + MINUTE)
    fail(native, device, at(1) + MINUTE, 1002)
    fail(native, device, at(2) + MINUTE, 2201)
    fail(native, device, at(3) + MINUTE, 2205)
    say(native, device, at(4) + 2 * MINUTE, ASKED)
    say(native, device, at(5) + 2 * MINUTE)
    say(native, device, at(7) - MINUTE / 2, ASKED | {"capture_due": False}, battery_percent=4)
    found = gaps(native, device)
    assert hours_of(found) == [1, 2, 3, 4, 5, 6, 7]
    assert [(gap["reason"], gap["code"]) for gap in found] == [
        ("camera", "camera_failed"),
        ("transfer", "transfer_failed"),
        ("service", "service_failed"),
        ("unknown", "nothing_came"),
        ("service", "not_asked"),
        ("offline", "silent"),
        ("unknown", "not_due"),
    ]
    assert found[0]["sentence"] == "The device reported an error instead of a picture: m1002 (1002)."
    assert native.service.row("captures", capture_id=found[0]["capture_id"])["error_code"] == 1002
    assert found[3]["params"] == {"at": (at(4) + 2 * MINUTE).isoformat()}
    assert (
        found[5]["sentence"] == f"It was not heard; its last hello was {at(5) + 2 * MINUTE:%Y-%m-%d %H:%M}."
    )


def test_a_picture_that_failed_first_and_came_then_is_no_gap(native: Native) -> None:
    device = watch(native, 2)
    fail(native, device, at(0) + MINUTE, 2201)
    take(native, device, at(0) + 30 * MINUTE)
    take(native, device, at(1) - MINUTE / 2)  # within the grace of the second wake
    assert gaps(native, device, end=2) == []


def test_what_a_device_was_told_is_no_fault_of_its_own(native: Native) -> None:
    device = watch(native, 5)
    others_are_heard(native, 5)
    take(native, device, at(0) + MINUTE)
    say(native, device, at(0) + MINUTE, ASKED | {"next_wake_at": at(3).isoformat()})
    found = gaps(native, device, end=5)
    assert [gap["reason"] for gap in found] == ["asleep", "asleep", "offline", "offline"]
    assert found[0]["sentence"].endswith(f"its next wake was to be {at(3):%Y-%m-%d %H:%M}.")


def test_a_command_to_wake_later_counts_too(native: Native) -> None:
    device = watch(native, 3)
    others_are_heard(native, 3)
    take(native, device, at(0) + MINUTE)
    say(native, device, at(0) + MINUTE, ASKED | {"next_wake_at": at(1).isoformat()})
    native.service.insert(
        "device_commands",
        {"device_id": device, "type": "next_wake", "payload": {"next_wake": at(2).isoformat()}, "status": "sent",
         "sent_at": (at(0) + 2 * MINUTE).isoformat(), "attempts": 1},
    )  # fmt: skip
    assert [gap["reason"] for gap in gaps(native, device, end=3)] == ["asleep", "offline"]


def test_an_empty_battery_is_told(native: Native) -> None:
    device = watch(native, 2)
    others_are_heard(native, 2)
    take(native, device, at(0) + MINUTE)
    say(native, device, at(0) + MINUTE, ASKED, battery_percent=4)
    [gap] = gaps(native, device, end=2)
    assert (gap["reason"], gap["code"], gap["params"]["percent"]) == ("offline", "battery", 4)


def test_messages_that_could_not_be_used_are_the_transfer(native: Native) -> None:
    device = watch(native, 1)
    say(native, device, at(0) + MINUTE, ASKED)
    row = {"device_id": device, "error_code": 2101, "message": "not JSON"}
    native.service.insert("device_errors", row | {"occurred_at": (at(0) + 2 * MINUTE).isoformat()})
    [gap] = gaps(native, device, end=1)
    assert (gap["reason"], gap["params"]["error_code"]) == ("transfer", 2101)


def test_where_nobody_was_heard_it_is_the_service(native: Native) -> None:
    quiet = at(-24 * 20)  # when no other test has heard anybody
    device = watch(native, 1, since=quiet - 2 * HOUR)
    asked = {"p_device": device, "p_from": (quiet - HOUR).isoformat(), "p_to": (quiet + HOUR / 2).isoformat()}
    say(native, device, quiet - 90 * MINUTE, ASKED | {"next_wake_at": quiet.isoformat()})
    [gap] = native.service.rpc_rows("gaps_of_device", **asked)
    assert gap["reason"] == "offline", "no other device was due"
    other = new_device()
    say(native, other, quiet - 90 * MINUTE, ASKED | {"next_wake_at": (quiet + 5 * MINUTE).isoformat()})
    [gap] = native.service.rpc_rows("gaps_of_device", **asked)
    assert (gap["reason"], gap["code"]) == ("service", "heard_nobody")
    say(native, new_device(), quiet + 7 * MINUTE)
    [gap] = native.service.rpc_rows("gaps_of_device", **asked)
    assert gap["reason"] == "offline"


def test_before_the_oldest_hello_that_is_kept_nothing_is_known(native: Native) -> None:
    oldest = native.database.value("(select min(created_at) from public.device_status)")
    then = datetime.fromisoformat(oldest).replace(minute=0, second=0, microsecond=0) - timedelta(days=3)
    device = watch(native, 1, since=then)
    native.service.delete("device_status", device_id=device)
    found = native.service.rpc_rows(
        "gaps_of_device",
        p_device=device,
        p_from=then.isoformat(),
        p_to=(then + timedelta(days=1)).isoformat(),
    )
    assert {gap["code"] for gap in found} == {"not_kept"}


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_wakes_are_times_of_day_of_the_zone(native: Native, zone: str) -> None:
    device = watch(native, 3, zone)
    take(native, device, at(1) + MINUTE)
    found = gaps(native, device, end=3)
    assert hours_of(found) == [0, 2]
    assert {gap["timezone"] for gap in found} == {zone}


def test_each_wake_is_that_of_the_schedule_of_its_time(native: Native) -> None:
    device = watch(native, 6)
    native.service.update("device_configs", {"times_of_day": None, "interval_minutes": 30}, device_id=device)
    native.database.run(
        f"update fleet_private.former_configs set until = '{at(2.6)}' where device_id = '{device}'"
    )
    assert hours_of(gaps(native, device, end=4.2)) == [0, 1, 2, 3, 3.5, 4]


def test_each_company_is_told_of_its_own_time(native: Native) -> None:
    sold, member, _ = native.company()
    bought, buyer, _ = native.company()
    device = watch(native, 5, company_id=sold)
    others_are_heard(native, 5)
    native.service.update("devices", {"company_id": bought}, device_id=device)
    native.database.run(
        f"update fleet_private.former_devices set until = '{at(2.5)}' where device_id = '{device}'"
    )
    assert hours_of(gaps(native, device, end=5, user=member)) == [0, 1, 2]
    assert hours_of(gaps(native, device, end=5, user=buyer)) == [3, 4]
    assert hours_of(gaps(native, device, end=5)) == [0, 1, 2, 3, 4]
    # What the device said while the other company had it is nobody's business.
    say(native, device, at(2) + MINUTE, ASKED | {"next_wake_at": at(4).isoformat()})
    native.database.run(f"update public.device_status set company_id = '{sold}' where device_id = '{device}'")
    [third, _] = gaps(native, device, end=5, user=buyer)
    assert (third["code"], third["params"]) == ("never_heard", {})


def test_gaps_and_days_count_alike(native: Native) -> None:
    device = watch(native, 20)
    for hour in (0, 3, 4, 9, 15):
        take(native, device, at(hour) + MINUTE)
    refresh(native)
    # Two days that are over: at the moment, a wake of a minute ago is expected and may still be answered.
    midnight = BASE.replace(hour=0) - timedelta(days=1)
    counted = [days(native.service, device)[str((midnight + timedelta(days=n)).date())] for n in range(2)]
    begin, end = (midnight - BASE) / HOUR, (midnight + timedelta(days=2) - BASE) / HOUR
    found = gaps(native, device, begin, end)
    assert len(found) == sum(day["expected"] - day["stored"] for day in counted)


def test_without_a_schedule_nothing_is_expected(native: Native) -> None:
    device = new_device()
    native.service.insert("devices", {"device_id": device, "created_at": LONG_AGO.isoformat()})
    take(native, device, at(0))
    refresh(native)
    assert gaps(native, device) == []


def test_an_answer_is_bounded(native: Native) -> None:
    device = watch(native, 8)
    asked = {"p_device": device, "p_from": at(-1).isoformat()}
    with refused("22023", "32 days"):
        native.service.rpc_rows("gaps_of_device", **asked, p_to=(at(0) + timedelta(days=33)).isoformat())
    first = native.service.rpc_rows("gaps_of_device", **asked, p_to=at(8).isoformat(), p_limit=3)
    assert hours_of(first) == [0, 1, 2]


def test_it_runs_on_the_embedded_stack_too(backend: Backend) -> None:
    _, member, device = backend.company()
    assert gaps(backend, device, user=member) == []
    with refused("42501", "viewer"):
        gaps(backend, device, user=backend.sign_up())


def test_wakes_that_were_answered_are_looked_for_in_one_statement(native: Native, tmp_path: Path) -> None:
    """A report asks for three months of twelve devices at once, and a user's question has seconds."""
    device = new_device()
    known = "now() - interval '40 days'"
    native.database.run(
        f"insert into public.devices (device_id, created_at) values ('{device}', {known});"
        "insert into public.device_configs (device_id, interval_minutes, wake_spread_s, created_at)"
        f" values ('{device}', 15, 0, {known});"
        f"insert into fleet_private.day_clocks (device_id, heard_since) values ('{device}', {known});"
        "insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path)"
        f" select '{device}', n, date_bin('15 minutes', now(), '2020-01-01') - n * interval '15 minutes', 'stored',"
        f"        'captures/{device}/' || n from generate_series(0, 3000) as n;"
        "analyze public.captures"
    )
    asked = tmp_path / "asked.sql"
    asked.write_text(
        "set log_planner_stats = on; set client_min_messages = log;"
        f" select * from gaps_of_device('{device}', now() - interval '31 days', now());"
    )
    planned = native.database.as_superuser().file(asked).count("PLANNER STATISTICS")
    assert 5 < planned < 100, "of nearly 3,000 wakes"
