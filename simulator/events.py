"""What a fleet reports while it runs, one small value per happening."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

EventKind = Literal[
    "wake",  # the device is awake and reaches for the broker
    "hello",  # status message sent
    "command",  # a command arrived; `detail` names it
    "capture",  # a picture was taken and written to the SD card
    "metadata",  # the good metadata was sent; `total` is the number of chunks
    "chunk",  # one chunk was sent; `sent` of `total` distinct chunks so far
    "nack",  # missing_chunks arrived; `missing` holds the ids
    "ack",  # ACK_OK arrived; `latency_ms` since the last chunk was sent
    "deleted",  # the image was deleted from the SD card
    "hung",  # a wait ended without an answer; `detail` says for what
    "offline",  # the wake passed without a connection
    "error",  # the device could not take a picture, or got a message it cannot use
    "sleep",  # the device sleeps; `detail` is its next wake on its own clock, ISO 8601
    "finished",  # the device has done all it was asked to
]


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One happening on one device.

    `at` is in real seconds since the run began. Fields that do not belong to the kind keep their defaults.
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
