"""The events that a fleet reports while it runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal[
    "wake",  # the device is awake and connects to the broker
    "hello",  # the status message was sent; `total` is the number of images on the card
    "command",  # a command arrived; `detail` names it
    "capture",  # a picture was taken and written to the SD card
    "metadata",  # the complete metadata was sent; `total` is the number of chunks
    "chunk",  # one chunk was sent; `sent` of `total` distinct chunks so far
    "nack",  # missing_chunks arrived; `missing` holds the ids
    "ack",  # ACK_OK arrived; `latency_ms` since the last chunk was sent
    "deleted",  # the image was deleted from the SD card
    "partial",  # the device goes to sleep after the first chunks of an image
    "hung",  # a wait ended without an answer; `detail` says what the device waited for
    "offline",  # the wake ended without a usable connection
    "error",  # the device could not take a picture, or got a message it cannot use
    "sleep",  # the device sleeps; `detail` is its next wake by its own clock, in ISO 8601
    "silent",  # the device will not be heard again
    "finished",  # the device has done everything it was asked to do
]


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One event on one device.

    `at` is in real seconds since the run began. Fields that the kind does not use keep their defaults.
    """

    device_id: str
    kind: EventKind
    at: float
    image_name: str = ""
    sent: int = 0
    total: int = 0
    missing: tuple[int, ...] = ()
    latency_ms: float | None = None
    detail: str = ""


EventSink = Callable[[DeviceEvent], None]
