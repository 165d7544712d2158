"""From messages to one batch for Redis: decode, group, count, and report what cannot be used."""

import logging
from collections.abc import Iterable, Iterator
from typing import Final

from core.alarm import Alarm
from core.errors import ErrorCode, WireError
from core.store.keys import ERRORS, CaptureRef
from core.store.streams import Entry, error_entry
from core.wire import Chunk, Limits, Message, Metadata, Status, decode
from listener.batch import Batch
from listener.connection import Received
from listener.message_log import MessageLog
from listener.rate_limit import MINUTE_MS, RateLimit
from operate import metrics

log = logging.getLogger("listener")

# A device sends one hello per wake. Each hello costs a task and a database call, before any image.
HELLOS_PER_MINUTE: Final = 300
LONGEST_TOPIC: Final = 64

_alarm: Final = Alarm(log, "redis_full")
_STILL: Final = "the devices have the pictures, and offer them again"
_CHUNKS, _METADATA, _HELLOS = map(metrics.MESSAGES.labels, ("chunk", "metadata", "hello"))


class Receiver:
    """Turns messages of devices into operations of a batch; nothing that a device sends makes it raise."""

    def __init__(
        self,
        limits: Limits,
        rate_limit: RateLimit,
        message_log: MessageLog,
        messages_per_minute: int = 60_000,
        captures_per_minute: int = 300,
    ) -> None:
        self._limits = limits
        self._rate_limit = rate_limit
        self._flood_limit = RateLimit(messages_per_minute)
        self._hello_limit = RateLimit(HELLOS_PER_MINUTE)
        self._capture_limit = RateLimit(captures_per_minute)
        self._over_budget: set[str] = set()
        self._budget_ends = 0
        self._log = message_log
        self._turned_away = 0

    def fill(
        self, batch: Batch, messages: Iterable[Received], now: int, *, chunks_too: bool = True
    ) -> list[Status]:
        """Put the messages into the batch and return the hellos among them.

        Chunks of one capture are grouped; metadata keeps its place among them. Without `chunks_too` the
        chunks are turned away.
        """
        turned_away = 0
        hellos: list[Status] = []
        errors: list[Entry] = []
        chunks: dict[tuple[str, str], list[bytes | int]] = {}
        for received in self._worth_reading(messages, errors, now):
            try:
                message = decode(received.topic, received.payload, self._limits)
            except WireError as error:
                self._report(errors, received.topic, error, now)
                continue
            if message.claimed_id is not None:
                self._report(errors, received.topic, _differs(message), now)
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
            elif self._hello_limit.allows(message.device_id, now):
                hellos.append(message)
                self._log.hello(message, now)
            else:
                self._report(errors, received.topic, _too_many("status messages"), now)
        for key, pieces in chunks.items():
            self._put(batch, key, now, pieces)
        _HELLOS.inc(len(hellos))
        self._turn_away(turned_away)
        if errors:
            batch.append(ERRORS, errors)
        return hellos

    def pick(self, messages: Iterable[Received], now: int) -> tuple[list[Status], list[Received]]:
        """Return the hellos and the messages that begin a picture or report an error; turn chunks away."""
        hellos: list[Status] = []
        metadata: list[Received] = []
        chunks = 0
        for received in self._worth_reading(messages, [], now):
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
                    if self._hello_limit.allows(message.device_id, now):
                        hellos.append(message)
        self._turn_away(chunks)
        return hellos, metadata

    def completed(self, ref: CaptureRef, now: int) -> WireError | None:
        """Count a capture that is complete, each of which makes rows and objects.

        A device that has too many is not heard for the rest of the minute, and offers its images later.
        Returns the error to record, once.
        """
        device_id = ref.device_id
        if self._capture_limit.allows(device_id, now) or device_id in self._over_budget:
            return None
        self._over_budget.add(device_id)
        self._budget_ends = (now // MINUTE_MS + 1) * MINUTE_MS
        return _too_many("captures")

    def _is_beyond_budget(self, received: Received) -> bool:
        parts = received.topic.split("/")
        return parts[-1] == "data" and len(parts) == 3 and parts[1] in self._over_budget

    def _turn_away(self, chunks: int) -> None:
        if chunks:
            metrics.TURNED_AWAY.labels("chunk").inc(chunks)
            self._turned_away += chunks
            _alarm.sound(f"Redis is full: {self._turned_away} chunks turned away since the start; {_STILL}")

    def _worth_reading(
        self, messages: Iterable[Received], errors: list[Entry], now: int
    ) -> Iterator[Received]:
        """Skip the pings of listeners, and the messages on a topic beyond its limit per minute.

        The default of 60,000 a minute is many times what a camera can send. Dropping the rest unread is
        cheap, so a flooding device delays the others by no more than the messages of that limit.
        """
        if self._over_budget and now >= self._budget_ends:
            self._over_budget.clear()
        for received in messages:
            if received.topic.endswith("/ping") or (self._over_budget and self._is_beyond_budget(received)):
                continue
            # A longer topic is none of a device's; it would only take memory here.
            if self._flood_limit.allows(received.topic[:LONGEST_TOPIC], now):
                yield received
            else:
                self._report(errors, received.topic, _too_many("messages"), now)

    def _put(self, batch: Batch, key: tuple[str, str], now: int, pieces: list[bytes | int]) -> None:
        batch.chunks(CaptureRef(*key), now, pieces)
        count, size = len(pieces) // 2, sum(len(data) for data in pieces if isinstance(data, bytes))
        self._log.chunks(*key, count, size, now)
        _CHUNKS.inc(count)

    def _report(self, errors: list[Entry], topic: str, error: WireError, now: int) -> None:
        metrics.ERRORS.labels(int(error.code)).inc()
        parts = topic.split("/")
        device_id = parts[1][:32] if len(parts) == 3 else ""
        if self._rate_limit.allows(device_id, now):
            log.warning("%d %s", error.code, error.message, extra={"device": device_id, **_capture(error)})
            errors.append(error_entry(device_id, error.code, error.message, error.details, now))


def _differs(message: Message) -> WireError:
    return WireError(
        ErrorCode.DEVICE_ID_DIFFERS, "device_id differs from the topic", claimed=message.claimed_id
    )


def _too_many(what: str) -> WireError:
    return WireError(ErrorCode.LIMIT_EXCEEDED, f"too many {what} a minute")


def _capture(error: WireError) -> dict[str, str]:
    return {"capture": error.details["image"]} if "image" in error.details else {}
