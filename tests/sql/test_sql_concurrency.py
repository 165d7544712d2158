"""Several workers at once, on connections of their own: PostgreSQL only, since PGlite has one."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sql_backends import Native, new_device
from sql_postgres import Connection, literal

WORKER = "set role service_role;"


@pytest.fixture
def connections(native: Native) -> Iterator[list[Connection]]:
    """Eight connections of workers."""
    opened = [Connection(native.database) for _ in range(8)]
    for connection in opened:
        connection.ask(WORKER)
    yield opened
    for connection in opened:
        connection.close()


def nothing_else_is_queued(native: Native) -> None:
    """A claim is for all devices: what other tests have left would count towards its limit."""
    native.database.run("delete from public.device_commands where status = 'queued'")


def awake(native: Native, device: str, commands: int) -> None:
    # Heard ahead of time, so that it counts as just now on the slowest machine.
    native.database.run(
        f"insert into public.devices (device_id, last_seen_at) values ('{device}', now() + interval '10 minutes');"
        " insert into public.device_commands (device_id, type, payload)"
        f" select '{device}', 'custom', jsonb_build_object('n', n) from generate_series(1, {commands}) as n;"
    )


def claimed(text: str, *devices: str) -> list[int]:
    """Give the numbers of the commands in what the statements printed."""
    return [
        given["payload"]["n"]
        for line in text.splitlines()
        if line.startswith("[")
        for given in json.loads(line)
        if given["device_id"] in devices
    ]


def test_two_that_claim_at_once_get_different_commands(
    native: Native, connections: list[Connection], device: str
) -> None:
    nothing_else_is_queued(native)
    awake(native, device, 6)
    first, second, third = connections[:3]

    one = claimed(first.ask("begin; select public.claim_commands(4);"), device)
    # The first has not committed: the second does not wait, and gets none of the same.
    two = claimed(second.ask("set lock_timeout = '5s'; select public.claim_commands(100);"), device)
    first.ask("commit;")
    assert (one, two) == ([1, 2, 3, 4], [5, 6])
    assert claimed(third.ask("select public.claim_commands(100);"), device) == []


def test_a_claim_that_is_lost_is_given_again(
    native: Native, connections: list[Connection], device: str
) -> None:
    awake(native, device, 1)
    assert claimed(connections[0].ask("begin; select public.claim_commands();"), device) == [1]
    connections[0].ask("rollback;")
    assert claimed(connections[1].ask("select public.claim_commands();"), device) == [1]


def test_many_workers_claim_each_command_once(native: Native, connections: list[Connection]) -> None:
    devices = [new_device() for _ in range(10)]
    for device in devices:
        awake(native, device, 30)
    for connection in connections:
        connection.send("select public.claim_commands(7);" * 12)
    numbers: list[int] = []
    for connection in connections:
        numbers += claimed(connection.receive(), *devices)
    assert sorted(numbers) == sorted(list(range(1, 31)) * 10)
    rows = native.database.rows(
        f"select distinct attempts from public.device_commands where device_id = any ('{{{','.join(devices)}}}')"
    )
    assert rows == [{"attempts": 1}]


def test_a_hello_and_a_claim_share_nothing_and_never_lock_each_other_out(
    native: Native, connections: list[Connection]
) -> None:
    devices = [new_device() for _ in range(8)]
    for device in devices:
        awake(native, device, 20)
    # Picture commands write to the devices' rows, which is where two could wait for each other.
    native.database.run("update public.device_commands set type = 'capture_image' where status = 'queued'")
    for number, connection in enumerate(connections):
        hellos = "".join(
            f"select public.record_hello(jsonb_build_object('device_id', '{device}', 'message_key',"
            f" '{device} {number} {step}'));"
            for step in range(3)
            for device in (devices if number % 2 else devices[::-1])
        )
        connection.send((hellos if number < 4 else "") + "select public.claim_commands(5);" * 20)
    given: list[str] = []
    for connection in connections:
        for line in connection.receive().splitlines():
            answer: Any = json.loads(line)
            found = answer if isinstance(answer, list) else answer["commands"]
            given += [one["command_id"] for one in found if one["device_id"] in devices]
    assert len(given) == len(set(given)) == 160


def test_one_hello_that_two_workers_record_is_answered_alike(
    native: Native, connections: list[Connection], device: str
) -> None:
    awake(native, device, 3)
    hello = literal({"device_id": device, "message_key": f"{device} 1"})
    for connection in connections:
        connection.send(f"select public.record_hello({hello});")
    answers = {connection.receive() for connection in connections}
    assert len(answers) == 1
    assert len(json.loads(answers.pop())["commands"]) == 3
    assert len(native.service.rows("device_status", device_id=device)) == 1


def test_two_pictures_of_one_wrong_clock_are_both_kept(
    native: Native, connections: list[Connection], device: str
) -> None:
    for number, connection in enumerate(connections):
        capture = {
            "device_id": device,
            "image_name": "image_1.jpg",
            "captured_at": "1970-01-01T00:00:10Z",
            "arrived_at": f"2025-10-04T12:00:{number:02}Z",
            "ingest_status": "stored",
            "storage_path": f"path {number}",
            "image_sha256": f"{number:064x}",
        }
        connection.send(f"select public.record_capture({literal(capture)});" * 3)
    for connection in connections:
        connection.receive()
    rows = native.service.rows("captures", device_id=device)
    assert len(rows) == len({row["image_sha256"] for row in rows}) == 8
    assert {row["ingest_status"] for row in rows} == {"stored"}


def test_captures_on_their_way_in_any_order_lock_nobody_out(
    native: Native, connections: list[Connection]
) -> None:
    devices = [new_device() for _ in range(40)]
    for number, connection in enumerate(connections):
        captures = [
            {"device_id": device, "image_name": "a.jpg", "captured_at": f"2025-10-04T12:00:{number % 2:02}Z"}
            for device in (devices if number % 2 else devices[::-1])
        ]
        final = {"ingest_status": "failed", "device_id": devices[number], "image_name": "a.jpg"}
        capture = literal(final | {"captured_at": "2025-10-04T12:00:00Z"})
        connection.send(
            f"select public.record_assembling({literal(captures)}); select public.record_capture({capture});"
        )
    inserted = 0
    for connection in connections:
        count, answer = connection.receive().splitlines()
        inserted += int(count)
        assert json.loads(answer)["ingest_status"] == "failed"
    # A final row that came first is not counted, and nothing is counted twice.
    assert 80 - len(connections) <= inserted <= 80
