"""What Home Assistant is told of devices, and what its button queues."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sql_backends import Backend, Native, Row, new_device
from sql_postgres import Connection, literal
from test_sql_hello import START, at, hello, picture, when

SENSORS = {"temperature_c": 21.5, "humidity_pct": 40, "pressure_hpa": 1001.5, "gas_kohm": 12.5}


TELEMETRY = (
    "pending_count",
    "battery_percent",
    "battery_mv",
    "wifi_rssi_dbm",
    "last_seen_at",
    "next_wake_at",
)


def ask(backend: Backend, mark: Row | None = None, limit: int = 1000) -> Row:
    after = {"p_after": mark["after"], "p_after_device": mark["after_device"]} if mark else {}
    answer: Row = backend.service.rpc("home_assistant_devices", p_limit=limit, **after)
    return answer


def now(backend: Backend) -> Row:
    """Give the answer after which only what changes from here on comes."""
    mark = ask(backend)
    while mark["more"]:
        mark = ask(backend, mark)
    return mark


def told(backend: Backend, mark: Row, device: str) -> Row | None:
    """Give what has changed of a device since then; None if nothing has."""
    answer = ask(backend, mark)
    assert answer["more"] is False
    found: list[Row] = [row for row in answer["devices"] if row["device_id"] == device]
    assert len(found) <= 1
    return found[0] if found else None


def give(backend: Backend, device: str, company_id: str | None) -> None:
    backend.service.update("devices", {"company_id": company_id}, device_id=device)


@pytest.fixture
def owned(backend: Backend) -> tuple[str, str]:
    """A company and its device."""
    company_id, _, device = backend.company()
    return company_id, device


def test_a_device_is_told_with_the_last_of_each_value(backend: Backend, owned: tuple[str, str]) -> None:
    company_id, device = owned
    site = {"company_id": company_id, "name": "greenhouse {{ 1 }}"}
    backend.service.insert("sites", site)
    site_id = backend.service.row("sites", **site)["site_id"]
    backend.service.update("devices", {"name": "by the door", "site_id": site_id}, device_id=device)
    telemetry = {"battery_percent": 71.5, "battery_mv": 3900, "wifi_rssi_dbm": -67, "firmware_version": "1.2"}
    hello(backend, device, at(), pending_count=2, **telemetry)
    picture(backend, device, at(minutes=1), sensors=SENSORS)
    newest = picture(
        backend, device, at(minutes=2), image_bytes=4711, thumbnail_path=f"thumbnails/{device}", sensors=None
    )
    row = next(row for row in everything(backend) if row["device_id"] == device)
    assert row is not None
    assert when(row.pop("last_seen_at")) == START + timedelta(minutes=2)
    assert when(row["picture"].pop("captured_at")) == START + timedelta(minutes=2)
    assert row == {
        "device_id": device,
        "company_id": company_id,
        "former": [],
        "name": "by the door",
        "site": site["name"],
        "pending_count": 2,
        **telemetry,
        **SENSORS,
        "next_wake_at": None,
        "picture": {
            "capture_id": newest["capture_id"],
            "image_bytes": 4711,
            "storage_path": newest["storage_path"],
            "thumbnail_path": f"thumbnails/{device}",
        },
    }


def everything(backend: Backend) -> Iterator[Row]:
    mark: Row | None = None
    while mark is None or mark["more"]:
        mark = ask(backend, mark)
        yield from mark["devices"]


def test_only_what_changes_is_told_again(backend: Backend, owned: tuple[str, str]) -> None:
    company_id, device = owned
    mark = now(backend)
    assert told(backend, mark, device) is None
    changes = [
        lambda: hello(backend, device, at()),
        lambda: picture(backend, device, at()),
        lambda: picture(backend, device, at(hours=-1), sensors=SENSORS),
        lambda: backend.service.update("devices", {"name": "renamed"}, device_id=device),
    ]
    for change in changes:
        change()
        assert told(backend, mark, device) is not None
        mark = now(backend)
        assert told(backend, mark, device) is None

    backend.service.insert("sites", {"company_id": company_id, "name": "north"})
    site_id = backend.service.row("sites", company_id=company_id)["site_id"]
    backend.service.update("devices", {"site_id": site_id}, device_id=device)
    mark = now(backend)
    backend.service.update("sites", {"name": "south"}, site_id=site_id)
    row = told(backend, mark, device)
    assert row is not None
    assert row["site"] == "south"


def test_pages_tell_each_device_once_also_of_one_transaction(backend: Backend) -> None:
    company_id, _, _ = backend.company()
    mark = now(backend)
    devices = [new_device() for _ in range(7)]
    backend.service.insert("devices", *({"device_id": name, "company_id": company_id} for name in devices))
    found: list[str] = []
    while True:
        mark = ask(backend, mark, limit=3)
        found += [row["device_id"] for row in mark["devices"]]
        if not mark["more"]:
            break
    assert sorted(name for name in found if name in devices) == sorted(devices)
    assert len(found) == len(set(found))


def test_pictures_and_readings_that_are_no_good_are_passed_over(
    backend: Backend, owned: tuple[str, str]
) -> None:
    _, device = owned
    mark = now(backend)
    picture(
        backend, device, at(), ingest_status="failed", error={"code": 2201, "message": "x"}, storage_path=None
    )
    row = told(backend, mark, device)
    assert row is not None
    assert (row["picture"], row["temperature_c"]) == (None, None)

    good = picture(backend, device, at(minutes=-1), sensors=SENSORS)
    picture(backend, device, at(minutes=1), damaged=True)
    # By a clock that runs ahead: it would stand for the latest for good.
    picture(backend, device, "2199-01-01T00:00:00Z", at(minutes=2), sensors=SENSORS | {"temperature_c": 99})
    row = told(backend, mark, device)
    assert row is not None
    assert row["picture"]["capture_id"] == good["capture_id"]
    assert row["temperature_c"] == SENSORS["temperature_c"]


def test_a_new_company_is_told_nothing_of_the_former_one(backend: Backend, owned: tuple[str, str]) -> None:
    first, device = owned
    second, _, _ = backend.company()
    hello(backend, device, at(), battery_percent=50)
    picture(backend, device, at(), sensors=SENSORS)
    backend.service.update("devices", {"name": "theirs"}, device_id=device)
    mark = now(backend)

    give(backend, device, None)
    assert told(backend, mark, device) == {"device_id": device, "company_id": None, "former": [first]}
    # What it says while nobody has it is nobody's.
    picture(backend, device, at(minutes=5), sensors=SENSORS)
    mark = now(backend)

    give(backend, device, second)
    row = told(backend, mark, device)
    assert row == {
        "device_id": device, "company_id": second, "former": [first], "picture": None,
        **dict.fromkeys(["name", "site", "firmware_version", *TELEMETRY, *SENSORS]),
    }  # fmt: skip

    later = (when(backend.catalog("select now() as at")[0][0]) + timedelta(minutes=1)).isoformat()
    hello(backend, device, later, battery_percent=49)
    row = told(backend, mark, device)
    assert row is not None
    assert (row["battery_percent"], row["picture"], row["temperature_c"]) == (49, None, None)
    picture(backend, device, later, sensors=SENSORS)
    row = told(backend, mark, device)
    assert row is not None
    assert row["picture"] is not None
    assert row["temperature_c"] == SENSORS["temperature_c"]

    give(backend, device, first)
    row = told(backend, mark, device)
    assert row is not None
    assert (row["company_id"], row["former"]) == (first, [second])


def test_a_device_that_nobody_ever_had_is_not_told(backend: Backend, device: str) -> None:
    mark = now(backend)
    hello(backend, device, at())
    assert told(backend, mark, device) is None
    company_id, _, _ = backend.company()
    give(backend, device, company_id)
    row = told(backend, mark, device)
    assert row is not None
    # What it has sent before belongs to its first company.
    assert when(row["last_seen_at"]) == START


@pytest.fixture
def connections(native: Native) -> Iterator[list[Connection]]:
    opened = [Connection(native.database) for _ in range(3)]
    yield opened
    for connection in opened:
        connection.close()


def test_what_is_written_by_a_transaction_that_ends_late_is_not_missed(
    native: Native, connections: list[Connection]
) -> None:
    company_id, _, early = native.company()
    _, _, late = native.company()
    mark = now(native)
    slow, quick, _ = connections
    slow.ask(f"begin; update public.devices set name = 'slow' where device_id = {literal(early)};")
    quick.ask(f"update public.devices set name = 'quick' where device_id = {literal(late)};")
    answer = ask(native, mark)
    assert [row["name"] for row in answer["devices"]] == ["quick"]
    slow.ask("commit;")
    row = told(native, answer, early)
    assert row is not None
    assert row["name"] == "slow"
    # A full page ends at its last row; `settled` tells that something before that may still come.
    slow.ask(f"begin; update public.devices set name = 'slower' where device_id = {literal(early)};")
    mark = now(native)
    quick.ask(f"update public.devices set name = 'quicker' where device_id = {literal(late)};")
    answer = ask(native, mark, limit=1)
    assert (answer["more"], answer["after_device"]) == (True, late)
    assert answer["settled"] < answer["after"]
    slow.ask("commit;")
    row = told(native, {"after": answer["settled"], "after_device": ""}, early)
    assert row is not None
    assert row["name"] == "slower"
    assert company_id == row["company_id"]


@pytest.mark.parametrize("upcoming", [5, 2**32, 2**32 + 5, 7 * 2**32 + 3, 2**62])
@pytest.mark.parametrize("ago", [1, 2, 1000, 2**31, 2**32 - 1])
def test_the_number_of_a_transaction_is_found_from_its_last_32_bits(
    native: Native, upcoming: int, ago: int
) -> None:
    written = upcoming - ago
    [[found]] = native.catalog(
        f"select fleet_private.written_by('{written % 2**32}'::xid, {upcoming}) as number"
    )
    assert int(found) == written


def open_commands(backend: Backend, device: str) -> list[tuple[str, str]]:
    return [(row["type"], row["status"]) for row in backend.service.rows("device_commands", device_id=device)]


def press(backend: Backend, company_id: str, device: str) -> Any:
    return backend.service.rpc("press_capture_button", p_company=company_id, p_device=device)


def test_a_button_that_is_pressed_twice_queues_one_picture(backend: Backend, owned: tuple[str, str]) -> None:
    company_id, device = owned
    command_id = press(backend, company_id, device)
    row = backend.service.row("device_commands", device_id=device)
    assert (row["command_id"], row["type"], row["status"]) == (command_id, "capture_image", "queued")
    assert (row["company_id"], row["created_by"]) == (company_id, None)
    assert press(backend, company_id, device) is None
    hello(backend, device, at())
    assert press(backend, company_id, device) is None
    assert open_commands(backend, device) == [("capture_image", "sent")]
    picture(backend, device, at(seconds=5))
    assert press(backend, company_id, device) is not None


def test_a_button_is_the_present_companys_alone(backend: Backend, owned: tuple[str, str]) -> None:
    company_id, device = owned
    other, _, _ = backend.company()
    for company, name in ((other, device), (str(uuid.uuid4()), device), (company_id, "NOBODY")):
        assert press(backend, company, name) is None
    give(backend, device, None)
    assert press(backend, company_id, device) is None
    assert open_commands(backend, device) == []


def test_a_button_keeps_to_the_bounds_of_users(backend: Backend, owned: tuple[str, str]) -> None:
    company_id, device = owned
    backend.service.insert(
        "device_commands", *({"device_id": device, "type": "custom", "payload": {"n": n}} for n in range(20))
    )
    assert press(backend, company_id, device) is None
    assert len(open_commands(backend, device)) == 20


def test_two_presses_at_once_queue_one_picture(native: Native, connections: list[Connection]) -> None:
    company_id, _, device = native.company()
    call = f"set role service_role; begin; select public.press_capture_button('{company_id}', '{device}');"
    first, second, _ = connections
    one = first.ask(call)
    second.send(call)
    first.ask("commit;")
    two = second.receive()
    second.ask("commit;")
    row = native.service.row("device_commands", device_id=device)
    assert row["command_id"] in one
    assert row["command_id"] not in two
