"""Several captures in one call: each is recorded as alone, and one that is refused is refused alone."""

import json
from collections.abc import Iterator

import pytest
from sql_backends import Backend, Native, Row, new_device
from sql_postgres import Connection, literal
from test_sql_captures import everything, failed, record, stored

BUSY = "55P03"


def record_all(backend: Backend, *captures: Row) -> list[Row]:
    outcomes: list[Row] = backend.service.rpc("record_captures", p_captures=list(captures))
    return outcomes


def test_each_is_recorded_as_alone_and_answered_in_order(backend: Backend) -> None:
    devices = sorted((new_device() for _ in range(4)), reverse=True)
    captures = [(failed if number == 1 else stored)(device) for number, device in enumerate(devices)]
    outcomes = record_all(backend, *captures)

    assert [list(outcome) for outcome in outcomes] == [["answer"]] * 4
    before = [everything(backend, device) for device in devices]
    for capture, outcome, rows in zip(captures, outcomes, before, strict=True):
        assert rows["captures"][0]["capture_id"] == outcome["answer"]["capture_id"]
        assert outcome["answer"] == record(backend, capture)
    assert record_all(backend, *captures) == outcomes
    assert [everything(backend, device) for device in devices] == before


def test_one_that_is_refused_changes_nothing_and_the_others_are_recorded(backend: Backend) -> None:
    first, bad, last = (new_device() for _ in range(3))
    outcomes = record_all(
        backend, stored(first), stored(bad, storage_path=None), stored(last), stored(last, image_name="2.jpg")
    )
    assert outcomes[1] == {
        "code": "22023",
        "message": "record_capture: a stored capture needs its storage_path",
    }
    assert ["answer" in outcome for outcome in outcomes] == [True, False, True, True]
    assert not any(everything(backend, bad).values())
    assert len(everything(backend, last)["captures"]) == 2


def test_two_for_one_object_are_told_apart(backend: Backend, device: str) -> None:
    twin = stored(device, image_name="2.jpg", storage_path=stored(device)["storage_path"])
    one, other = record_all(backend, stored(device), twin)
    assert one["answer"]["storage_path"] == twin["storage_path"]
    assert other["code"] == "23505"
    assert "captures_storage_path_key" in other["message"]
    assert len(everything(backend, device)["captures"]) == 1


def test_what_fails_at_the_end_of_the_transaction_fails_its_own_capture_alone(native: Native) -> None:
    good, bad = new_device(), new_device()
    native.database.run(
        "create function public.refuse() returns trigger language plpgsql as $$ begin"
        f" if new.device_id = '{bad}' then raise 'too late' using errcode = 'P0001'; end if; return null; end $$;"
        " create constraint trigger refuse after insert on public.captures deferrable initially deferred"
        " for each row execute function public.refuse()"
    )
    try:
        outcomes = record_all(native, stored(bad), stored(good))
    finally:
        native.database.run("drop trigger refuse on public.captures; drop function public.refuse()")
    assert outcomes[0] == {"code": "P0001", "message": "too late"}
    assert len(everything(native, good)["captures"]) == 1
    assert not any(everything(native, bad).values())


@pytest.fixture
def connections(native: Native) -> Iterator[list[Connection]]:
    opened = [Connection(native.database) for _ in range(6)]
    for connection in opened:
        connection.ask("set role service_role;")
    yield opened
    for connection in opened:
        connection.close()


def test_overlapping_calls_in_any_order_lock_nobody_out(
    native: Native, connections: list[Connection]
) -> None:
    devices = [new_device() for _ in range(16)]
    sent = []
    for number, connection in enumerate(connections):
        captures = [
            stored(device, image_name=f"{number}_{turn}.jpg")
            for turn in range(2)
            for device in (devices if number % 2 else devices[::-1])
        ]
        connection.send(f"select public.record_captures({literal(captures)});" * 2)
        sent.append(captures)
    for connection, captures in zip(connections, sent, strict=True):
        for line in connection.receive().splitlines():
            for capture, outcome in zip(captures, json.loads(line), strict=True):
                if outcome.get("code") == BUSY:  # the machine is slow; the service tries such a row alone
                    record(native, capture)
                else:
                    assert "answer" in outcome
    assert all(len(everything(native, device)["captures"]) == 12 for device in devices)


def test_a_device_that_another_transaction_holds_keeps_nobody_else_waiting(
    native: Native, connections: list[Connection]
) -> None:
    """As an operator's session that is left open; where the call waited for it, it would end by its timeout."""
    *held, free = sorted(new_device() for _ in range(4))
    for device in held:
        record(native, stored(device))
    holder, caller, *_ = connections
    rows = f"select from public.devices where device_id in ({', '.join(map(literal, held))}) for update;"
    holder.ask(f"reset role; begin; {rows}")
    captures = [stored(device, image_name="2.jpg") for device in (*held, free)]
    caller.ask("set statement_timeout = '20s';")
    outcomes = json.loads(caller.ask(f"select public.record_captures({literal(captures)});"))
    assert [outcome.get("code") for outcome in outcomes] == [BUSY, BUSY, BUSY, None]
    assert len(everything(native, free)["captures"]) == 1
    assert caller.ask("show lock_timeout;").strip() == "0"
    holder.ask("rollback;")
    assert len(record_all(native, *captures)) == 4
    assert all(len(everything(native, device)["captures"]) == 2 for device in held)
