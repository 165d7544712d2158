"""A generator of messages that no device should send: each begins as a good one and goes wrong somewhere."""

import base64
import io
import json
from random import Random

from PIL import Image


def _picture() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 100, 50)).save(output, "JPEG")
    return output.getvalue()


PICTURE = _picture()
DEVICES = ("AABBCCDDEEFF", "QUICKTEST999", "fleet", "X" * 32)
NAMES = (
    "image_1.jpg", "a b.jpg", "..", ".", "../../etc/passwd", "a/b.jpg", "a\\b.jpg", "\x00.jpg", "\n", "", " ",
    "x" * 128, "x" * 129, "x" * 300, "ımage.jpg", "ⅈmage_1.jpg", "im\u202eage.jpg", "%2e%2e%2f", ".hidden",
    "--", "a?b#c", "image_1.jpg\u0000", "\ud83d\ude00", "con", "image_1.jpg/", "~", "'; drop table captures; --",
)  # fmt: skip
VALUES = (
    None, True, False, 0, 1, -1, 3, 2**31, 2**53, 2**63, 2**64, 10**30, -(10**30), 0.5, 1e308, -1e308, 1e-320,
    "", "0", "12", "NaN", "x" * 4000, [], {}, [[]], {"a": {"b": []}}, [1] * 300, "2025-10-6T1:04:27Z",
    "1970-01-01T00:00:00Z", "9999-99-99T99:99:99Z", "0001-01-01T00:00:00+23:59", "\u0000", "\ud800".encode(
        "utf-8", "surrogatepass").decode("utf-8", "replace"), "٢٠٢٥-01-01T00:00:00Z", 45_678, 1024,
)  # fmt: skip
FIELDS = (
    "device_id", "image_name", "capture_timeStamp", "capture_timestamp", "timestamp", "image_size",
    "max_chunks_size", "max_chunk_size", "total_chunk_count", "total_chunks_count", "location", "error",
    "temperature", "humidity", "pressure", "gas_resistance", "sensor_data", "image_id", "image_sha256",
    "firmware_version", "chunk_id", "payload", "status", "pendingImg", "pending_count", "pending_list",
    "uptime_ms", "uptime_seconds", "boot_count", "battery_mv", "battery_voltage", "battery_voltage_mv",
    "battery_percent", "wifi_rssi", "wifi_rssi_dbm", "free_heap_bytes", "unheard_of",
)  # fmt: skip
RAW = (
    b"", b"\x00", b"null", b"[]", b"{", b"}", b"\xff\xfe{}", b'{"a":' * 400 + b"1" + b"}" * 400, b"[" * 3000,
    b'{"image_name": NaN}', b'{"total_chunk_count": 1e999, "image_name": "a.jpg"}', b'"text"', b"123",
    b'{"image_name": "a.jpg", "image_name": "../b.jpg", "total_chunk_count": 1}', b"\xef\xbb\xbf{}",
)  # fmt: skip


def message(rng: Random) -> tuple[str, bytes]:
    """Give a topic and a payload."""
    topic = f"ESP32CAM/{rng.choice(DEVICES)}/{'status' if rng.random() < 0.2 else 'data'}"
    shape = rng.random()
    if shape < 0.1:
        return _topic(rng), rng.choice(RAW)
    if shape < 0.2:
        return topic, rng.randbytes(rng.randrange(200))
    if shape < 0.3:
        return topic, rng.choice(RAW)
    fields = _good(rng)
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4))):
        fields[rng.choice(FIELDS)] = rng.choice(VALUES)
    payload = bytearray(json.dumps(fields).encode())
    if rng.random() < 0.1:
        payload[rng.randrange(len(payload))] = rng.randrange(256)
    if rng.random() < 0.05:
        del payload[rng.randrange(len(payload)) :]
    return topic, bytes(payload)


def _good(rng: Random) -> dict:
    number = rng.randrange(30)
    name = rng.choice(NAMES) if rng.random() < 0.1 else f"image_{number}.jpg"
    total = 1 + number % 3
    kind = rng.random()
    if kind < 0.6:
        chunk_id = rng.randrange(total)
        size = -(-len(PICTURE) // total)
        data = PICTURE[chunk_id * size : (chunk_id + 1) * size]
        if rng.random() < 0.1:
            data = rng.randbytes(rng.choice((1, 10, 100, 1024)))
        payload = list(data) if rng.random() < 0.1 else base64.b64encode(data).decode()
        return {
            "image_name": name,
            "chunk_id": chunk_id,
            "payload": payload,
        }
    if kind < 0.8:
        said = {
            "image_name": name,
            "total_chunk_count": total,
            "capture_timeStamp": f"2025-10-{rng.randrange(1, 9)}T1:04:{rng.randrange(60)}Z",
            "temperature": 21.5,
        }
        if rng.random() < 0.3:
            said |= {
                "image_size": rng.choice((len(PICTURE), 1)),
                "error": rng.choice((0, 2, "camera timeout")),
            }
        return said if rng.random() < 0.7 else dict.fromkeys(said)  # a repeat of real firmware
    return {"device_id": "AABBCCDDEEFF", "status": "Alive", "pendingImg": rng.randrange(5)}


def _topic(rng: Random) -> str:
    return rng.choice(
        (
            "ESP32CAM//data",
            "ESP32CAM/../data",
            "ESP32CAM/a b/data",
            f"ESP32CAM/{'Y' * 33}/data",
            f"ESP32CAM/{'Y' * rng.choice((64, 65, 1_000, 60_000))}/data",
            "ESP32CAM/\u00e9\u4e2d/status",
            "ESP32CAM/\ufffe/status",
            "ESP32CAM/{0}/data",
            "ESP32CAM/A:B/data",
            "?",
        )
    )
