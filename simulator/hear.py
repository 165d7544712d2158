"""How a device reads a message from the service: it turns the bytes into one frozen value."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import orjson

from simulator.clock import read_clock_time, read_iso
from simulator.options import FleetOptions


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An `ACK_OK`.

    `sleep_seconds` is the time until its `next_wake_time`. It is None if the message has no such time, or
    if the time cannot be read, which `problem` then explains.
    """

    image_name: str
    sleep_seconds: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A NACK: `missing_chunks` with the ids of the chunks that the device must send again."""

    image_name: str
    chunk_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Capture:
    """The command `capture_image`: take a picture and send it."""

    def describe(self) -> str:
        """Name the command."""
        return "capture_image"


@dataclass(frozen=True, slots=True)
class SendImage:
    """The command `send_image`: send a picture that is on the card."""

    image_name: str

    def describe(self) -> str:
        """Name the command."""
        return f"send_image {self.image_name}"


@dataclass(frozen=True, slots=True)
class WakeAt:
    """The command `next_wake`: sleep for `sleep_seconds`; `text` is the time as it was received."""

    sleep_seconds: float
    text: str

    def describe(self) -> str:
        """Name the command."""
        return f"next_wake {self.text}"


@dataclass(frozen=True, slots=True)
class Custom:
    """A command that this firmware does not know and ignores; `keys` holds the message's field names."""

    keys: tuple[str, ...]

    def describe(self) -> str:
        """Name the command."""
        return f"unknown command {', '.join(self.keys)}"


@dataclass(frozen=True, slots=True)
class Unusable:
    """A message that firmware cannot use; `reason` says why."""

    reason: str


Heard = Acknowledged | Missing | Capture | SendImage | WakeAt | Custom | Unusable


def hear(
    topic: str, payload: bytes, device_id: str, options: FleetOptions, *, zone: tzinfo, time: float
) -> Heard:
    """Read one message from a device's `ack` or `cmd` topic.

    Wake times are relative to `time` (Unix time); 12-hour times are in `zone`. Raises nothing: bytes that
    are not a usable message give `Unusable`.
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
