"""A device that does exactly what a test tells it to: bytes on the wire, and what comes back."""

import base64
import hashlib
import io
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from random import Random

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image

CHUNK = 512


def photograph(rng: Random, size: int = 40) -> bytes:
    """A JPEG that no other call gives."""
    data = io.BytesIO()
    Image.frombytes("RGB", (size, size), rng.randbytes(size * size * 3)).save(data, "JPEG", quality=80)
    return data.getvalue()


class Picture:
    """One image with its chunks and its good metadata."""

    def __init__(self, name: str, data: bytes, taken: datetime | None = None, **metadata: object) -> None:
        self.name = name
        self.data = data
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.taken = (taken or datetime.now(UTC) - timedelta(seconds=5)).replace(microsecond=0)
        self.chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
        self.metadata = {
            "capture_timeStamp": f"{self.taken:%Y-%m-%dT%H:%M:%SZ}",
            "image_name": name,
            "image_size": len(data),
            "max_chunks_size": CHUNK,
            "total_chunk_count": len(self.chunks),
            "location": "lab",
            "error": 0,
            "temperature": 21.5,
        } | metadata


class Wire:
    """One device on the broker."""

    def __init__(self, port: int, device_id: str) -> None:
        self.device_id = device_id
        self.heard: list[tuple[float, dict]] = []
        self.changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"wire{device_id}")
        subscribed = threading.Event()
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(f"ESP32CAM/{device_id}/+", 1)
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert subscribed.wait(10)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, kind: str, payload: bytes | dict) -> None:
        """Send one message and wait for the broker's PUBACK."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(f"ESP32CAM/{self.device_id}/{kind}", data, qos=1).wait_for_publish(30)

    def describe(self, picture: Picture, **more: object) -> None:
        """Send the metadata."""
        self.publish("data", {"device_id": self.device_id, **picture.metadata, **more})

    def send(self, picture: Picture, *numbers: int) -> None:
        """Send chunks, all where none are named."""
        for number in numbers or range(len(picture.chunks)):
            payload = base64.b64encode(picture.chunks[number]).decode()
            fields = {"device_id": self.device_id, "image_name": picture.name, "chunk_id": number}
            self.publish("data", {**fields, "payload": payload})

    def offer(self, picture: Picture) -> None:
        """Send an image as a device does."""
        self.describe(picture)
        self.send(picture)

    def acks(self, name: str) -> list[float]:
        """When ACKs for this image came."""
        return [at for at, message in self.heard if "ACK_OK" in message and message["image_name"] == name]

    def nacks(self, name: str) -> list[tuple[float, list[int]]]:
        """When chunks of this image were asked for, and which."""
        return [
            (at, message["missing_chunks"])
            for at, message in self.heard
            if "missing_chunks" in message and message["image_name"] == name
        ]

    def wait(self, condition, timeout: float = 30) -> bool:
        """Wait until a condition on what was heard holds."""
        with self.changed:
            return self.changed.wait_for(condition, timeout)

    def wait_ack(self, name: str, number: int = 1, timeout: float = 30) -> None:
        """Wait for an ACK, the second or third one if need be."""
        assert self.wait(lambda: len(self.acks(name)) >= number, timeout), f"{name} was not acknowledged"

    def _on_message(self, _client, _data, message) -> None:
        if message.topic.endswith(("/ack", "/cmd")):
            with self.changed:
                self.heard.append((time.monotonic(), json.loads(message.payload)))
                self.changed.notify_all()
