"""What a device makes of a message from the service: bytes in, one frozen value out."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import orjson

from simulator.clock import read_clock_time, read_iso
from simulator.options import FleetOptions


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """ACK_OK; `sleep_seconds` until its next_wake_time, None where there is none or it has a `problem`."""

    image_name: str
    sleep_seconds: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """missing_chunks."""

    image_name: str
    chunk_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Capture:
    """capture_image."""

    def describe(self) -> str:
        """Name the command."""
        return "capture_image"


@dataclass(frozen=True, slots=True)
class SendImage:
    """send_image."""

    image_name: str

    def describe(self) -> str:
        """Name the command."""
        return f"send_image {self.image_name}"


@dataclass(frozen=True, slots=True)
class WakeAt:
    """next_wake, as seconds from now."""

    sleep_seconds: float
    text: str

    def describe(self) -> str:
        """Name the command."""
        return f"next_wake {self.text}"


@dataclass(frozen=True, slots=True)
class Custom:
    """A command that this firmware does not know; it goes unheeded."""

    keys: tuple[str, ...]

    def describe(self) -> str:
        """Name the command."""
        return f"unknown command {', '.join(self.keys)}"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A message that firmware cannot use, and why."""

    reason: str


Heard = Acknowledged | Missing | Capture | SendImage | WakeAt | Custom | Unusable


def hear(
    topic: str, payload: bytes, device_id: str, options: FleetOptions, *, zone: tzinfo, time: float
) -> Heard:
    """Read one message on a device's `ack` or `cmd` topic.

    Wake times are read against `time` (Unix). Any bytes give a value; nothing is raised.
    """
    try:
        message = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return Unusable(f"not JSON: {payload[:80]!r}")
    if not isinstance(message, dict) or message.get("device_id") != device_id:
        return Unusable(f"not an object with this device's id: {payload[:80]!r}")
    channel = topic.rpartition("/")[2]
    if channel == "ack" and "ACK_OK" in message:
        return _acknowledged(message, zone, time)
    if channel == options.nack_topic and "missing_chunks" in message:
        return _missing(message)
    if channel == "cmd" and "missing_chunks" not in message:
        return _command(message, options, zone, time)
    return Unusable(f"this firmware does not listen for that on {channel}: {payload[:80]!r}")


def _acknowledged(message: dict[str, Any], zone: tzinfo, time: float) -> Heard:
    name, answer = message.get("image_name"), message["ACK_OK"]
    if not isinstance(name, str) or not isinstance(answer, dict):
        return Unusable("ACK_OK is not an object, or has no image_name")
    text = answer.get("next_wake_time")
    if text is None:
        return Acknowledged(name, None)
    wake = read_clock_time(text, time, zone) if isinstance(text, str) else None
    if wake is None:
        return Acknowledged(name, None, f"next_wake_time that firmware cannot read: {text!r}")
    return Acknowledged(name, wake - time)


def _missing(message: dict[str, Any]) -> Heard:
    name, ids = message.get("image_name"), message["missing_chunks"]
    if not isinstance(name, str) or not isinstance(ids, list):
        return Unusable("missing_chunks is not a list, or has no image_name")
    if not all(type(chunk_id) is int for chunk_id in ids):
        return Unusable(f"missing_chunks for {name} holds something that is not a whole number")
    return Missing(name, tuple(ids))


def _command(message: dict[str, Any], options: FleetOptions, zone: tzinfo, time: float) -> Heard:
    if message.get("capture_image") is True:
        return Capture()
    name = message.get("send_image")
    if isinstance(name, str):
        return SendImage(name)
    if "next_wake" not in message:
        return Custom(tuple(key for key in message if key != "device_id"))
    text = message["next_wake"]
    wake = None
    if isinstance(text, str):
        wake = read_iso(text) if options.wake_form == "iso" else read_clock_time(text, time, zone)
    if wake is None:
        return Unusable(f"next_wake in a form that this firmware cannot read: {text!r}")
    return WakeAt(wake - time, text)
