"""The bulk writes of traffic and errors."""

import uuid
from typing import Any

import pytest
from sql_backends import Backend


def message(device: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "key": uuid.uuid4().hex,
        "device_id": device,
        "topic": f"ESP32CAM/{device}/data",
        "direction": "in",
        "payload": {"image_name": "image_1.jpg", "chunks": 45},
        "received_at": "2025-10-04T12:34:56Z",
    } | changes


def error(device: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "key": uuid.uuid4().hex,
        "device_id": device,
        "error_code": 2101,
        "message": "not JSON",
        "details": {"topic": "x"},
        "occurred_at": "2025-10-04T12:34:56Z",
    } | changes


def test_a_batch_sent_twice_is_there_once(backend: Backend, device: str) -> None:
    messages = [message(device), message(device, direction="out", topic=f"ESP32CAM/{device}/ack")]
    errors = [error(device), error(device, error_code=2102)]
    backend.service.rpc("record_log", p_messages=messages, p_errors=errors)
    log = backend.service.rows("device_publish_log", device_id=device)
    assert {(row["direction"], row["payload"]["image_name"]) for row in log} == {
        ("in", "image_1.jpg"),
        ("out", "image_1.jpg"),
    }
    assert {row["error_code"] for row in backend.service.rows("device_errors", device_id=device)} == {
        2101,
        2102,
    }

    # Again, together with something new, and with a repeat within the batch.
    new = message(device)
    backend.service.rpc("record_log", p_messages=[*messages, new, new], p_errors=errors)
    assert len(backend.service.rows("device_publish_log", device_id=device)) == 3
    assert len(backend.service.rows("device_errors", device_id=device)) == 2


def test_a_device_that_nobody_knows_may_be_named(backend: Backend) -> None:
    garbage = f"../{uuid.uuid4()} '\"; drop"
    backend.service.rpc("record_log", p_messages=[message(garbage)], p_errors=[error(garbage), error(None)])

    assert len(backend.service.rows("device_publish_log", device_id=garbage)) == 1
    assert len(backend.service.rows("device_errors", device_id=garbage)) == 1
    assert backend.service.rows("devices", device_id=garbage) == []


def test_bad_rows_do_not_lose_the_good_ones(backend: Backend, device: str) -> None:
    bad: list[Any] = [None, 1, "x", {}, message(device, key=""), message(device, direction="sideways")]
    odd = message(device, received_at="whenever", payload="x" * 100_000, topic="t" * 10_000)
    backend.service.rpc(
        "record_log", p_messages=[*bad, odd, message(device)], p_errors=[error(device, error_code="x")]
    )

    rows = {row["message_key"]: row for row in backend.service.rows("device_publish_log", device_id=device)}
    assert len(rows) == 2
    assert rows[odd["key"]]["payload"] == {"omitted_bytes": 100_002}
    assert len(rows[odd["key"]]["topic"]) == 512
    assert backend.service.rows("device_errors", device_id=device) == []


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_nothing_is_written_for_nothing(backend: Backend, nothing: object) -> None:
    assert backend.service.rpc("record_log", p_messages=nothing, p_errors=nothing) is None
