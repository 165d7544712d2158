"""Each dialect's spelling, against the examples of the protocol."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.dialects import (
    DIALECTS,
    Metadata,
    Sensors,
    encode_chunk,
    encode_hello,
    encode_metadata,
    encode_repeat,
)
from simulator.vitals import charge_left, vitals

MAC = "AABBCCDDEEFF"
METADATA = Metadata(
    image_name="image_123.jpg",
    captured_at=1_759_581_296.0,
    image_size=45678,
    chunk_size=1024,
    chunks=45,
    location="office_404",
    error=0,
    sensors=Sensors(temperature=23.5, humidity=45.2, pressure=1013.25, gas_ohms=12345.67),
)
VITALS = {
    "firmware_version": "2.4.1",
    "uptime_ms": 1500,
    "uptime_seconds": 1,
    "boot_count": 7,
    "battery_mv": 3900,
    "battery_voltage": 3.9,
    "battery_voltage_mv": 3900,
    "battery_percent": 66,
    "wifi_rssi": -61,
    "wifi_rssi_dbm": -61,
    "free_heap_bytes": 150000,
}


def metadata(name):
    return json.loads(encode_metadata(DIALECTS[name], MAC, METADATA))


def hello(name, pending=()):
    return json.loads(encode_hello(DIALECTS[name], MAC, list(pending), VITALS))


def test_standard_metadata_is_the_documented_example():
    assert metadata("standard") == {
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


def test_standard_hello_is_the_documented_example():
    assert hello("standard", ["a", "b", "c"]) == {"device_id": MAC, "status": "Alive", "pendingImg": 3}


def test_standard_chunk_is_the_documented_example():
    raw = encode_chunk(DIALECTS["standard"], MAC, "image_123.jpg", 0, b"\xff\xd8\xff", chunk_size=1024)
    assert json.loads(raw) == {
        "device_id": MAC,
        "image_name": "image_123.jpg",
        "chunk_id": 0,
        "max_chunk_size": 1024,
        "payload": "/9j/",
    }


def test_unpadded_writes_older_names_and_times():
    m = metadata("unpadded")
    assert m["capture_timestamp"] == "2025-10-4T12:34:56Z"
    assert m["max_chunk_size"] == 1024
    assert m["total_chunks_count"] == 45
    assert not {"capture_timeStamp", "max_chunks_size", "total_chunk_count"} & set(m)
    assert hello("unpadded")["status"] == "alive"


def test_nested_sensors_and_kilo_ohms():
    m = metadata("nested")
    assert m["sensor_data"] == {
        "temperature": 23.5,
        "humidity": 45.2,
        "pressure": 1013.25,
        "gas_resistance": 12.35,
    }
    assert m["timestamp"] == "2025-10-04T12:34:56Z"
    assert "temperature" not in m


def test_array_payload_is_numbers():
    raw = encode_chunk(DIALECTS["array"], MAC, "image_1.jpg", 3, b"\x00\xff\x10", chunk_size=3)
    assert json.loads(raw)["payload"] == [0, 255, 16]


def test_newer_firmware_reports_its_vitals_and_at_most_ten_names():
    names = [f"image_{n}.jpg" for n in range(14)]
    message = hello("newer", names)
    assert message["pendingImg"] == 14
    assert message["pending_list"] == names[:10]
    assert message["battery_voltage"] == 3.9
    assert message["wifi_rssi"] == -61
    assert message["uptime_seconds"] == 1
    assert {"firmware_version", "boot_count", "battery_percent", "free_heap_bytes"} <= set(message)
    assert metadata("newer")["image_id"] == "AABBCCDDEEFF-1759581296"
    assert metadata("newer")["firmware_version"] == "2.4.1"


def test_aliases_of_newer_firmware():
    message = hello("newer-mv", ["x"])
    assert message["pending_count"] == 1
    assert "pendingImg" not in message
    assert (message["status"], message["battery_mv"], message["wifi_rssi_dbm"]) == ("alive", 3900, -61)
    assert message["uptime_ms"] == 1500
    assert hello("newer-voltage-mv")["battery_voltage_mv"] == 3900


@pytest.mark.parametrize("name", DIALECTS)
def test_every_repeat_keeps_the_names_and_empties_the_rest(name):
    dialect = DIALECTS[name]
    for number in range(6):
        repeat = json.loads(encode_repeat(dialect, MAC, METADATA, number))
        assert repeat.keys() == metadata(name).keys()
        assert (repeat.pop("device_id"), repeat.pop("image_name")) == (MAC, "image_123.jpg")
        assert set(repeat.values()) == {None, ""}


def test_sha256_is_told_where_it_is_known():
    known = Metadata(**{**{f: getattr(METADATA, f) for f in METADATA.__slots__}, "sha256": "ab" * 32})
    assert json.loads(encode_metadata(DIALECTS["standard"], MAC, known))["image_sha256"] == "ab" * 32


@given(st.sampled_from(sorted(DIALECTS)), st.binary(max_size=300), st.integers(0, 10**6))
def test_the_bytes_of_a_chunk_come_back(name, data, chunk_id):
    raw = encode_chunk(DIALECTS[name], MAC, "image_1.jpg", chunk_id, data, chunk_size=1024)
    message = json.loads(raw)
    payload = message["payload"]
    assert (bytes(payload) if isinstance(payload, list) else base64.b64decode(payload)) == data
    assert message["chunk_id"] == chunk_id


def test_the_battery_runs_down():
    from random import Random

    fresh, tired = (vitals(Random(1), 1, charge_left(seconds)) for seconds in (0.0, 30_000.0))
    assert fresh["battery_mv"] == 4200
    assert tired["battery_mv"] < fresh["battery_mv"]
    assert tired["battery_percent"] < 100
