"""Events: written with the change that they tell of, once, and for the channels that take them alone."""

import uuid
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from sql_backends import Backend, Native, Row
from sql_postgres import literal

NOON = "2025-10-04T12:00:00Z"
EVERY_TYPE = (
    "alert.opened", "alert.repeated", "alert.acknowledged", "alert.resolved",
    "capture.stored", "capture.failed", "capture.partial", "device.first_seen", "command.finished",
)  # fmt: skip


def channel(backend: Backend, company: str | None, *types: str, **values: object) -> str:
    """Make a channel, and return its id."""
    channel_id = str(uuid.uuid4())
    kind = "webhook" if company else "operator"
    row = {"channel_id": channel_id, "company_id": company, "name": "x", "kind": kind, "target": "x"}
    backend.service.insert("alert_channels", row | {"event_types": types or EVERY_TYPE} | values)
    return channel_id


def taken(backend: Backend, channel_id: str) -> list[Row]:
    """Give the events that wait for a channel, in order."""
    rows = backend.catalog(
        "select e.payload from fleet_private.deliveries d join fleet_private.events e on e.number = d.number"
        f" where d.channel_id = '{channel_id}' and d.state = 'waiting' order by d.number"
    )
    return [payload for (payload,) in rows]


def types(backend: Backend, channel_id: str) -> list[str]:
    return [event["type"] for event in taken(backend, channel_id)]


def picture(backend: Backend, device: str, **values: Any) -> Row:
    given = {"device_id": device, "image_name": "image_1.jpg", "captured_at": NOON, "ingest_status": "stored",
             "storage_path": f"captures/{device}/{uuid.uuid4()}.jpg", "image_sha256": "a" * 64}  # fmt: skip
    answer: Row = backend.service.rpc("record_capture", p_capture=given | values)
    return answer


def emit(backend: Native, company: str | None, device: str | None, kind: str, **alert: object) -> str | None:
    body = {"alert": {"kind": kind, **alert}}
    found: str | None = backend.database.value(
        f"fleet_private.emit({literal(company)}, {literal(device)}, 'alert.opened', {literal(body)})"
    )
    return found


def test_a_stored_capture_is_told_with_what_its_sensors_measured(backend: Backend) -> None:
    company, _, device = backend.company()
    site = str(uuid.uuid4())
    backend.service.insert("sites", {"site_id": site, "company_id": company, "name": "north"})
    backend.service.update("devices", {"name": "gate", "site_id": site}, device_id=device)
    mine = channel(backend, company)
    recorded = picture(backend, device, sensors={"temperature_c": 21.5}, arrived_at=NOON)

    events = {event["type"]: event for event in taken(backend, mine)}
    assert set(events) == {"device.first_seen", "capture.stored"}
    seen, stored = events["device.first_seen"], events["capture.stored"]
    assert seen["device"]["last_seen_at"] == "2025-10-04T12:00:00.000Z"
    assert (stored["company_id"], stored["device_id"]) == (company, device)
    assert (stored["device_name"], stored["site"]) == ("gate", "north")
    capture = stored["capture"]
    assert (capture["capture_id"], capture["captured_at"]) == (
        recorded["capture_id"],
        "2025-10-04T12:00:00.000Z",
    )
    assert capture["storage_path"] == recorded["storage_path"]
    assert capture["sensors"] == {
        "temperature_c": 21.5, "humidity_pct": None, "pressure_hpa": None, "gas_kohm": None,
    }  # fmt: skip


def test_a_capture_is_told_once_however_often_it_is_recorded(backend: Backend) -> None:
    company, _, device = backend.company()
    mine = channel(backend, company, "capture.stored", "capture.failed")
    lost = {"ingest_status": "failed", "storage_path": None, "error": {"code": 2201, "message": "timeout"}}
    for _ in range(2):
        picture(backend, device, **lost)
    picture(backend, device)
    picture(backend, device)
    # It is stored already.
    picture(backend, device, **lost)

    failed, stored = taken(backend, mine)
    assert (failed["type"], failed["capture"]["error_code"]) == ("capture.failed", 2201)
    assert (stored["type"], stored["capture"]["error_code"]) == ("capture.stored", None)


def test_a_command_is_told_when_it_is_finished_after_the_picture_that_finished_it(backend: Backend) -> None:
    company, _, device = backend.company()
    mine = channel(backend, company, "command.finished", "capture.stored")
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    backend.service.rpc("record_hello", p_hello={"device_id": device, "received_at": NOON, "at": NOON})
    assert types(backend, mine) == []
    recorded = picture(backend, device, arrived_at=NOON, at=NOON)
    _, finished = taken(backend, mine)
    assert types(backend, mine) == ["capture.stored", "command.finished"]
    assert finished["command"]["status"] == "done"
    assert finished["command"]["capture_id"] == recorded["capture_id"]


def test_a_member_that_cancels_a_command_writes_the_event(backend: Backend) -> None:
    company, admin, device = backend.company()
    mine = channel(backend, company, "command.finished")
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    command = backend.service.row("device_commands", device_id=device)["command_id"]
    admin.session.rpc("cancel_command", p_command=command)
    (event,) = taken(backend, mine)
    assert (event["command"]["command_id"], event["command"]["status"]) == (command, "cancelled")


def test_a_new_device_is_told_to_the_operator_and_to_its_first_company_when_that_has_it(
    backend: Backend, device: str
) -> None:
    company, _, _ = backend.company()
    mine, operators = channel(backend, company), channel(backend, None, all_companies=True)
    try:
        backend.service.rpc("record_hello", p_hello={"device_id": device, "received_at": NOON, "at": NOON})
        (event,) = taken(backend, operators)
        assert (event["type"], event["device_id"], event["company_id"]) == ("device.first_seen", device, None)
        assert taken(backend, mine) == []
        backend.service.update("devices", {"company_id": company}, device_id=device)
        (event,) = taken(backend, mine)
        assert (event["type"], event["device_id"], event["company_id"]) == (
            "device.first_seen",
            device,
            company,
        )
        picture(backend, device)
        assert types(backend, operators) == ["device.first_seen"]
    finally:
        backend.service.delete("alert_channels", channel_id=operators)


def test_what_no_channel_takes_is_not_written(backend: Backend) -> None:
    company, _, device = backend.company()
    other, _, _ = backend.company()
    channel(backend, company, "command.finished")
    channel(backend, company, enabled=False)
    channel(backend, other)
    picture(backend, device)
    written = backend.catalog(
        f"select count(*) as n from fleet_private.events where device_id = {literal(device)}"
    )
    assert written == [[0]]


def test_the_event_goes_when_its_change_does(native: Native) -> None:
    company, _, device = native.company()
    mine = channel(native, company)
    capture = {"device_id": device, "image_name": "a", "ingest_status": "stored", "storage_path": device}
    native.database.run(f"begin; select public.record_capture({literal(capture)}); rollback;")
    assert taken(native, mine) == []


@pytest.mark.parametrize(
    ("of", "kind", "expected"),
    [
        ("company", "offline", ["all", "some", "site", "operator"]),
        ("company", "storage", ["all", "operator"]),
        ("other", "offline", ["operator"]),
        ("service", "service", ["all", "operator", "service"]),
        ("service", "offline", ["operator", "service"]),
    ],
)
def test_who_takes_an_alert(native: Native, of: str, kind: str, expected: list[str]) -> None:
    company, _, device = native.company()
    other, _, strange = native.company()
    site, elsewhere = str(uuid.uuid4()), str(uuid.uuid4())
    for site_id in (site, elsewhere):
        native.service.insert("sites", {"site_id": site_id, "company_id": company, "name": site_id})
    native.service.update("devices", {"site_id": site}, device_id=device)
    channels = {
        "all": channel(native, company),
        "some": channel(native, company, alert_kinds=("offline", "failing")),
        "site": channel(native, company, site_id=site),
        "elsewhere": channel(native, company, site_id=elsewhere),
        "pictures": channel(native, company, "capture.stored"),
        "operator": channel(native, None, all_companies=True),
        "service": channel(native, None),
    }
    try:
        owner = {"company": company, "other": other, "service": None}[of]
        about = {"company": device, "other": strange, "service": None}[of]
        emit(native, owner, None if kind == "storage" else about, kind)
        assert [name for name, channel_id in channels.items() if taken(native, channel_id)] == expected
    finally:
        for name in ("operator", "service"):
            native.service.delete("alert_channels", channel_id=channels[name])


def test_a_body_without_end_does_not_stop_the_change(native: Native) -> None:
    company, _, device = native.company()
    mine = channel(native, company)
    emit(native, company, device, "offline", message="x" * 100_000)
    (event,) = taken(native, mine)
    assert event["omitted_bytes"] > 100_000
    assert "alert" not in event


def test_a_picture_neither_waits_for_a_channel_that_is_being_deleted_nor_fails_with_it(
    native: Native,
) -> None:
    company, _, device = native.company()
    goes, stays = channel(native, company, "capture.stored"), channel(native, company, "capture.stored")
    with psycopg.connect(native.database.url) as admin, psycopg.connect(native.database.url) as another:
        admin.execute("delete from public.alert_channels where channel_id = %s", [goes])
        # One that is changed meanwhile has the event all the same.
        another.execute("update public.alert_channels set name = 'y' where channel_id = %s", [stays])
        with psycopg.connect(native.database.url) as worker:
            given = {"device_id": device, "image_name": "image_1.jpg", "ingest_status": "stored",
                     "storage_path": f"captures/{device}/1.jpg"}  # fmt: skip
            worker.execute("set lock_timeout = '2s'")
            worker.execute("select public.record_capture(%s::jsonb)", [Jsonb(given)])
    assert native.service.row("captures", device_id=device)["ingest_status"] == "stored"
    assert types(native, stays) == ["capture.stored"]
