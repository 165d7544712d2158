"""One device on the bench: its messages are collected, time is a number."""

import base64
import json

from simulator.alarm import DAY
from simulator.card import Camera
from simulator.clock import Clock
from simulator.device import Device
from simulator.dialects import DIALECTS
from simulator.options import FleetOptions
from simulator.pictures import load_photos
from simulator.state import State

EPOCH = 1_759_750_496.0  # 2025-10-06T11:34:56Z
MAC = "AABBCCDDEEFF"


class Bench:
    """Drives a device: `run(until)` lets time pass and connects it whenever it wakes."""

    def __init__(self, dialect="standard", seed=1, **options):
        self.options = FleetOptions(**{"chunk_size": 8192, "timeout": 10.0, "dialect": dialect, **options})
        self.clock = Clock(EPOCH, self.options.time_scale, EPOCH)
        self.events = []
        camera = Camera(MAC, self.options, load_photos(), self.clock, seed)
        self.device = Device(
            MAC, self.options, DIALECTS[dialect], camera, self.clock, sink=self.events.append
        )
        self.now = 0.0
        self.sent = []  # (time, channel, message)

    def run(self, until=0.0, *, connected=True):
        """Let the device act until the given time, and let it finish what it can send then."""
        while True:
            moment = min(self.device.next_send if connected else float("inf"), self.device.next_timer)
            if moment > until:
                break
            self.now = max(self.now, moment)
            for message in self.device.due(self.now, 1 if connected else 0):
                channel = message.topic.rpartition("/")[2]
                assert message.topic == f"ESP32CAM/{MAC}/{channel}"
                self.sent.append((self.now, channel, json.loads(message.payload)))
            if connected and self.device.state is State.CONNECTING:
                self.device.on_connected(self.now)
        self.now = max(self.now, until)
        return self

    def take(self):
        """Return the messages sent since the last call."""
        sent, self.sent = [message for _, _, message in self.sent], []
        return sent

    def hear(self, channel, payload=None, **message):
        raw = payload if payload is not None else json.dumps({"device_id": MAC, **message}).encode()
        self.device.on_message(f"ESP32CAM/{MAC}/{channel}", raw, self.now)
        return self.run(self.now)

    def ack(self, name, **answer):
        return self.hear("ack", image_name=name, ACK_OK=answer)

    def kinds(self):
        return [event.kind for event in self.events if event.kind != "chunk"]

    @property
    def state(self):
        return self.device.state


def chunks_of(messages):
    return {m["chunk_id"]: base64.b64decode(m["payload"]) for m in messages if "chunk_id" in m}


def metadata_of(messages):
    """Return the good metadata among messages, without its empty repeats."""
    return [m for m in messages if "chunk_id" not in m and m.get("image_size") and m.get("capture_timeStamp")]


__all__ = ["DAY", "EPOCH", "MAC", "Bench", "chunks_of", "metadata_of"]
