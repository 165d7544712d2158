import base64
import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import wire
from core.errors import ErrorCode, WireError
from core.wire import (
    MAX_CHUNKS,
    Chunk,
    Limits,
    Metadata,
    Sensors,
    Status,
    decode,
    is_image_name,
    parse_time,
)

LIMITS = Limits(max_chunk_bytes=4096, max_image_bytes=1_000_000)
DATA = "ESP32CAM/AABBCCDDEEFF/data"
STATUS = "ESP32CAM/AABBCCDDEEFF/status"

METADATA = {
    "device_id": "AABBCCDDEEFF",
    "capture_timeStamp": "2025-10-04T12:34:56Z",
    "image_name": "image_123.jpg",
    "image_size": 45678,
    "max_chunks_size": 1024,
    "total_chunk_count": 45,
    "location": "office_404",
    "error": 0,
    "temperature": 23.5,
    "humidity": 45.2,
    "pressure": 1013.25,
    "gas_resistance": 12345.67,
}


def send(fields, topic=DATA):
    return decode(topic, json.dumps(fields).encode(), LIMITS)


def refusal(fields, topic=DATA):
    with pytest.raises(WireError) as caught:
        send(fields, topic)
    return caught.value.code


def chunk(**changes):
    fields = {
        "device_id": "AABBCCDDEEFF",
        "image_name": "image_123.jpg",
        "chunk_id": 3,
        "max_chunk_size": 1024,
        "payload": base64.b64encode(b"abc").decode(),
    }
    return fields | changes


def test_the_metadata_of_the_protocol():
    assert send(METADATA) == Metadata(
        "AABBCCDDEEFF",
        None,
        "image_123.jpg",
        captured_at=datetime(2025, 10, 4, 12, 34, 56, tzinfo=UTC),
        image_bytes=45678,
        total_chunks=45,
        sensors=Sensors(23.5, 45.2, 1013.25, 12.34567),
        location="office_404",
        raw=json.dumps(METADATA, separators=(",", ":")).encode(),
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("capture_timeStamp", "capture_timestamp"),
        ("capture_timeStamp", "timestamp"),
        ("max_chunks_size", "max_chunk_size"),
        ("total_chunk_count", "total_chunks_count"),
    ],
)
def test_other_names_mean_the_same(ours, theirs):
    fields = dict(METADATA)
    fields[theirs] = fields.pop(ours)
    assert send(fields)._replace(raw=b"") == send(METADATA)._replace(raw=b"")


def test_sensors_may_be_nested():
    names = ("temperature", "humidity", "pressure", "gas_resistance")
    fields = {name: value for name, value in METADATA.items() if name not in names}
    fields["sensor_data"] = {name: METADATA[name] for name in names}
    assert send(fields).sensors == send(METADATA).sensors


@pytest.mark.parametrize(
    ("said", "kohm"), [(13.89, 13.89), (999.9, 999.9), (1000, 1.0), (12345.67, 12.34567)]
)
def test_gas_resistance_is_kilo_ohms(said, kohm):
    assert send(METADATA | {"gas_resistance": said}).sensors.gas_kohm == kohm


@pytest.mark.parametrize("value", [math.nan, math.inf, "23.5", True, None, [], 1e9, -273.2])
def test_an_implausible_sensor_value_is_left_out(value):
    fields = json.dumps(METADATA | {"temperature": value}).encode()
    try:
        sensors = decode(DATA, fields, LIMITS).sensors
    except WireError as error:
        assert error.code == ErrorCode.NOT_JSON  # NaN and Infinity are not JSON
    else:
        assert sensors == Sensors(None, 45.2, 1013.25, 12.34567)


def test_a_repeat_with_empty_fields_begins_no_capture():
    empty = {
        "device_id": "AABBCCDDEEFF",
        "image_name": "image_123.jpg",
        "total_chunk_count": None,
        "image_size": "",
    }
    assert not send(empty).begins_a_capture
    assert send(METADATA).begins_a_capture
    assert send({"image_name": "", "error": 2}).begins_a_capture


def test_an_error_report_needs_no_image_name():
    report = send({"device_id": "AABBCCDDEEFF", "error": 1, "temperature": 20})
    assert (report.image_name, report.error, report.sensors.temperature_c) == (wire.NO_IMAGE, "1", 20.0)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (2, "2"),
        (2.0, "2"),
        (-1, "-1"),
        (131073, "131073"),
        (2**63, str(2**63)),
        (10**30, "1e+30"),
        (2.5, "2.5"),
        (True, "true"),
        ("2", "2"),
        (" +02 ", "2"),
        ("-1.0", "-1"),
        ("camera timeout", "camera timeout"),
        ("9" * 200, "9" * 80),
        ("\x00", "?"),
        (["E1"], '["E1"]'),
        ({"code": -1}, '{"code":-1}'),
    ],
)
def test_an_error_in_any_form_is_a_report(said, error):
    report = send(METADATA | {"error": said, "total_chunk_count": 0})
    assert report.error == error
    assert report.begins_a_capture


@pytest.mark.parametrize(
    "wrong", [{"image_size": -1}, {"image_size": 10**9}, {"total_chunk_count": "45"}, {"image_name": "../x"}]
)
def test_a_report_is_never_refused_for_its_name_or_its_counts(wrong):
    report = send(METADATA | {"error": -1} | wrong)
    assert report.error == "-1"
    assert report.image_name == (wire.NO_IMAGE if "image_name" in wrong else "image_123.jpg")
    assert report.total_chunks is None or "image_name" in wrong


@pytest.mark.parametrize(
    "said", [0, 0.0, -0.0, None, False, "", " ", "0", "+0.00", "none", "OK", "False", "ESP_OK", [], {}]
)
def test_no_error_in_any_form_is_none(said):
    assert send(METADATA | {"error": said}).error is None
    assert not send({"image_name": "image_123.jpg", "error": said}).begins_a_capture


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-10-6T1:04:27Z", datetime(2025, 10, 6, 1, 4, 27, tzinfo=UTC)),
        ("2025-10-06 01:04:27", datetime(2025, 10, 6, 1, 4, 27, tzinfo=UTC)),
        ("2025-10-06T01:04:27.25+05:30", datetime(2025, 10, 5, 19, 34, 27, 250_000, tzinfo=UTC)),
        ("1970-01-01T00:00:08Z", datetime(1970, 1, 1, 0, 0, 8, tzinfo=UTC)),
        ("2025-02-30T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2025-10-06T01:04:27+99:00", None),
        ("٢٠٢٥-١٠-٠٦T٠١:٠٤:٢٧Z", None),
        ("2025-10-06T01:04:27+０５:３０", None),
        ("yesterday", None),
        ("", None),
        (1759712667, None),
    ],
)
def test_times(text, time):
    assert parse_time(text) == time


@given(
    st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))]),
        min_value=datetime(2, 1, 1),
        max_value=datetime(9998, 1, 1),
    )
)
def test_any_iso_time_is_read_back(time):
    assert parse_time(time.isoformat()) == time


def test_a_chunk():
    assert send(chunk()) == Chunk("AABBCCDDEEFF", None, "image_123.jpg", 3, b"abc")
    assert send(chunk(payload=[97, 98, 99])) == send(chunk())


@given(
    name=st.from_regex(r"\A[A-Za-z0-9_ -][A-Za-z0-9_. -]{0,60}\Z"),
    number=st.integers(0, MAX_CHUNKS - 1),
    data=st.binary(min_size=1, max_size=LIMITS.max_chunk_bytes),
    as_array=st.booleans(),
)
def test_what_is_encoded_decodes_to_itself(name, number, data, as_array):
    payload = list(data) if as_array else base64.b64encode(data).decode()
    decoded = send(chunk(image_name=name, chunk_id=number, payload=payload))
    assert decoded == Chunk("AABBCCDDEEFF", None, name, number, data)


@given(st.sampled_from([DATA, STATUS, "ESP32CAM/A/ack", "x", ""]), st.binary(max_size=300))
def test_any_bytes_decode_or_raise_our_error(topic, payload):
    try:
        assert isinstance(decode(topic, payload, LIMITS), (Status, Metadata, Chunk))
    except WireError as error:
        assert 2100 <= error.code <= 2107


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KNOWN = sorted(
    {
        *METADATA,
        *chunk(),
        "sensor_data",
        "status",
        "pendingImg",
        "pending_list",
        "battery_voltage",
        "image_sha256",
        "uptime_ms",
        "battery_mv",
        "timestamp",
    }
)


@given(st.sampled_from([DATA, STATUS]), st.dictionaries(st.sampled_from(KNOWN), json_values))
def test_any_value_in_any_known_field_decodes_or_raises_our_error(topic, fields):
    try:
        message = decode(topic, json.dumps(fields).encode(), LIMITS)
    except WireError as error:
        assert 2100 <= error.code <= 2107
        assert len(json.dumps(error.details)) < 1000
        return
    if isinstance(message, Metadata):
        assert is_image_name(message.image_name)
        assert message.total_chunks is None or 0 < message.total_chunks <= MAX_CHUNKS
        assert all(value is None or math.isfinite(value) for value in message.sensors)
    if not isinstance(message, Chunk):
        json.loads(message.raw)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (chunk(image_name="../x.jpg"), ErrorCode.UNSAFE_IMAGE_NAME),
        (chunk(image_name=None), ErrorCode.UNSAFE_IMAGE_NAME),
        (chunk(chunk_id=-1), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id=MAX_CHUNKS), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id="3"), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id=True), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(payload=None), ErrorCode.CHUNK_WITHOUT_PAYLOAD),
        (chunk(payload=""), ErrorCode.CHUNK_WITHOUT_PAYLOAD),
        (chunk(payload=1_000_000_000), ErrorCode.CHUNK_WITHOUT_PAYLOAD),
        (chunk(payload="not base64!"), ErrorCode.PAYLOAD_NOT_BASE64),
        (chunk(payload=[1, 256]), ErrorCode.PAYLOAD_NOT_BASE64),
        (chunk(payload=base64.b64encode(bytes(4097)).decode()), ErrorCode.LIMIT_EXCEEDED),
        (METADATA | {"image_size": 1_000_001}, ErrorCode.LIMIT_EXCEEDED),
        (METADATA | {"total_chunk_count": MAX_CHUNKS + 1}, ErrorCode.LIMIT_EXCEEDED),
        (METADATA | {"total_chunk_count": -4}, ErrorCode.METADATA_UNUSABLE),
        (METADATA | {"total_chunk_count": 4.5}, ErrorCode.METADATA_UNUSABLE),
        (METADATA | {"total_chunk_count": "45"}, ErrorCode.METADATA_UNUSABLE),
        (METADATA | {"location": "x" * 9000}, ErrorCode.LIMIT_EXCEEDED),
        ([METADATA], ErrorCode.NOT_JSON),
    ],
)
def test_what_cannot_be_used_has_its_code(fields, code):
    assert refusal(fields) == code


def test_a_payload_is_bounded_before_it_is_parsed():
    with pytest.raises(WireError) as caught:
        decode(DATA, b"[" * (LIMITS.max_payload_bytes + 1), LIMITS)
    assert caught.value.code == ErrorCode.LIMIT_EXCEEDED


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"{'a': 1}", b'{"image_name": NaN}'])
def test_what_is_not_json(payload):
    with pytest.raises(WireError) as caught:
        decode(DATA, payload, LIMITS)
    assert caught.value.code == ErrorCode.NOT_JSON


@pytest.mark.parametrize("name", ["image_1.jpg", "a b.jpg", "x" * 128, "IMG-2025(1).jpeg", "a..b"])
def test_image_names(name):
    assert is_image_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        ".hidden",
        "x" * 129,
        "a\nb",
        "a\x00b",
        "a\u2215b",
        "\uff0e\uff0e\uff0fx",
        "ünï.jpg",
        None,
        7,
    ],
)
def test_unsafe_image_names(name):
    assert not is_image_name(name)


@pytest.mark.parametrize(
    "topic",
    [
        "ESP32CAM/AABB/ack",
        "ESP32CAM/AA:BB/data",
        "ESP32CAM/../data",
        "ESP32CAM//data",
        "other/AABB/data",
        "ESP32CAM/AABB/data/x",
        "ESP32CAM/" + "A" * 33 + "/data",
    ],
)
def test_topics_that_are_no_device(topic):
    assert refusal(METADATA, topic) == ErrorCode.METADATA_UNUSABLE


def test_the_topic_tells_who_it_is():
    message = send(chunk(device_id="112233445566"))
    assert (message.device_id, message.claimed_id) == ("AABBCCDDEEFF", "112233445566")


def test_a_hello_of_newer_firmware():
    fields = {
        "device_id": "AABBCCDDEEFF",
        "status": "alive",
        "pending_count": 2,
        "pending_list": ["image_1.jpg", "../x", 5, *(f"i{n}.jpg" for n in range(20))],
        "firmware_version": "2.1",
        "uptime_ms": 12_345,
        "boot_count": 7,
        "battery_voltage": 3.92,
        "battery_percent": 81,
        "wifi_rssi": -67,
        "free_heap_bytes": 123_456,
    }
    hello = send(fields, STATUS)
    assert hello.pending_count == 2
    assert hello.pending_list == ("image_1.jpg", *(f"i{n}.jpg" for n in range(7)))
    assert (hello.uptime_s, hello.battery_mv, hello.wifi_rssi_dbm) == (12, 3920, -67)
    assert json.loads(hello.raw) == fields


@pytest.mark.parametrize("name", ["battery_mv", "battery_voltage_mv"])
def test_battery_in_millivolts(name):
    assert send({"status": "Alive", name: 3920}, STATUS).battery_mv == 3920


def test_the_shortest_hello():
    hello = send({"device_id": "AABBCCDDEEFF", "status": "Alive", "pendingImg": 3}, STATUS)
    assert (hello.status, hello.pending_count, hello.pending_list) == ("Alive", 3, ())


def test_a_nul_never_reaches_the_database():
    assert json.loads(send(METADATA | {"location": "a\x00b", "note": "\x00"}).raw) == {
        "unstorable": "contains NUL"
    }
    assert send(METADATA | {"location": "a\x00b"}).location == "ab"


def test_answers_to_a_device():
    assert json.loads(wire.ack("AABB", "i.jpg", "5:30PM")) == {
        "device_id": "AABB",
        "image_name": "i.jpg",
        "ACK_OK": {"next_wake_time": "5:30PM"},
    }
    assert json.loads(wire.ack("AABB", "i.jpg", None))["ACK_OK"] == {}
    assert json.loads(wire.nack("AABB", "i.jpg", [5, 12]))["missing_chunks"] == [5, 12]
    assert wire.topic("AABB", "ack") == "ESP32CAM/AABB/ack"


HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (HASH, HASH),
        (HASH.upper(), HASH),
        (HASH[:-1], None),
        (HASH + "0", None),
        (HASH[:-1] + "g", None),
        (HASH + "\n", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_sha256_is_64_hex_digits_in_lower_case_or_none(said, read):
    assert send(METADATA | {"image_sha256": said}).image_sha256 == read
