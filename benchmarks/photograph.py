"""The load: one photograph of 51,000 bytes in 50 chunks; its messages are encoded once for a whole run."""

import base64
import io
import json
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image

from benchmarks import wire

PHOTO: Final = Path(__file__).parent.parent / "simulator" / "photos" / "coffee.jpg"
IMAGE_BYTES: Final = 51_000
CHUNKS: Final = 50
CHUNK_BYTES: Final = IMAGE_BYTES // CHUNKS
# The messages of one capture: the metadata and its chunks.
MESSAGES: Final = CHUNKS + 1
_NAME: Final = "image_{:06d}.jpg"
_PLACEHOLDER: Final = _NAME.format(0)


@cache
def photograph() -> bytes:
    """Return a valid JPEG of 800×600 pixels and exactly IMAGE_BYTES; a comment segment fills up the size."""
    with Image.open(PHOTO) as original:
        picture = original.convert("RGB").resize((800, 600))
    for quality in range(95, 30, -1):
        data = _save(picture, quality)
        # A comment segment has four bytes of marker and length, and at most 65,533 bytes of text.
        if len(data) <= IMAGE_BYTES - 4:
            return _save(picture, quality, comment=b"-" * (IMAGE_BYTES - 4 - len(data)))
    raise AssertionError("the photograph cannot be made small enough")


def _save(picture: Image.Image, quality: int, **options: bytes) -> bytes:
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=quality, **options)
    return output.getvalue()


def payloads(device_id: str, image_name: str = _PLACEHOLDER) -> list[bytes]:
    """Return the payloads of one capture as firmware sends them: the metadata, then the chunks in order."""
    image = photograph()
    metadata = {
        "device_id": device_id,
        "capture_timeStamp": "2025-10-04T12:34:56Z",
        "image_name": image_name,
        "image_size": IMAGE_BYTES,
        "max_chunks_size": CHUNK_BYTES,
        "total_chunk_count": CHUNKS,
        "location": "office_404",
        "error": 0,
        "temperature": 23.5,
        "humidity": 45.2,
        "pressure": 1013.25,
        "gas_resistance": 12345.67,
    }
    messages = [metadata] + [
        {
            "device_id": device_id,
            "image_name": image_name,
            "chunk_id": number,
            "max_chunk_size": CHUNK_BYTES,
            "payload": base64.b64encode(image[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]).decode(),
        }
        for number in range(CHUNKS)
    ]
    return [json.dumps(message).encode() for message in messages]


class CaptureTemplate:
    """The PUBLISH packets of one device's captures, which differ only in the image name."""

    def __init__(self, device_id: str) -> None:
        self.topic = f"ESP32CAM/{device_id}/data"
        self._payloads = payloads(device_id)
        # Packet ids begin at 2, because the subscription uses 1.
        self._packets = [
            wire.publish(self.topic, payload, message_id)
            for message_id, payload in enumerate(self._payloads, start=2)
        ]
        self._whole = b"".join(self._packets)

    def packets(self, number: int) -> bytes:
        """Return all packets of capture `number` as one byte string."""
        return _named(self._whole, number)

    def packet_list(self, number: int) -> list[bytes]:
        """Return the packets of capture `number` one by one."""
        return [_named(packet, number) for packet in self._packets]

    def payload_list(self, number: int) -> list[bytes]:
        """Return the payloads of capture `number` one by one."""
        return [_named(payload, number) for payload in self._payloads]


def _named(data: bytes, number: int) -> bytes:
    return data.replace(_PLACEHOLDER.encode(), _NAME.format(number).encode())


def device_ids(count: int, prefix: str = "BE") -> list[str]:
    """Return `count` device ids in the form of MAC addresses: a prefix and ten hexadecimal digits."""
    return [f"{prefix}{number:010X}" for number in range(count)]
