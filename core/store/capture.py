"""A capture as Redis holds it, parsed into frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal, TypedDict

from core.clock import to_datetime
from core.store.keys import CaptureRef
from core.store.story import Story
from core.store.story import parse as parse_story
from core.wire import Sensors

# The fleet took no picture before 2020: an earlier time means that the device's clock is not set.
CLOCK_SET_SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)
CLOCK_MAY_LEAD: Final = timedelta(days=1)


class State(StrEnum):
    """The state of a capture."""

    ARRIVING = "arriving"
    TIMED_OUT = "timed_out"
    LET_GO = "let_go"
    SUPERSEDED = "superseded"
    COMPLETE = "complete"
    FAILED = "failed"


class Notes(TypedDict, total=False):
    """The fields that a station (a step in `tasks/stations`) may note; they are those of Progress."""

    sha256: str
    stored_bytes: int
    damage: str
    storage_path: str
    thumbnail_path: str
    thumbnail_error: str
    width: int
    height: int
    figures: str
    quarantine_path: str
    stations: str
    recorded: int
    capture_id: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What the stations have finished, so that a retry continues from there.

    `stored_bytes` is the size of the image, `width` and `height` are in px, `damage` says what is wrong with
    its stream, `figures` how it looks, as JSON. `stations` are the times (ms) at which it was assembled,
    decoded and uploaded. `recorded` is 1 once the database has what the ACK will name, and `capture_id` is
    its row.
    """

    sha256: str | None = None
    stored_bytes: int | None = None
    damage: str | None = None
    storage_path: str | None = None
    thumbnail_path: str | None = None
    thumbnail_error: str | None = None
    width: int | None = None
    height: int | None = None
    figures: str | None = None
    quarantine_path: str | None = None
    stations: str | None = None
    recorded: int = 0
    capture_id: str | None = None


NOTES: Final = tuple(field.name for field in fields(Progress))
# Fields that are not text: the JSON of the device, and the ends of the chunks of an image that has failed.
_BYTES: Final = frozenset({b"metadata", b"ends"})
_NUMBERS: Final = frozenset({"stored_bytes", "width", "height", "recorded"})


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture: its state, what its metadata said, and what the stations have finished.

    Times that end in `_ms` are milliseconds since 1970. `device_time` is the capture time from the device,
    None if it sent none; `captured_at` is the time to use. `error` is what a report says is wrong, None for a
    picture. `beside` marks a report that came beside a picture of its name, which has the row of the capture
    time. `metadata` is the JSON of the first metadata. `damaged_sha256` is the SHA-256 of the last broken
    stream under this name; `asked_again` counts how often the device was asked for the whole image again.
    `tries` counts the tries that have failed. `failed_code` is the error of one that has failed for good.
    `heard` is what its story tells of how it came.
    """

    ref: CaptureRef
    state: State
    first_at_ms: int
    last_at_ms: int
    device_time: datetime | None
    image_bytes: int | None
    total_chunks: int | None
    error: str | None
    beside: bool
    image_id: str | None
    image_sha256: str | None
    location: str | None
    firmware_version: str | None
    sensors: Sensors
    metadata: bytes
    nacks: int
    damaged_sha256: str | None
    asked_again: int
    lease_until_ms: int
    tries: int
    failed_code: int | None
    progress: Progress
    heard: Story

    @property
    def arrived_at(self) -> datetime:
        """When the first message of the capture arrived, in UTC."""
        return to_datetime(self.first_at_ms)

    @property
    def captured_at(self) -> datetime:
        """The device's capture time, or the arrival time if that is missing, implausible or taken."""
        return self.device_time if self.device_time and self._has_device_time else self.arrived_at

    @property
    def captured_at_source(self) -> Literal["device", "arrival"]:
        """The source of `captured_at`."""
        return "device" if self._has_device_time else "arrival"

    @property
    def story(self) -> Story:
        """What is kept with its row of how it came and was handled."""
        if self.progress.stations is None:
            return self.heard
        ended = map(int, self.progress.stations.split(","))
        return {**self.heard, "stations": [at - self.first_at_ms for at in ended]}

    @property
    def _has_device_time(self) -> bool:
        time = self.device_time
        return (
            time is not None
            and not self.beside
            and CLOCK_SET_SINCE <= time <= self.arrived_at + CLOCK_MAY_LEAD
        )


def parse(ref: CaptureRef, hash_of: Mapping[bytes, bytes]) -> Capture:
    """Parse the hash of a capture, as the scripts in `lua/` write it."""
    text = {name.decode(): value.decode() for name, value in hash_of.items() if name not in _BYTES}
    state = State(text["state"]) if "state" in text else State.COMPLETE if ref.seal else State.ARRIVING
    notes: dict[str, Any] = {
        name: int(text[name]) if name in _NUMBERS else text[name] for name in NOTES if name in text
    }
    return Capture(
        ref,
        state,
        first_at_ms=int(text["first_at"]),
        last_at_ms=int(text["last_at"]),
        device_time=datetime.fromisoformat(text["captured"]) if "captured" in text else None,
        image_bytes=_integer(text, "image_bytes"),
        total_chunks=_integer(text, "total"),
        error=text.get("error"),
        beside="beside" in text,
        image_id=text.get("image_id"),
        image_sha256=text.get("image_sha256"),
        location=text.get("location"),
        firmware_version=text.get("firmware_version"),
        sensors=Sensors(*(float(text[name]) if name in text else None for name in Sensors._fields)),
        metadata=hash_of.get(b"metadata", b"{}"),
        nacks=int(text.get("nacks", 0)),
        damaged_sha256=text.get("damaged_sha256"),
        asked_again=int(text.get("asked_again", 0)),
        lease_until_ms=int(text.get("lease_until", 0)),
        tries=int(text.get("tries", 0)),
        failed_code=_integer(text, "failed_code"),
        progress=Progress(**notes),
        heard=parse_story(text),
    )


def _integer(text: dict[str, str], name: str) -> int | None:
    return int(text[name]) if name in text else None
