"""From messages to one batch for Redis: decode, group, count, and report what cannot be used."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from core.alarm import Alarm
from core.errors import ErrorCode, WireError
from core.rate_limit import RateLimit
from core.settings import IntakeSettings
from core.store.keys import ERRORS, CaptureRef
from core.wire import Chunk, Limits, Message, Metadata, Status, decode, split_topic
from listener.batch import Batch
from listener.buttons import Buttons
from listener.connection import Received
from listener.error_log import ErrorLog
from listener.message_log import MessageLog
from operate import metrics

log = logging.getLogger("listener")

# A device sends one hello per wake. Each hello costs a task and a database call, before any image.
HELLOS_PER_MINUTE: Final = 300

_alarm: Final = Alarm(log, "redis_full")
_STILL: Final = "the devices have the pictures, and offer them again"
_CHUNKS, _METADATA, _HELLOS = map(metrics.MESSAGES.labels, ("chunk", "metadata", "hello"))


class Receiver:
    """Turns messages of devices into operations of a batch; nothing that a device sends makes it raise."""

    def __init__(
        self, settings: IntakeSettings, errors: ErrorLog, message_log: MessageLog, buttons: Buttons
    ) -> None:
        self._limits = Limits(settings.max_chunk_bytes, settings.max_image_bytes)
        self._messages = RateLimit(settings.messages_per_minute)
        self._bytes = RateLimit(settings.bytes_per_minute)
        self._hellos = RateLimit(HELLOS_PER_MINUTE)
        self._captures = RateLimit(settings.captures_per_minute)
        self._errors = errors
        self._log = message_log
        self._buttons = buttons
        self._turned_away = 0

    def fill(
        self, batch: Batch, messages: Iterable[Received], now: int, *, chunks_too: bool = True
    ) -> list[Status]:
        """Put the messages into the batch and return the hellos among them, the last one of each device.

        Chunks of one capture are grouped; metadata keeps its place among them. Without `chunks_too` the
        chunks are turned away.
        """
        turned_away = 0
        hellos: dict[str, Status] = {}
        chunks: dict[tuple[str, str], list[bytes | int]] = {}
        for device_id, received in self._within_budget(messages, now):
            try:
                message = decode(received.topic, received.payload, self._limits)
            except WireError as error:
                self._errors.add(device_id, error, now)
                continue
            if message.claimed_id is not None:
                self._errors.add(device_id, _differs(message), now)
            if isinstance(message, Chunk) and not chunks_too:
                turned_away += 1
                continue
            if isinstance(message, Chunk):
                key = (message.device_id, message.image_name)
                pieces = chunks.setdefault(key, [])
                pieces.append(message.chunk_id)
                pieces.append(message.data)
                continue
            if isinstance(message, Metadata):
                key = (message.device_id, message.image_name)
                if earlier := chunks.pop(key, None):
                    self._put(batch, key, now, earlier)
                batch.metadata(message, now)
                self._log.metadata(message, now)
                _METADATA.inc()
            else:
                hellos[device_id] = message
                self._log.hello(message, now)
                _HELLOS.inc()
        for key, pieces in chunks.items():
            self._put(batch, key, now, pieces)
        self._turn_away(turned_away)
        if errors := self._errors.take():
            batch.append(ERRORS, errors)
        return list(hellos.values())

    def pick(self, messages: Iterable[Received], now: int) -> tuple[list[Status], list[Received]]:
        """Return the hellos as `fill` does, and what begins a picture or is a report; turn chunks away."""
        hellos: dict[str, Status] = {}
        metadata: list[Received] = []
        chunks = 0
        for device_id, received in self._within_budget(messages, now):
            try:
                message = decode(received.topic, received.payload, self._limits)
            except WireError:
                continue
            match message:
                case Chunk():
                    chunks += 1
                case Metadata():
                    if message.begins_a_capture:
                        metadata.append(received)
                case Status():
                    hellos[device_id] = message
        self._turn_away(chunks)
        self._errors.take()  # there is no room for them
        return list(hellos.values()), metadata

    def begun(self, device_id: str, now: int) -> None:
        """Count a capture or report that has begun, or an ACK that is sent again: each makes rows.

        A device with too many is not heard for the rest of that minute or day, and offers its images later.
        """
        if refusal := self._captures.refuses(device_id, now):
            self._errors.add_beyond(device_id, "captures", refusal, now)

    def _turn_away(self, chunks: int) -> None:
        if chunks:
            metrics.TURNED_AWAY.labels("chunk").inc(chunks)
            self._turned_away += chunks
            _alarm.sound(f"Redis is full: {self._turned_away} chunks turned away since the start; {_STILL}")

    def _within_budget(self, messages: Iterable[Received], now: int) -> Iterator[tuple[str, Received]]:
        """Yield each message with its device; skip pings, buttons, and what is beyond a budget.

        Dropping that unread is cheap, so a flooding device delays the others by no more than its budget. A
        topic is looked at before it is counted: what is none of a device's takes no place among them.
        """
        for received in messages:
            if received.topic.endswith("/ping"):
                continue
            try:
                device_id, kind = split_topic(received.topic)
            except WireError as error:
                if not self._buttons.take(received.topic, received.payload, now):
                    self._errors.add("", error, now)
                continue
            if kind == "status":
                budget, refusal = "hellos", self._hellos.refuses(device_id, now)
            else:
                budget, refusal = "captures", self._captures.refused(device_id, now)
                if refusal is None:
                    budget, refusal = "messages", self._messages.refuses(device_id, now)
                if refusal is None:
                    budget, refusal = "bytes", self._bytes.refuses(device_id, now, len(received.payload))
            if refusal is None:
                yield device_id, received
            else:
                self._errors.add_beyond(device_id, budget, refusal, now)

    def _put(self, batch: Batch, key: tuple[str, str], now: int, pieces: list[bytes | int]) -> None:
        batch.chunks(CaptureRef(*key), now, pieces)
        count, size = len(pieces) // 2, sum(len(data) for data in pieces if isinstance(data, bytes))
        self._log.chunks(*key, count, size, now)
        _CHUNKS.inc(count)


def _differs(message: Message) -> WireError:
    return WireError(
        ErrorCode.DEVICE_ID_DIFFERS, "device_id differs from the topic", claimed=message.claimed_id
    )
