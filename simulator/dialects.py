"""How each firmware version writes its messages.

A dialect names the fields of one firmware version. The encoders here are pure functions: they take values
and return the bytes of one JSON message.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from simulator.clock import iso, unpadded_iso

MIXED = "mixed"  # the dialects are assigned to the devices of a fleet in turn
PENDING_LIST_MAX = 10


@dataclass(frozen=True, slots=True)
class Sensors:
    """One reading of the BME680: °C, percent, hPa and ohms."""

    temperature: float
    humidity: float
    pressure: float
    gas_ohms: float


@dataclass(frozen=True, slots=True)
class Dialect:
    """The field names and value forms of one firmware version."""

    name: str
    time_key: Literal["capture_timeStamp", "capture_timestamp", "timestamp"] = "capture_timeStamp"
    padded_time: bool = True
    chunk_size_key: Literal["max_chunks_size", "max_chunk_size"] = "max_chunks_size"
    chunk_count_key: Literal["total_chunk_count", "total_chunks_count"] = "total_chunk_count"
    nested_sensors: bool = False
    gas_in_kohm: bool = False
    payload_as_array: bool = False
    status_word: Literal["Alive", "alive"] = "Alive"
    pending_key: Literal["pendingImg", "pending_count"] = "pendingImg"
    pending_list: bool = False
    telemetry: tuple[str, ...] = ()  # names of the extra fields of the status message
    image_id: bool = False

    def reports(self, what: str) -> bool:
        """Whether the status message has a field about the `battery`, or the `rssi`."""
        return any(what in name for name in self.telemetry)


DIALECTS: Mapping[str, Dialect] = {
    d.name: d
    for d in (
        Dialect("standard"),
        Dialect(
            "unpadded",
            time_key="capture_timestamp",
            padded_time=False,
            chunk_size_key="max_chunk_size",
            chunk_count_key="total_chunks_count",
            status_word="alive",
        ),
        Dialect("nested", time_key="timestamp", nested_sensors=True, gas_in_kohm=True),
        Dialect("array", payload_as_array=True, chunk_count_key="total_chunks_count"),
        Dialect(
            "newer",
            pending_list=True,
            image_id=True,
            telemetry=(
                "firmware_version",
                "uptime_seconds",
                "boot_count",
                "battery_voltage",
                "battery_percent",
                "wifi_rssi",
                "free_heap_bytes",
            ),
        ),
        Dialect(
            "newer-mv",
            time_key="capture_timestamp",
            chunk_size_key="max_chunk_size",
            gas_in_kohm=True,
            status_word="alive",
            pending_key="pending_count",
            pending_list=True,
            telemetry=("firmware_version", "uptime_ms", "battery_mv", "wifi_rssi_dbm"),
        ),
        Dialect(
            "newer-voltage-mv",
            nested_sensors=True,
            pending_list=True,
            telemetry=("battery_voltage_mv", "boot_count"),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a device reports about one picture.

    `image_size` and `chunk_size` are bytes, `chunks` is a count, `captured_at` is Unix time. `error` is 0,
    or the device's own error code if it could not take the picture.
    """

    image_name: str
    captured_at: float
    image_size: int
    chunk_size: int
    chunks: int
    location: str
    error: int
    sensors: Sensors
    sha256: str | None = None


def encode_hello(
    dialect: Dialect, device_id: str, pending: Sequence[str], vitals: Mapping[str, float | str]
) -> bytes:
    """Write the status message.

    `pending` holds the image names on the SD card; a pending list names at most `PENDING_LIST_MAX` of them.
    `vitals` holds every telemetry value, of which the dialect picks its own.
    """
    message: dict[str, Any] = {
        "device_id": device_id,
        "status": dialect.status_word,
        dialect.pending_key: len(pending),
    }
    if dialect.pending_list:
        message["pending_list"] = list(pending[:PENDING_LIST_MAX])
    message.update((name, vitals[name]) for name in dialect.telemetry)
    return orjson.dumps(message)


def metadata_fields(dialect: Dialect, device_id: str, metadata: Metadata) -> dict[str, Any]:
    """Return the metadata message with this dialect's field names and value forms."""
    written = iso if dialect.padded_time else unpadded_iso
    sensors = metadata.sensors
    readings = {
        "temperature": sensors.temperature,
        "humidity": sensors.humidity,
        "pressure": sensors.pressure,
        "gas_resistance": round(sensors.gas_ohms / 1000, 2) if dialect.gas_in_kohm else sensors.gas_ohms,
    }
    message: dict[str, Any] = {
        "device_id": device_id,
        dialect.time_key: written(metadata.captured_at),
        "image_name": metadata.image_name,
        "image_size": metadata.image_size,
        dialect.chunk_size_key: metadata.chunk_size,
        dialect.chunk_count_key: metadata.chunks,
        "location": metadata.location,
        "error": metadata.error,
    }
    message.update({"sensor_data": readings} if dialect.nested_sensors else readings)
    if dialect.image_id:
        message["image_id"] = f"{device_id}-{int(metadata.captured_at)}"
    if "firmware_version" in dialect.telemetry:
        message["firmware_version"] = "2.4.1"
    if metadata.sha256 is not None:
        message["image_sha256"] = metadata.sha256
    return message


def encode_metadata(dialect: Dialect, device_id: str, metadata: Metadata) -> bytes:
    """Write the complete metadata of a picture."""
    return orjson.dumps(metadata_fields(dialect, device_id, metadata))


def encode_repeat(dialect: Dialect, device_id: str, metadata: Metadata, number: int) -> bytes:
    """Write the metadata as firmware repeats it: all fields are present, their values empty or null.

    Only `device_id` and `image_name` keep their values. `number` selects which of the other values are
    empty text and which are null.
    """
    message = metadata_fields(dialect, device_id, metadata)
    for position, key in enumerate(message):
        if key not in ("device_id", "image_name"):
            message[key] = "" if (position + number) % 3 == 0 else None
    return orjson.dumps(message)


def encode_chunk(
    dialect: Dialect, device_id: str, image_name: str, chunk_id: int, data: bytes, *, chunk_size: int
) -> bytes:
    """Write one chunk; its bytes become base64 text or an array of numbers, depending on the dialect."""
    return orjson.dumps(
        {
            "device_id": device_id,
            "image_name": image_name,
            "chunk_id": chunk_id,
            "max_chunk_size": chunk_size,
            "payload": list(data) if dialect.payload_as_array else b64encode(data).decode(),
        }
    )
