"""The wire codec: topic and payload bytes ↔ frozen values. Pure: no I/O, no clock, no state.

`decode` takes any bytes and returns a Status, a Metadata or a Chunk, or raises WireError. It checks a size
before it allocates memory for it; a missing optional field is None. All dialects of the firmware give the
same values: times in UTC, gas resistance in kilo-ohms, battery in millivolts.
"""

import math
import re
from binascii import Error as Base64Error
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeGuard

import orjson
from pybase64 import b64decode

from core.errors import ErrorCode, WireError

TOPIC_ROOT: Final = "ESP32CAM"
MAX_NAME_LENGTH: Final = 128
MAX_CHUNKS: Final = 16_384
MAX_METADATA_BYTES: Final = 8_192
# A valid message has at most three objects and arrays. JSON that is nested too deeply for the encoder is
# refused before it is parsed; counting brackets is cheaper than measuring the depth.
MAX_BRACKETS: Final = 64
NO_IMAGE: Final = "no-image"

# A BME680 reads about 1 kΩ to 1 MΩ: a value of 1000 or more cannot be kilo-ohms, so it is in ohms.
_GAS_OHMS_FROM: Final = 1000.0
_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
# Printable ASCII without slash and backslash. A leading dot could hide the file or leave the folder.
_IMAGE_NAME: Final = re.compile(rf"(?!\.)[ -.0-\[\]-~]{{1,{MAX_NAME_LENGTH}}}")
_TIME: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6})\d*)?"
    r"\s?(Z|z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,20}(\.0{1,20})?")
# What firmware writes for "no error" in a text field.
_NO_ERROR: Final = frozenset({"", "0", "false", "no error", "none", "null", "ok", "esp_ok"})
# Plausible sensor values; any other value is a fault of the sensor or the sender and becomes None.
_SENSOR_BOUNDS: Final = {
    "temperature": (-100.0, 200.0),
    "humidity": (0.0, 100.0),
    "pressure": (100.0, 2000.0),
    "gas_resistance": (0.0, 1e9),
}


class Limits(NamedTuple):
    """The bounds of one message, in bytes."""

    max_chunk_bytes: int
    max_image_bytes: int

    @property
    def max_payload_bytes(self) -> int:
        """The size of the longest chunk message: a byte in a JSON array takes up to five characters."""
        return 5 * self.max_chunk_bytes + 2_048


class Status(NamedTuple):
    """A hello: the device is awake and holds `pending_count` images.

    `claimed_id` is the payload's `device_id` if the topic has another; `raw` is the message as JSON.
    """

    device_id: str
    claimed_id: str | None
    status: str
    pending_count: int | None = None
    pending_list: tuple[str, ...] = ()
    firmware_version: str | None = None
    uptime_s: int | None = None
    boot_count: int | None = None
    battery_mv: int | None = None
    battery_percent: float | None = None
    wifi_rssi_dbm: int | None = None
    free_heap_bytes: int | None = None
    raw: bytes = b"{}"


class Sensors(NamedTuple):
    """One reading, in the units of the database."""

    temperature_c: float | None = None
    humidity_pct: float | None = None
    pressure_hpa: float | None = None
    gas_kohm: float | None = None


class Metadata(NamedTuple):
    """The description of a capture, or a report that the device could take none.

    `captured_at` is in UTC. `error` is what a report says is wrong, such as `2`, `-1` or `camera timeout`;
    None for a picture. `claimed_id` and `raw` are as in Status.
    """

    device_id: str
    claimed_id: str | None
    image_name: str
    captured_at: datetime | None = None
    image_bytes: int | None = None
    total_chunks: int | None = None
    error: str | None = None
    sensors: Sensors = Sensors()
    image_id: str | None = None
    image_sha256: str | None = None
    location: str | None = None
    firmware_version: str | None = None
    raw: bytes = b"{}"

    @property
    def begins_a_capture(self) -> bool:
        """Whether it gives a number of chunks or an error; an empty repeat gives neither."""
        return self.total_chunks is not None or self.error is not None


class Chunk(NamedTuple):
    """One piece of an image; `chunk_id` counts from 0."""

    device_id: str
    claimed_id: str | None
    image_name: str
    chunk_id: int
    data: bytes


Message = Status | Metadata | Chunk


def decode(topic: str, payload: bytes, limits: Limits) -> Message:
    """Decode one message of a device; raise WireError (2100–2106) if it cannot be used."""
    device_id, kind = split_topic(topic)
    if len(payload) > limits.max_payload_bytes:
        raise WireError(ErrorCode.LIMIT_EXCEEDED, "payload too large", bytes=len(payload))
    if payload.count(b"[") + payload.count(b"{") > MAX_BRACKETS:
        raise WireError(ErrorCode.LIMIT_EXCEEDED, "too many objects and arrays", bytes=len(payload))
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise WireError(ErrorCode.NOT_JSON, "payload is not JSON", bytes=len(payload)) from None
    if type(fields) is not dict:
        raise WireError(ErrorCode.NOT_JSON, "payload is not a JSON object", bytes=len(payload))
    claimed = fields.get("device_id")
    claimed_id = None if claimed == device_id or claimed is None else _clip(str(claimed))
    if kind == "data":
        if "chunk_id" in fields:
            return _chunk(device_id, claimed_id, fields, limits)
        return _metadata(device_id, claimed_id, fields, payload, limits)
    return _status(device_id, claimed_id, fields, payload)


@lru_cache(maxsize=10_000)
def split_topic(topic: str) -> tuple[str, str]:
    """Split `ESP32CAM/{device}/{status|data}`; raise WireError for any other topic."""
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] != TOPIC_ROOT or parts[2] not in ("status", "data"):
        raise WireError(ErrorCode.METADATA_UNUSABLE, "not a topic of a device", topic=_clip(topic))
    if not is_device_id(parts[1]):
        raise WireError(
            ErrorCode.METADATA_UNUSABLE, "device in the topic is not letters and digits", topic=_clip(topic)
        )
    return parts[1], parts[2]


def _chunk(device_id: str, claimed_id: str | None, fields: dict[str, Any], limits: Limits) -> Chunk:
    image_name = _image_name(fields)
    chunk_id = fields["chunk_id"]
    if type(chunk_id) is not int or not 0 <= chunk_id < MAX_CHUNKS:
        raise WireError(
            ErrorCode.CHUNK_ID_OUT_OF_RANGE,
            "chunk_id out of range",
            image=image_name,
            chunk_id=_clip(str(chunk_id)),
        )
    payload = fields.get("payload")
    if type(payload) not in (str, list) or not payload:
        raise WireError(
            ErrorCode.CHUNK_WITHOUT_PAYLOAD, "chunk without payload", image=image_name, chunk_id=chunk_id
        )
    try:
        data = b64decode(payload, validate=True) if type(payload) is str else bytes(payload)
    except (Base64Error, TypeError, ValueError):
        raise WireError(
            ErrorCode.PAYLOAD_NOT_BASE64, "chunk payload is not base64", image=image_name, chunk_id=chunk_id
        ) from None
    if len(data) > limits.max_chunk_bytes:
        raise WireError(ErrorCode.LIMIT_EXCEEDED, "chunk too large", image=image_name, bytes=len(data))
    return Chunk(device_id, claimed_id, image_name, chunk_id, data)


def _metadata(
    device_id: str, claimed_id: str | None, fields: dict[str, Any], payload: bytes, limits: Limits
) -> Metadata:
    if len(payload) > MAX_METADATA_BYTES:
        raise WireError(ErrorCode.LIMIT_EXCEEDED, "metadata too large", bytes=len(payload))
    error = _error(fields.get("error"))
    # The device waits for an answer to its report, so neither name nor counts make a report unusable.
    nameless = error is not None and not is_image_name(fields.get("image_name"))
    image_name = NO_IMAGE if nameless else _image_name(fields)
    try:
        image_bytes, total_chunks = _counts(fields, limits, image_name)
    except WireError:
        if error is None:
            raise
        image_bytes = total_chunks = None
    sensors = fields.get("sensor_data")
    return Metadata(
        device_id,
        claimed_id,
        image_name,
        captured_at=parse_time(_first(fields, "capture_timeStamp", "capture_timestamp", "timestamp")),
        image_bytes=image_bytes,
        total_chunks=total_chunks,
        error=error,
        sensors=_sensors(sensors if type(sensors) is dict else fields),
        image_id=_text(fields.get("image_id")),
        image_sha256=_sha256(fields.get("image_sha256")),
        location=_text(fields.get("location")),
        firmware_version=_text(fields.get("firmware_version")),
        raw=_raw(fields),
    )


def _counts(fields: dict[str, Any], limits: Limits, image_name: str) -> tuple[int | None, int | None]:
    total = _first(fields, "total_chunk_count", "total_chunks_count")
    return (
        _bounded(fields.get("image_size"), limits.max_image_bytes, "image_size", image_name),
        _bounded(total, MAX_CHUNKS, "total_chunk_count", image_name),
    )


def _status(device_id: str, claimed_id: str | None, fields: dict[str, Any], payload: bytes) -> Status:
    if len(payload) > MAX_METADATA_BYTES:
        raise WireError(ErrorCode.LIMIT_EXCEEDED, "status too large", bytes=len(payload))
    names = fields.get("pending_list")
    uptime_ms = _integer(fields.get("uptime_ms"), 0, 2**53)
    battery_v = _number(fields.get("battery_voltage"), 0.0, 60.0)
    return Status(
        device_id,
        claimed_id,
        status=_text(fields.get("status")) or "unknown",
        pending_count=_integer(_first(fields, "pendingImg", "pending_count"), 0, 10**6),
        pending_list=tuple(
            name for name in (names if type(names) is list else ())[:10] if is_image_name(name)
        ),
        firmware_version=_text(fields.get("firmware_version")),
        uptime_s=uptime_ms // 1000
        if uptime_ms is not None
        else _integer(fields.get("uptime_seconds"), 0, 2**40),
        boot_count=_integer(fields.get("boot_count"), 0, 2**31 - 1),
        battery_mv=round(battery_v * 1000)
        if battery_v is not None
        else _integer(_first(fields, "battery_mv", "battery_voltage_mv"), 0, 60_000),
        battery_percent=_number(fields.get("battery_percent"), 0.0, 100.0),
        wifi_rssi_dbm=_integer(_first(fields, "wifi_rssi", "wifi_rssi_dbm"), -200, 100),
        free_heap_bytes=_integer(fields.get("free_heap_bytes"), 0, 2**40),
        raw=_raw(fields),
    )


def is_image_name(name: object) -> TypeGuard[str]:
    """Say whether `name` is 1–128 printable ASCII characters, no slash, backslash or leading dot."""
    return type(name) is str and _IMAGE_NAME.fullmatch(name) is not None


def is_device_id(name: str) -> bool:
    """Say whether `name` can be the device of a topic: 1–32 letters and digits."""
    return _DEVICE_ID.fullmatch(name) is not None


def _image_name(fields: dict[str, Any]) -> str:
    name = fields.get("image_name")
    if not is_image_name(name):
        raise WireError(ErrorCode.UNSAFE_IMAGE_NAME, "unsafe or missing image name", image=_clip(str(name)))
    return name


def parse_time(value: object) -> datetime | None:
    """Parse an ISO 8601 time, zero-padded or not (`2025-10-6T1:04:27Z`), to UTC; None if invalid.

    A time without a zone is taken as UTC.
    """
    match = _TIME.fullmatch(value.strip()) if type(value) is str and len(value) <= 40 else None
    if match is None:
        return None
    *digits, fraction, zone = match.groups()
    offset = timedelta()
    if zone not in (None, "Z", "z"):
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    year, month, day, hour, minute, second = map(int, digits)
    microsecond = int((fraction or "").ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, microsecond, timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _raw(fields: dict[str, Any]) -> bytes:
    """Return the message as JSON, or a placeholder if it contains NUL, which Postgres cannot store."""
    raw = orjson.dumps(fields)
    return raw if b"\\u0000" not in raw else b'{"unstorable":"contains NUL"}'


def _first(fields: dict[str, Any], *names: str) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _bounded(value: object, limit: int, name: str, image_name: str) -> int | None:
    """Read a count that bounds memory: None if missing, empty or 0; WireError if invalid or above `limit`."""
    if value in (None, "", 0):
        return None
    count = _integer(value, 1, 2**53)
    if count is None:
        raise WireError(
            ErrorCode.METADATA_UNUSABLE, f"{name} is not a count", image=image_name, value=_clip(str(value))
        )
    if count > limit:
        raise WireError(ErrorCode.LIMIT_EXCEEDED, f"{name} above {limit}", image=image_name, value=count)
    return count


def _number(value: object, low: float, high: float) -> float | None:
    if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type]
        return None
    return float(value) if low <= value <= high else None  # type: ignore[arg-type, operator]


def _integer(value: object, low: int, high: int) -> int | None:
    number = _number(value, low, high)
    return int(number) if number is not None and number.is_integer() else None


def _error(value: object) -> str | None:
    """Read the error of a report, whatever its type, as text: `2`, `-1`, `true`, `camera timeout`.

    None if there is no error. A whole number is the same text, whether it came as a number or as text.
    """
    if not value:
        return None
    text = value.strip() if type(value) is str else orjson.dumps(value).decode()
    if _WHOLE_NUMBER.fullmatch(text):
        text = str(int(text.partition(".")[0]))
    return None if text.lower() in _NO_ERROR else _clip(text)


def _text(value: object) -> str | None:
    if type(value) not in (str, int):
        return None
    # Postgres text cannot hold NUL, and control characters would garble log lines.
    return "".join(filter(str.isprintable, str(value)))[:MAX_NAME_LENGTH] or None


def _sha256(value: object) -> str | None:
    return value.lower() if type(value) is str and re.fullmatch(r"[0-9a-fA-F]{64}", value) else None


def _sensors(fields: dict[str, Any]) -> Sensors:
    values = {name: _number(fields.get(name), *bounds) for name, bounds in _SENSOR_BOUNDS.items()}
    gas = values["gas_resistance"]
    if gas is not None and gas >= _GAS_OHMS_FROM:
        gas = round(gas / 1000, 6)
    return Sensors(values["temperature"], values["humidity"], values["pressure"], gas)


def _clip(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:80])


def ack(device_id: str, image_name: str, next_wake_time: str | None) -> bytes:
    """Encode an ACK; `next_wake_time` is a 12-hour clock time such as `5:30PM`, None without a schedule."""
    body = {"next_wake_time": next_wake_time} if next_wake_time else {}
    return orjson.dumps({"device_id": device_id, "image_name": image_name, "ACK_OK": body})


def nack(device_id: str, image_name: str, missing_chunks: list[int]) -> bytes:
    """Encode a NACK: the request for the chunk ids that are missing."""
    return orjson.dumps({"device_id": device_id, "image_name": image_name, "missing_chunks": missing_chunks})


def topic(device_id: str, kind: str) -> str:
    """Return the topic `ESP32CAM/{device}/{kind}`; for messages to a device, `kind` is `ack` or `cmd`."""
    return f"{TOPIC_ROOT}/{device_id}/{kind}"
