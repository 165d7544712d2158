"""A tiny service for the simulator's tests: collects chunks, asks for missing ones, acknowledges images.

It knows the wire from protocol.md alone, so that it and the simulator do not share a mistake in code.
"""

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

TIME_KEYS = ("capture_timeStamp", "capture_timestamp", "timestamp")
COUNT_KEYS = ("total_chunk_count", "total_chunks_count")


def mosquitto_path():
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Broker:
    """A Mosquitto of the test's own on loopback."""

    def __init__(self, folder: Path, lines=(), port=None):
        self.port = port or free_port()
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._config.write_text(
            "\n".join(
                [
                    "persistence false",
                    # Started by root it would become another user, who cannot read a test's files.
                    *(["user root"] if os.geteuid() == 0 else []),
                    "max_queued_messages 100000",
                    *([] if lines else ["allow_anonymous true"]),
                    f"listener {self.port} 127.0.0.1",
                    *lines,
                ]
            )
            + "\n"
        )
        listeners = (line.split() for line in lines if line.startswith("listener "))
        self._ports = [self.port, *(int(words[1]) for words in listeners)]
        self._process = None

    def start(self):
        self._process = subprocess.Popen(
            [mosquitto_path(), "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 10
        while not all(map(listens, self._ports)):
            assert self._process.poll() is None, "mosquitto ended"
            assert time.monotonic() < deadline, "mosquitto does not listen"
            threading.Event().wait(0.02)

    def stop(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


@dataclass
class Capture:
    """One image as the service sees it arrive."""

    metadata: dict | None = None
    chunks: dict = field(default_factory=dict)
    last_heard: float = 0.0
    done: bool = False


def read_bytes(payload):
    return bytes(payload) if isinstance(payload, list) else base64.b64decode(payload, validate=True)


class ScriptedService:
    """Answers devices by the protocol; `stored` maps (device, image name, capture time) to SHA-256.

    `silence` is how long a capture must be quiet before its missing chunks are asked for. `on_hello` gets
    (device, message) and returns the payloads to send on cmd. `answers` False makes it deaf. `next_wake` goes
    into ACK_OK.
    """

    def __init__(
        self, port, *, silence=0.15, on_hello=None, answers=True, next_wake=None, nack_topic="ack", **login
    ):
        self.stored = {}
        self.hellos = defaultdict(list)
        self.messages = []
        self.refused = []
        self.asked = defaultdict(list)
        self.answers = answers
        self.next_wake = next_wake
        self.after_ack = None
        self._silence = silence
        self._nack_topic = nack_topic
        self._on_hello = on_hello
        self._captures = defaultdict(Capture)
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"service-{port}", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [("ESP32CAM/+/status", 1), ("ESP32CAM/+/data", 1)]
        )
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        if login:
            self._client.username_pw_set(**login)
        self._client.connect("127.0.0.1", port)
        self._sweeper = threading.Thread(target=self._sweep)

    def __enter__(self):
        self._client.loop_start()
        assert self._subscribed.wait(10)
        self._sweeper.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._sweeper.join()
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, device, channel, **message):
        payload = json.dumps({"device_id": device, **message})
        self._client.publish(f"ESP32CAM/{device}/{channel}", payload, qos=1)

    def _on_message(self, _client, _userdata, message):
        _, device, channel = message.topic.split("/")
        body = json.loads(message.payload)
        with self._lock:
            self.messages.append((device, channel, body))
            if channel == "status":
                self.hellos[device].append(body)
                for command in self._on_hello(device, body) if self._on_hello else ():
                    self.send(device, "cmd", **command)
                return
            capture = self._captures[device, body["image_name"]]
            capture.last_heard = time.monotonic()
            if "chunk_id" in body:
                capture.chunks[body["chunk_id"]] = read_bytes(body["payload"])
            elif any(body.get(key) for key in TIME_KEYS):
                self._on_metadata(device, body, capture)
            self._finish(device, body["image_name"])

    def _on_metadata(self, device, body, capture):
        if body["error"]:
            self.refused.append((device, body["image_name"], body["error"]))
            return
        if capture.done:
            capture = self._captures[device, body["image_name"]] = Capture(chunks={})
        capture.metadata = body

    def _finish(self, device, name):
        capture = self._captures[device, name]
        metadata = capture.metadata
        if metadata is None or capture.done or not self.answers:
            return
        count = next(metadata[key] for key in COUNT_KEYS if key in metadata)
        if len(capture.chunks) < count:
            return
        data = b"".join(capture.chunks[i] for i in range(count))
        told = metadata.get("image_sha256")
        digest = hashlib.sha256(data).hexdigest()
        if (
            len(data) != metadata["image_size"]
            or not data.startswith(b"\xff\xd8")
            or (told is not None and told != digest)
        ):
            self.refused.append((device, name, "broken"))
            self._captures[device, name] = Capture()
            return
        captured_at = next(metadata[key] for key in TIME_KEYS if key in metadata)
        self.stored[device, name, captured_at] = digest
        capture.done = True
        capture.chunks = {}
        self.send(
            device,
            "ack",
            image_name=name,
            ACK_OK={"next_wake_time": self.next_wake} if self.next_wake else {},
        )
        if self.after_ack is not None:
            for command in self.after_ack(device, name):
                self.send(device, "cmd", **command)

    def _sweep(self):
        while not self._stopping.wait(0.05):
            with self._lock:
                for (device, name), capture in self._captures.items():
                    if capture.done or capture.metadata is None or not self.answers:
                        continue
                    if time.monotonic() - capture.last_heard < self._silence:
                        continue
                    count = next(capture.metadata[key] for key in COUNT_KEYS if key in capture.metadata)
                    missing = [i for i in range(count) if i not in capture.chunks]
                    capture.last_heard = time.monotonic()
                    self.asked[device, name].append(missing)
                    self.send(device, self._nack_topic, image_name=name, missing_chunks=missing)
