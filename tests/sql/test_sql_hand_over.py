"""A device changes hands: what it sends, what was asked of it and what it told stays with who had it then."""

import uuid
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sql_backends import Backend, Native, Row, User
from sql_postgres import Connection, literal
from test_sql_captures import NAME, SHA_A, SHA_B, assembling, failed, record, stored

Sale = tuple[User, User, str, str]


def soon(**later: float) -> str:
    """Give a time after everything that has happened so far."""
    return (datetime.now(UTC) + timedelta(minutes=1, **later)).isoformat()


def ago(**earlier: float) -> str:
    """Give a time before the test began."""
    return (datetime.now(UTC) - timedelta(minutes=10, **earlier)).isoformat()


def hand_over(backend: Backend, device: str, *companies: str | None) -> None:
    """Give a device to one company after the other; None means that nobody has it."""
    for company_id in companies:
        backend.service.update("devices", {"company_id": company_id}, device_id=device)


@pytest.fixture
def sale(backend: Backend) -> Sale:
    """A seller with a device, and a buyer: the users, the device, the buyer's company."""
    (_, seller, device), (buyer_id, buyer, _) = backend.company(), backend.company()
    return seller, buyer, device, buyer_id


# What tells nothing about a picture: no clock at all, one that was never set, one that starts at the same date each time.
CLOCKS: dict[str, Row] = {
    "none": {"captured_at": None},
    "1970": {"captured_at": "1970-01-01T00:00:10Z"},
    "ahead": {"captured_at": soon(hours=12)},
}


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("state", ["assembling", "failed"])
@pytest.mark.parametrize("outcome", ["stored", "failed"])
def test_a_picture_of_a_reused_name_is_the_buyers(
    backend: Backend, sale: Sale, clock: str, state: str, outcome: str
) -> None:
    seller, buyer, device, buyer_id = sale
    before = CLOCKS[clock] | {"arrived_at": ago()}
    if state == "failed":
        record(backend, failed(device, sensors=None, error={"code": 2201, "message": "timeout"}, **before))
    else:
        source = {"captured_at_source": "arrival", "captured_at": ago()} if clock == "none" else before
        backend.service.rpc("record_assembling", p_captures=[assembling(device, **source)])
    sold = [seller.session.rows(table) for table in ("captures", "device_errors", "sensor_readings")]
    assert len(sold[0]) == 1

    hand_over(backend, device, None, buyer_id)
    make = stored if outcome == "stored" else partial(failed, error={"code": 1002, "message": "camera"})
    picture = make(device, **CLOCKS[clock], arrived_at=soon())
    first = record(backend, picture)
    assert record(backend, picture)["capture_id"] == first["capture_id"]
    if clock != "none":
        # Offered again, because its ACK was lost.
        assert record(backend, picture | {"arrived_at": soon(hours=1)})["capture_id"] == first["capture_id"]

    assert [seller.session.rows(t) for t in ("captures", "device_errors", "sensor_readings")] == sold
    row = buyer.session.row("captures")
    assert (row["capture_id"], row["ingest_status"]) == (first["capture_id"], outcome)
    assert buyer.session.row("sensor_readings")["capture_id"] == first["capture_id"]
    if outcome == "failed":
        assert {row["error_code"] for row in buyer.session.rows("device_errors")} == {1002}


def test_a_picture_replaces_no_broken_one_of_the_seller(backend: Backend, sale: Sale) -> None:
    """Redis knows for a day under which name a broken stream came, and asks for that name again."""
    seller, buyer, device, buyer_id = sale
    for clock in CLOCKS.values():
        record(backend, stored(device, damaged=True, arrived_at=ago(), image_name=str(clock), **clock))
    sold = seller.session.rows("captures")
    hand_over(backend, device, buyer_id)
    for clock in CLOCKS.values():
        whole = {"image_sha256": SHA_B, "replaces_sha256": SHA_A, "arrived_at": soon()}
        record(backend, stored(device, image_name=str(clock), **clock, **whole))
    assert seller.session.rows("captures") == sold
    assert len(buyer.session.rows("captures")) == len(CLOCKS)


def test_a_report_of_the_buyers_device_leaves_a_stored_picture_of_the_seller_alone(
    backend: Backend, sale: Sale
) -> None:
    seller, buyer, device, buyer_id = sale
    record(backend, stored(device, **CLOCKS["1970"], sensors=None, arrived_at=ago()))
    hand_over(backend, device, buyer_id)
    record(backend, failed(device, **CLOCKS["1970"], arrived_at=soon()))
    assert seller.session.rows("device_errors") == seller.session.rows("sensor_readings") == []
    [row] = buyer.session.rows("captures")
    assert row["ingest_status"] == "failed"
    assert len(buyer.session.rows("device_errors")) == len(buyer.session.rows("sensor_readings")) == 1


def test_a_picture_that_is_stored_already_stays_the_sellers_when_it_comes_again(
    backend: Backend, sale: Sale
) -> None:
    seller, buyer, device, buyer_id = sale
    picture = stored(device, **CLOCKS["1970"], arrived_at=ago())
    first = record(backend, picture)
    hand_over(backend, device, buyer_id)
    assert record(backend, picture | {"arrived_at": soon()})["capture_id"] == first["capture_id"]
    assert len(seller.session.rows("captures")) == 1
    assert buyer.session.rows("captures") == []


@pytest.mark.parametrize("state", ["assembling", "failed"])
def test_a_picture_that_was_taken_before_by_a_clock_that_is_set_stays_the_sellers(
    backend: Backend, sale: Sale, state: str
) -> None:
    """It failed, or was still arriving, and comes again from the device's card."""
    seller, buyer, device, buyer_id = sale
    taken = {"captured_at": ago(hours=1)}
    if state == "failed":
        record(backend, failed(device, **taken, arrived_at=ago()))
    else:
        backend.service.rpc("record_assembling", p_captures=[assembling(device, **taken)])
    hand_over(backend, device, None, buyer_id)
    record(backend, stored(device, **taken, arrived_at=soon(), location="the greenhouse"))
    [row] = seller.session.rows("captures")
    assert row["ingest_status"] == "stored"
    for table in ("captures", "sensor_readings", "device_errors"):
        assert buyer.session.rows(table) == [], table
    told = buyer.session.row("devices", device_id=device)
    assert (told["reported_location"], told["last_capture_at"], told["last_seen_at"]) == (None, None, None)


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_picture_that_had_begun_to_arrive_stays_the_sellers(
    backend: Backend, sale: Sale, clock: str
) -> None:
    seller, buyer, device, buyer_id = sale
    arrived = ago()
    begun = {"captured_at_source": "arrival", "captured_at": arrived} if clock == "none" else CLOCKS[clock]
    backend.service.rpc("record_assembling", p_captures=[assembling(device, **begun)])
    hand_over(backend, device, buyer_id)
    record(backend, stored(device, **CLOCKS[clock], arrived_at=arrived))
    assert [row["ingest_status"] for row in seller.session.rows("captures")] == ["stored"]
    assert buyer.session.rows("captures") == []


def test_a_picture_that_the_device_gave_up_ends_with_the_seller(backend: Backend, sale: Sale) -> None:
    seller, buyer, device, buyer_id = sale
    arriving = assembling(device, captured_at_source="arrival", captured_at=ago())
    backend.service.rpc("record_assembling", p_captures=[arriving])
    hand_over(backend, device, buyer_id)
    # The buyer's device sends another picture of that name, which ends no other company's.
    record(backend, stored(device, captured_at=None, arrived_at=soon()))
    backend.service.rpc("fail_stale_captures", p_older_than="-1 hour")
    [capture], [error] = seller.session.rows("captures"), seller.session.rows("device_errors")
    assert (capture["ingest_status"], capture["error_code"], error["error_code"]) == ("failed", 2201, 2201)
    assert buyer.session.rows("device_errors") == []


def test_an_error_is_of_the_company_of_its_capture(backend: Backend, sale: Sale) -> None:
    seller, buyer, device, buyer_id = sale
    taken = {"captured_at": ago(hours=1)}
    backend.service.rpc("record_assembling", p_captures=[assembling(device, **taken)])
    # Of nobody, once the device is released.
    hand_over(backend, device, None)
    nobodys = assembling(device, captured_at=ago(), image_name="nobodys.jpg")
    backend.service.rpc("record_assembling", p_captures=[nobodys])
    hand_over(backend, device, buyer_id)
    answers = [
        record(backend, failed(device, **taken, arrived_at=soon())),
        record(backend, failed(device, captured_at=nobodys["captured_at"], image_name="nobodys.jpg", arrived_at=soon())),
    ]  # fmt: skip
    [error] = seller.session.rows("device_errors")
    assert error["details"]["capture_id"] == answers[0]["capture_id"]
    assert buyer.session.rows("device_errors") == []
    owners = {row["company_id"] for row in backend.service.rows("device_errors", device_id=device)}
    assert owners == {seller.session.row("companies")["company_id"], None}


def order(user: User, device: str, kind: str, payload: Row | None = None) -> str:
    """Queue a command as a user and return its id."""
    known = {row["command_id"] for row in user.session.rows("device_commands", device_id=device)}
    user.session.insert("device_commands", {"device_id": device, "type": kind, "payload": payload or {}})
    [row] = [
        r for r in user.session.rows("device_commands", device_id=device) if r["command_id"] not in known
    ]
    return str(row["command_id"])


def hello(backend: Backend, device: str, **changes: object) -> Row:
    """Let a device say hello now."""
    told = {"device_id": device, "status": "alive", "message_key": uuid.uuid4().hex}
    answer: Row = backend.service.rpc("record_hello", p_hello=told | changes)
    return answer


def test_no_command_of_the_seller_is_sent_after_a_hand_over(backend: Backend, sale: Sale) -> None:
    seller, buyer, device, buyer_id = sale
    seller_id = seller.session.row("companies")["company_id"]
    queued = order(seller, device, "capture_image")
    hand_over(backend, device, None, buyer_id)
    row = seller.session.row("device_commands", command_id=queued)
    assert (row["status"], row["reason"]) == ("expired", "the device is not the company's any more")
    assert row["finished_at"] is not None

    # One that was queued in the very instant of the hand-over, which has not seen it.
    late = str(uuid.uuid4())
    command = {"command_id": late, "device_id": device, "company_id": seller_id, "type": "capture_image"}
    backend.service.insert("device_commands", command)
    mine = order(buyer, device, "send_image", {"image_name": NAME})
    hello(backend, device, record_only=True)
    sent = backend.service.rpc("claim_commands", p_heard_within="1 hour")
    assert [c["command_id"] for c in sent if c["device_id"] == device] == [mine]
    assert buyer.session.row("devices", device_id=device)["capture_asked_at"] is None
    # The device's next hello ends it.
    answer = hello(backend, device, at=soon(hours=1))
    assert [c["command_id"] for c in answer["commands"]] == [mine]
    row = seller.session.row("device_commands", command_id=late)
    assert (row["status"], row["reason"]) == ("expired", "the device is not the company's any more")


def test_what_was_asked_of_a_device_that_is_nobodys_ends_when_it_is_claimed(
    backend: Backend, sale: Sale
) -> None:
    _, buyer, device, buyer_id = sale
    hand_over(backend, device, None)
    backend.service.insert("device_commands", {"device_id": device, "type": "capture_image"})
    hand_over(backend, device, buyer_id)
    row = backend.service.row("device_commands", device_id=device)
    assert (row["status"], row["company_id"]) == ("expired", None)
    assert hello(backend, device)["commands"] == []
    assert buyer.session.rows("device_commands") == []


def test_a_repeated_hello_tells_nobody_elses_commands(backend: Backend, sale: Sale) -> None:
    seller, _, device, buyer_id = sale
    order(seller, device, "custom", {"led": "on"})
    said = {"message_key": uuid.uuid4().hex, "received_at": ago()}
    assert len(hello(backend, device, **said)["commands"]) == 1
    hand_over(backend, device, buyer_id)
    assert hello(backend, device, **said)["commands"] == []


def test_a_picture_finishes_the_commands_of_its_own_company(backend: Backend, sale: Sale) -> None:
    seller, buyer, device, buyer_id = sale
    taken = {"captured_at": ago()}
    backend.service.rpc("record_assembling", p_captures=[assembling(device, **taken)])
    hand_over(backend, device, buyer_id)
    ids = {order(buyer, device, "capture_image"), order(buyer, device, "send_image", {"image_name": NAME})}
    assert {c["command_id"] for c in hello(backend, device, at=ago())["commands"]} == ids
    seller_id = seller.session.row("companies")["company_id"]
    command = {
        "device_id": device,
        "company_id": seller_id,
        "type": "send_image",
        "payload": {"image_name": NAME},
    }
    backend.service.insert("device_commands", command | {"status": "sent", "sent_at": ago()})

    record(backend, stored(device, **taken, arrived_at=soon()))  # the seller's
    assert {row["status"] for row in buyer.session.rows("device_commands")} == {"sent"}
    assert seller.session.row("device_commands")["status"] == "done"
    backend.service.update("device_commands", {"status": "sent"}, company_id=seller_id)
    record(backend, stored(device, captured_at=soon(), arrived_at=soon(), image_sha256=SHA_B))  # the buyer's
    assert {row["status"] for row in buyer.session.rows("device_commands")} == {"done"}
    assert seller.session.row("device_commands")["status"] == "sent"


def test_the_open_commands_of_the_seller_do_not_fill_the_buyers_queue(backend: Backend, sale: Sale) -> None:
    seller, buyer, device, buyer_id = sale
    seller_id = seller.session.row("companies")["company_id"]
    hand_over(backend, device, buyer_id)
    command = {"device_id": device, "company_id": seller_id, "type": "capture_image"}
    backend.service.insert("device_commands", *[command] * 20)
    order(buyer, device, "capture_image")


def test_a_device_tells_the_buyer_nothing_of_the_seller(backend: Backend, sale: Sale) -> None:
    seller, buyer, device, buyer_id = sale
    seller.session.rpc("set_schedule", p_device=device, p_captures_per_day=24)
    order(seller, device, "capture_image")
    order(seller, device, "next_wake", {"next_wake": soon(days=30)})

    def live() -> None:
        """Let the device say all that it can."""
        values = {
            "pending_count": 3,
            "uptime_s": 1,
            "boot_count": 2,
            "battery_mv": 3700,
            "battery_percent": 50,
        }
        hello(backend, device, wifi_rssi_dbm=-60, free_heap_bytes=1, firmware_version="1.0", **values)
        record(backend, stored(device, image_name=uuid.uuid4().hex, captured_at=ago(), arrived_at=ago()))

    live()
    before = backend.service.row("devices", device_id=device)
    new = {"device_id", "device_hw_id", "company_id", "created_at", "released_at", "tags"}
    nothing = {"name", "location", "timezone", "notes", "site_id"}
    assert {name for name in before.keys() - new if before[name] is None} == nothing
    hand_over(backend, device, None)
    live()  # It may still stand where it stood.
    hand_over(backend, device, buyer_id)
    row = buyer.session.row("devices", device_id=device)
    assert {name: row[name] for name in row.keys() - new if row[name] is not None} == {}
    # For its new owner it is a new device.
    answer = hello(backend, device)
    assert (answer["capture_due"], answer["next_wake_at"]) == (True, None)


def test_a_release_and_a_worker_that_is_sending_do_not_wait_for_each_other(native: Native) -> None:
    """The worker holds the command and then wants the device, the release has it the other way round."""
    _, seller, device = native.company()
    order(seller, device, "capture_image")
    worker, release = Connection(native.database), Connection(native.database)
    try:
        worker.ask(f"begin; select from public.device_commands where device_id = '{device}' for update;")
        release.ask(
            f"set lock_timeout = '5s'; update public.devices set company_id = null where device_id = '{device}';"
        )
        assert native.service.row("devices", device_id=device)["company_id"] is None
        worker.ask(
            f"update public.devices set capture_asked_at = null where device_id = '{device}'; rollback;"
        )
    finally:
        worker.close()
        release.close()
    assert native.service.row("device_commands", device_id=device)["status"] == "queued"
    assert hello(native, device)["commands"] == []
    assert native.service.row("device_commands", device_id=device)["status"] == "expired"


MAINTAIN = "select public.maintain_tables(30, 90, 90, 90);"


def test_what_is_written_in_the_instant_of_the_first_claim_becomes_the_companys(
    native: Native, device: str
) -> None:
    """The claim does not wait for the service, nor the service for the claim; the hourly task sees to the rest."""
    company_id, owner, _ = native.company()
    native.service.rpc("record_hello", p_hello={"device_id": device})
    arriving = literal([assembling(device)])
    logged = literal([{"key": device, "device_id": device, "direction": "in"}])
    wrong = literal([{"key": device, "device_id": device, "error_code": 2101}])
    service, claim = Connection(native.database), Connection(native.database)
    try:
        service.ask(
            "set role service_role; begin;"
            f" select public.record_assembling({arriving}); select public.record_log({logged}, {wrong});"
            f" insert into public.sensor_readings (device_id, temperature_c) values ('{device}', 1);"
            f" insert into public.device_status (device_id, message_key) values ('{device}', '{device} late');"
        )
        claim.ask(f"update public.devices set company_id = '{company_id}' where device_id = '{device}';")
        service.ask("commit;")
    finally:
        service.close()
        claim.close()
    tables = ("captures", "sensor_readings", "device_status", "device_errors", "device_publish_log")
    late = {t: {row["company_id"] for row in native.service.rows(t, device_id=device)} for t in tables}
    assert late == {table: {None} for table in tables} | {"device_status": {company_id, None}}
    # The picture goes on in the meantime, and is one.
    record(native, stored(device))

    native.database.run(MAINTAIN)
    for table in tables:
        rows = native.service.rows(table, device_id=device)
        assert {row["company_id"] for row in rows} == {company_id}, table
        assert rows == owner.session.rows(table, device_id=device)
    assert len(native.service.rows("captures", device_id=device)) == 1


def test_a_claim_gets_the_newest_rows_of_a_device_at_once_and_the_hourly_task_the_others(
    native: Native, device: str
) -> None:
    """So that nobody waits for a claim of what a device has sent for months."""
    company_id, _, _ = native.company()
    native.service.rpc("record_hello", p_hello={"device_id": device})
    native.database.run(
        "insert into public.captures (device_id, device_capture_id, captured_at, created_at)"
        f" select '{device}', 'a.jpg', at, at from generate_series(1, 1500) as number"
        " cross join lateral (select now() - number * interval '1 hour' as at) as wake"
    )
    native.service.update("devices", {"company_id": company_id}, device_id=device)
    owned = (
        f"select count(company_id), min(created_at) filter (where company_id is not null)"
        f" > max(created_at) filter (where company_id is null) as newest"
        f" from public.captures where device_id = '{device}'"
    )
    assert native.database.rows(owned) == [{"count": 1000, "newest": True}]
    limited = "select public.maintain_tables(30, 90, 90, 90, 300)->'again'"
    assert native.database.run(f"{limited};") == "true\n"
    assert native.database.rows(owned) == [{"count": 1300, "newest": True}]
    native.database.run(MAINTAIN)
    assert native.database.rows(owned) == [{"count": 1500, "newest": None}]


def test_what_a_released_device_sent_stays_nobodys_also_hours_later(backend: Backend, device: str) -> None:
    """Although the device had its first company within the hour."""
    (first_id, _, _), (second_id, _, _) = backend.company(), backend.company()
    hello(backend, device)
    hand_over(backend, device, first_id, None)
    hello(backend, device, received_at=soon())
    for _ in range(2):
        backend.service.rpc(
            "maintain_tables", p_log_days=30, p_status_days=90, p_errors_days=90, p_commands_days=90
        )
        owners = [row["company_id"] for row in backend.service.rows("device_status", device_id=device)]
        assert sorted(owners, key=str) == sorted([first_id, None], key=str)
        hand_over(backend, device, second_id)
