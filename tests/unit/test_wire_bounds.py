"""The bounds of the wire: what lies on one is read, what lies beyond is left out or refused with its details."""

import base64
import json

import pytest

from core.errors import ErrorCode, WireError
from core.wire import MAX_CHUNKS, Limits, Status, decode, nack, parse_time

LIMITS = Limits(max_chunk_bytes=4096, max_image_bytes=1_000_000)
DATA = "ESP32CAM/AABB/data"
STATUS = "ESP32CAM/AABB/status"
IMAGE = {"image_name": "i.jpg"}


def send(fields, topic=DATA):
    return decode(topic, json.dumps(fields).encode(), LIMITS)


def hello(**fields):
    return send({"status": "Alive", **fields}, STATUS)


def refused(payload, topic=DATA):
    with pytest.raises(WireError) as caught:
        decode(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), LIMITS)
    return caught.value.code, caught.value.message, caught.value.details


def test_a_hello_says_all_that_newer_firmware_tells():
    fields = {
        "device_id": "AABB",
        "status": "Alive",
        "pendingImg": 2,
        "pending_list": ["a.jpg", "b.jpg"],
        "firmware_version": "2.1",
        "uptime_seconds": 77,
        "boot_count": 7,
        "battery_mv": 3920,
        "battery_percent": 81.5,
        "wifi_rssi_dbm": -67,
        "free_heap_bytes": 123_456,
    }
    raw = json.dumps(fields, separators=(",", ":")).encode()
    expected = Status(
        "AABB", None, "Alive", 2, ("a.jpg", "b.jpg"), "2.1", 77, 7, 3920, 81.5, -67, 123_456, raw
    )
    assert send(fields, STATUS) == expected


@pytest.mark.parametrize(
    ("said", "field", "low", "high"),
    [
        ("pendingImg", "pending_count", 0, 10**6),
        ("uptime_seconds", "uptime_s", 0, 2**40),
        ("boot_count", "boot_count", 0, 2**31 - 1),
        ("battery_mv", "battery_mv", 0, 60_000),
        ("battery_percent", "battery_percent", 0, 100),
        ("wifi_rssi", "wifi_rssi_dbm", -200, 100),
        ("free_heap_bytes", "free_heap_bytes", 0, 2**40),
    ],
)
def test_a_number_of_a_hello_beyond_its_bounds_is_left_out(said, field, low, high):
    read = [getattr(hello(**{said: value}), field) for value in (low - 1, low, high, high + 1)]
    assert read == [None, low, high, None]


@pytest.mark.parametrize(
    ("said", "field", "low", "high"),
    [
        ("temperature", "temperature_c", -100, 200),
        ("humidity", "humidity_pct", 0, 100),
        ("pressure", "pressure_hpa", 100, 2000),
    ],
)
def test_a_reading_beyond_its_bounds_is_left_out(said, field, low, high):
    values = (low - 0.5, low, high, high + 0.5)
    read = [getattr(send(IMAGE | {said: value}).sensors, field) for value in values]
    assert read == [None, low, high, None]


def test_a_gas_resistance_beyond_its_bounds_is_left_out():
    read = [send(IMAGE | {"gas_resistance": ohms}).sensors.gas_kohm for ohms in (-0.5, 0, 1e9, 1e9 + 1)]
    assert read == [None, 0, 1e6, None]
    assert send(IMAGE | {"gas_resistance": 1234.567891234}).sensors.gas_kohm == 1.234568


def test_milliseconds_volts_and_a_lack_of_status_are_read_as_told():
    assert [hello(uptime_ms=value).uptime_s for value in (0, 999, 1000, -1)] == [0, 0, 1, None]
    assert [hello(uptime_ms=value).uptime_s for value in (2**53, 2**53 + 1)] == [2**53 // 1000, None]
    assert [hello(battery_voltage=volts).battery_mv for volts in (0, 60, 60.5, -0.1)] == [
        0,
        60_000,
        None,
        None,
    ]
    assert hello(status=None).status == "unknown"
    assert hello(pending_list="a.jpg").pending_list == ()


def test_a_value_of_another_kind_is_left_out():
    assert hello(boot_count=7.0).boot_count == 7
    assert [hello(boot_count=value).boot_count for value in (7.5, "7", True, None, [])] == [None] * 5
    assert [hello(firmware_version=value).firmware_version for value in (2, 2.5, ["2"], "")] == [
        "2",
        None,
        None,
        None,
    ]


def test_optional_texts_are_read_and_clipped():
    fields = {"image_id": "cam-7/1", "location": "x" * 200, "firmware_version": "2.1\n"}
    read = send(IMAGE | fields)
    assert (read.image_id, read.location, read.firmware_version) == ("cam-7/1", "x" * 128, "2.1")
    assert (read.image_bytes, read.total_chunks, read.captured_at) == (None, None, None)


def test_counts_at_their_bounds_are_read():
    read = send(IMAGE | {"image_size": 1_000_000, "total_chunk_count": MAX_CHUNKS})
    assert (read.image_bytes, read.total_chunks) == (1_000_000, 16_384)
    read = send(IMAGE | {"image_size": 1, "total_chunk_count": 1})
    assert (read.image_bytes, read.total_chunks) == (1, 1)
    read = send(IMAGE | {"image_size": 0, "total_chunk_count": ""})
    assert (read.image_bytes, read.total_chunks) == (None, None)


def encoded(size):
    return base64.b64encode(bytes(size)).decode()


def test_a_chunk_at_its_bounds_is_read():
    read = send(IMAGE | {"chunk_id": 16_383, "payload": encoded(4096)})
    assert (read.chunk_id, len(read.data)) == (16_383, 4096)
    assert send(IMAGE | {"chunk_id": 0, "payload": [255]}).data == b"\xff"


def test_a_message_at_its_bounds_is_read():
    longest = 5 * LIMITS.max_chunk_bytes + 2_048
    chunk = json.dumps(IMAGE | {"chunk_id": 0, "payload": encoded(3)}).encode()
    assert decode(DATA, chunk.ljust(longest), LIMITS).data == bytes(3)
    assert refused(chunk.ljust(longest + 1)) == (
        ErrorCode.LIMIT_EXCEEDED,
        "payload too large",
        {"bytes": longest + 1},
    )
    for topic, fields, message in ((DATA, IMAGE, "metadata too large"), (STATUS, {}, "status too large")):
        payload = json.dumps(fields).encode()
        decode(topic, payload.ljust(8192), LIMITS)
        assert refused(payload.ljust(8193), topic) == (
            ErrorCode.LIMIT_EXCEEDED,
            message,
            {"bytes": 8193},
        )


def test_brackets_at_their_bound_are_read():
    nested = b'{"image_name":"i.jpg","x":' + b"[" * 32 + b"{}" + b',{"y":1}' * 30 + b"]" * 32 + b"}"
    assert nested.count(b"[") + nested.count(b"{") == 64
    assert decode(DATA, nested, LIMITS).image_name == "i.jpg"
    one_more = nested.replace(b'"y":1', b'"y":[]', 1)
    assert refused(one_more) == (
        ErrorCode.LIMIT_EXCEEDED,
        "too many objects and arrays",
        {"bytes": len(one_more)},
    )


@pytest.mark.parametrize(
    ("fields", "code", "details"),
    [
        (IMAGE | {"chunk_id": -1}, 2105, {"image": "i.jpg", "chunk_id": "-1"}),
        (IMAGE | {"chunk_id": 1}, 2102, {"image": "i.jpg", "chunk_id": 1}),
        (IMAGE | {"chunk_id": 1, "payload": "===="}, 2103, {"image": "i.jpg", "chunk_id": 1}),
        (IMAGE | {"chunk_id": 1, "payload": "?"}, 2103, {"image": "i.jpg", "chunk_id": 1}),
        (IMAGE | {"chunk_id": 1, "payload": ["a"]}, 2103, {"image": "i.jpg", "chunk_id": 1}),
        (IMAGE | {"chunk_id": 1, "payload": encoded(4097)}, 2106, {"image": "i.jpg", "bytes": 4097}),
        ({"image_name": "\0" + "x" * 99}, 2104, {"image": "?" + "x" * 79}),
        (IMAGE | {"image_size": "big"}, 2100, {"image": "i.jpg", "value": "big"}),
        (IMAGE | {"image_size": 1_000_001}, 2106, {"image": "i.jpg", "value": 1_000_001}),
        ([1], 2101, {"bytes": 3}),
        (b"{", 2101, {"bytes": 1}),
    ],
)
def test_a_refusal_tells_what_was_wrong(fields, code, details):
    found, _, told = refused(fields)
    assert (found, told) == (code, details)


@pytest.mark.parametrize("topic", ["ESP32CAM/AABB/" + "x" * 200, "ESP32CAM/A-B/data"])
def test_a_refused_topic_is_told_clipped(topic):
    assert refused(IMAGE, topic)[2] == {"topic": topic[:80]}


def test_the_longest_device_name_has_32_letters_and_digits():
    assert send(IMAGE, f"ESP32CAM/{'a1' * 16}/data").device_id == "a1" * 16


def test_a_claimed_name_is_told_clipped_and_only_if_it_differs():
    assert send(IMAGE | {"device_id": "AABB"}).claimed_id is None
    assert send(IMAGE | {"device_id": 7}).claimed_id == "7"
    assert send(IMAGE | {"device_id": "x" * 99}).claimed_id == "x" * 80


@pytest.mark.parametrize(
    ("text", "time"),
    [
        (" 2025-10-06T01:04:27.123456789Z ", "2025-10-06T01:04:27.123456+00:00"),
        ("2025-10-06T01:04:27-0530", "2025-10-06T06:34:27+00:00"),
        ("2025-10-06T01:04:27 z", "2025-10-06T01:04:27+00:00"),
        ("2025-10-06T01:04:27Z".ljust(40), "2025-10-06T01:04:27+00:00"),
        ("2025-10-06T01:04:27Z".ljust(41), None),
        ("2025-10-06T01:04:27X", None),
        ("9999-12-31T23:59:59-14:00", None),
    ],
)
def test_times_at_the_edges(text, time):
    read = parse_time(text)
    assert (read.isoformat() if read else None) == time


@pytest.mark.parametrize("said", ["no error", "No Error", "null", "None", "ok", "esp_ok", "false", " 0 "])
def test_what_firmware_writes_for_no_error_is_none(said):
    assert send(IMAGE | {"error": said}).error is None


def test_a_nack_names_device_image_and_chunks():
    expected = {"device_id": "AABB", "image_name": "i.jpg", "missing_chunks": [0, 16_383]}
    assert json.loads(nack("AABB", "i.jpg", [0, 16_383])) == expected
