"""Compares the messages of one device with docs/protocol.md."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from core.errors import WireError
from core.settings import IntakeSettings
from core.wire import Chunk, Limits, Metadata, Status, decode, is_image_name
from operate.field.recording import Recorded
from operate.field.rules import RULES
from operate.field.tap import TO_DEVICES

_DEFAULTS: Final = IntakeSettings.model_fields
LIMITS: Final = Limits(_DEFAULTS["max_chunk_bytes"].default, _DEFAULTS["max_image_bytes"].default)
_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(hours=1)
_HELLO_AGAIN_MS: Final = 10_000
# The sums of whole pictures that are kept, and the pictures that may be open at a time.
_SUMS_KEPT: Final = 1_000
_OPEN_AT_MOST: Final = 64
_EXAMPLE_CHARACTERS: Final = 240
_SENSORS: Final = ("temperature", "humidity", "pressure", "gas_resistance")
_TIMES: Final = ("capture_timeStamp", "capture_timestamp", "timestamp")
_PADDED: Final = re.compile(r"\s*\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")


class Example(NamedTuple):
    """The first message that deviates: when it came (ms), and its text, cut to 240 characters."""

    ms: int
    text: str


@dataclass
class Report:
    """What a device sent, and for each rule that it breaks how often, with the first example."""

    hellos: int = 0
    pictures: int = 0
    chunks: int = 0
    messages: int = 0
    broken: dict[str, int] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)

    def note(self, rule: str, ms: int, message: bytes) -> None:
        """Count one deviation."""
        self.broken[rule] = self.broken.get(rule, 0) + 1
        if rule not in self.examples:
            text = message.decode(errors="replace")
            cut = text if len(text) <= _EXAMPLE_CHARACTERS else f"{text[: _EXAMPLE_CHARACTERS - 1]}…"
            self.examples[rule] = Example(ms, cut)


@dataclass
class _Picture:
    """One picture as it comes; `chunks` are its bytes by chunk_id."""

    name: str
    metadata: Metadata | None = None
    chunk_size: int | None = None
    chunks: dict[int, bytes] = field(default_factory=dict)
    last: tuple[int, bytes] = (0, b"")
    # What the last NACK named and has not come since, and whether any that a NACK named has come.
    asked: set[int] = field(default_factory=set)
    answered: bool = False

    @property
    def whole(self) -> bool:
        total = self.metadata.total_chunks if self.metadata else None
        return total is not None and len(self.chunks) >= total and set(range(total)) <= self.chunks.keys()


def examine(messages: Iterable[Recorded], began_at: datetime) -> Report:
    """Compare the messages of one device, in both directions, with the protocol.

    `began_at` is when `ms` was 0. Times and bytes are judged by what came; what was never asked for, such as
    whether the device hears a NACK, is not known and not told.
    """
    examination = _Examination(began_at)
    for message in messages:
        examination.take(message)
    return examination.end()


def worst_first(report: Report) -> list[tuple[str, int]]:
    """The rules that were broken, with how often: the harmful first, each grade in the order of `RULES`."""
    order = list(RULES)
    return sorted(
        report.broken.items(), key=lambda item: (RULES[item[0]].grade != "harmful", order.index(item[0]))
    )


class _Examination:
    def __init__(self, began_at: datetime) -> None:
        self._began_at = began_at
        self._report = Report()
        self._open: dict[str, _Picture] = {}
        self._sums: dict[str, str] = {}
        self._hello_at: int | None = None

    def take(self, message: Recorded) -> None:
        if message.kind in TO_DEVICES:
            self._told(message)
            return
        self._report.messages += 1
        self._delivery(message)
        try:
            decoded = decode(message.topic, message.payload, LIMITS)
        except WireError as error:
            self._note("unusable", message, f"{error.code}: {error}: ".encode() + message.payload)
            return
        fields = orjson.loads(message.payload)
        if decoded.claimed_id:
            self._note("another device", message)
        if isinstance(decoded, Status):
            self._each(message, self._hello(decoded, fields, message.ms))
        elif isinstance(decoded, Metadata):
            self._metadata(message, decoded, fields)
        else:
            self._chunk(message, decoded, fields)

    def end(self) -> Report:
        for picture in list(self._open.values()):
            self._finish(picture)
        return self._report

    def _note(self, rule: str, message: Recorded, text: bytes | None = None) -> None:
        self._report.note(rule, message.ms, message.payload if text is None else text)

    def _each(self, message: Recorded, rules: Iterable[str]) -> None:
        for rule in rules:
            self._note(rule, message)

    def _delivery(self, message: Recorded) -> None:
        if message.qos == 0:
            self._note("QoS 0", message)
        if message.retain:
            self._note("retained", message)
        device = message.device_id
        if not (len(device) == 12 and set(device) <= set("0123456789ABCDEF")):
            self._note("device name", message)

    def _hello(self, hello: Status, fields: dict[str, Any], ms: int) -> Iterator[str]:
        self._report.hellos += 1
        if fields.get("status") not in ("Alive", "alive"):
            yield "status word"
        if hello.pending_count is None:
            yield "pending missing"
        elif fields.get("pendingImg") is None:
            yield "pending name"
        names = fields.get("pending_list")
        if hello.pending_count and names is None:
            yield "no pending_list"
        if names is not None and (
            type(names) is not list or len(names) > 10 or not all(map(is_image_name, names))
        ):
            yield "pending names"
        if "battery_voltage" in fields or "battery_voltage_mv" in fields:
            yield "battery name"
        if self._hello_at is not None and ms - self._hello_at < _HELLO_AGAIN_MS:
            yield "hello again"
        self._hello_at = ms

    def _metadata(self, message: Recorded, metadata: Metadata, fields: dict[str, Any]) -> None:
        if not metadata.begins_a_capture:
            self._note("repeats", message)
            return
        name = metadata.image_name
        picture = self._open.get(name)
        if picture and picture.metadata and _differ(picture.metadata, metadata):
            self._finish(picture)
            picture = None
        if picture and picture.metadata:
            return  # the same again
        self._each(message, self._description(metadata, fields, message.ms))
        if metadata.error is not None:
            if type(fields.get("error")) is not int:
                self._note("error form", message)
            return
        self._report.pictures += 1
        picture = picture or self._begin(name)
        if picture.chunks:
            self._note("chunk early", message)
        picture.metadata = metadata
        picture.chunk_size = _whole(fields.get("max_chunks_size")) or _whole(fields.get("max_chunk_size"))
        if picture.chunk_size and metadata.image_bytes:
            expected = math.ceil(metadata.image_bytes / picture.chunk_size)
            if metadata.total_chunks != expected:
                self._note("count", message)
        picture.last = (message.ms, message.payload)

    def _description(self, metadata: Metadata, fields: dict[str, Any], ms: int) -> Iterator[str]:
        if metadata.captured_at is None:
            yield "no time"
        else:
            time = next(name for name in _TIMES if fields.get(name) is not None)
            if time != _TIMES[0]:
                yield "time name"
            if not _PADDED.match(fields[time]):
                yield "time form"
            came_at = self._began_at + timedelta(milliseconds=ms)
            if not _EARLIEST <= metadata.captured_at <= came_at + _AHEAD:
                yield "clock"
        if metadata.error is None:
            if fields.get("max_chunks_size") is None:
                yield "chunk size name"
            if fields.get("total_chunk_count") is None:
                yield "chunk count name"
            if metadata.image_sha256 is None:
                yield "no SHA-256"
        nested = fields.get("sensor_data")
        sensors = nested if type(nested) is dict else fields
        if type(nested) is dict:
            yield "nested sensors"
        gas = sensors.get("gas_resistance")
        if isinstance(gas, int | float) and 0 < gas < 1000:
            yield "gas unit"
        told = sum(isinstance(sensors.get(name), int | float) for name in _SENSORS)
        if told > sum(value is not None for value in metadata.sensors):
            yield "sensor bounds"

    def _chunk(self, message: Recorded, chunk: Chunk, fields: dict[str, Any]) -> None:
        self._report.chunks += 1
        if type(fields.get("payload")) is list:
            self._note("array", message)
        picture = self._open.get(chunk.image_name) or self._begin(chunk.image_name)
        number = chunk.chunk_id
        known = picture.chunks.get(number)
        asked = number in picture.asked
        picture.answered |= asked
        picture.asked.discard(number)
        if known is not None:
            if known != chunk.data:
                self._note("changed duplicate", message)
            elif not asked:
                self._note("duplicates", message)
            return
        if picture.chunks and not asked and number < max(picture.chunks):
            self._note("chunk order", message)
        total = picture.metadata.total_chunks if picture.metadata else None
        size = picture.chunk_size
        if total is not None and number >= total:
            self._note("from one" if number == total and 0 not in picture.chunks else "chunk beyond", message)
        if size and total and (len(chunk.data) > size or (number < total - 1 and len(chunk.data) < size)):
            self._note("chunk size", message)
        picture.chunks[number] = chunk.data
        picture.last = (message.ms, message.payload)

    def _told(self, message: Recorded) -> None:
        try:
            fields = orjson.loads(message.payload)
            picture = self._open.get(fields["image_name"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return
        if picture is None:
            return
        if isinstance(fields.get("missing_chunks"), list):
            picture.asked = set(filter(lambda number: type(number) is int, fields["missing_chunks"]))
        elif "ACK_OK" in fields:
            self._finish(picture)

    def _begin(self, name: str) -> _Picture:
        if len(self._open) >= _OPEN_AT_MOST:
            self._finish(next(iter(self._open.values())))
        self._open[name] = picture = _Picture(name)
        return picture

    def _finish(self, picture: _Picture) -> None:
        """Judge a picture that is over."""
        del self._open[picture.name]
        metadata = picture.metadata
        if metadata is None:
            return
        if not picture.whole:
            if picture.asked and not picture.answered:
                self._report.note("deaf to NACK", *picture.last)
            return
        image = b"".join(picture.chunks[number] for number in range(metadata.total_chunks or 0))
        digest = sha256(image).hexdigest()
        if metadata.image_bytes not in (None, len(image)):
            self._report.note("size", *picture.last)
        if metadata.image_sha256 not in (None, digest):
            self._report.note("SHA-256", *picture.last)
        if not (image.startswith(b"\xff\xd8") and image.rstrip(b"\0").endswith(b"\xff\xd9")):
            self._report.note("no JPEG", *picture.last)
        former = self._sums.pop(picture.name, None)
        if former == digest:
            self._report.note("deaf to ACK", *picture.last)
        elif former:
            self._report.note("name reused", *picture.last)
        self._sums[picture.name] = digest
        if len(self._sums) > _SUMS_KEPT:
            del self._sums[next(iter(self._sums))]


def _differ(first: Metadata, second: Metadata) -> bool:
    """Whether two descriptions are of different pictures."""
    return any(
        getattr(first, name) != getattr(second, name)
        for name in ("captured_at", "image_bytes", "total_chunks", "image_sha256")
    )


def _whole(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
