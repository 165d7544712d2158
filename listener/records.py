"""What is written down beside the chunks: every message in short, and errors at a bounded rate."""

from typing import Any

from core.batch import Batch
from core.keys import LOG
from core.protocol import Chunk, topic

MINUTE_MS = 60_000
# So many devices have a rate limit of their own; beyond that all others share one.
MAX_DEVICES = 100_000


def error_record(
    device_id: str, code: int, message: str, details: dict[str, Any], now: int
) -> dict[str, Any]:
    """Describe one row of `device_errors`; `now` in ms."""
    return {
        "device_id": device_id,
        "error_code": int(code),
        "message": message,
        "details": details,
        "occurred_at_ms": now,
    }


class RateLimit:
    """So many a minute for each device, and `in_all` for all: what is broken cannot fill the database."""

    def __init__(self, per_minute: int, in_all: int | None = None) -> None:
        self._per_minute = per_minute
        self._in_all = in_all
        self._allowed = 0
        self._minute = 0
        self._counts: dict[str, int] = {}

    def allows(self, device_id: str, now: int) -> bool:
        """Count one and say whether it is within the limits."""
        if now // MINUTE_MS != self._minute:
            self._minute = now // MINUTE_MS
            self._counts.clear()
            self._allowed = 0
        key = device_id if device_id in self._counts or len(self._counts) < MAX_DEVICES else ""
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] > self._per_minute or self._allowed == self._in_all:
            return False
        self._allowed += 1
        return True


class MessageLog:
    """Collects what `device_publish_log` shows; of chunks it keeps sums for each capture, no bytes."""

    # Beyond this the messages of one flush are counted only in the sums of their captures.
    MAX_MESSAGES = 5_000
    MAX_BYTES = 2**20

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._bytes = 0
        self._chunks: dict[tuple[str, str], list[int]] = {}

    def chunk(self, chunk: Chunk, now: int) -> None:
        """Count a chunk."""
        sums = self._chunks.get((chunk.device_id, chunk.image_name))
        if sums is None:
            self._chunks[chunk.device_id, chunk.image_name] = [1, len(chunk.data), now]
        else:
            sums[0] += 1
            sums[1] += len(chunk.data)

    def message(self, name: str, device_id: str, payload: Any, now: int, size: int = 0) -> None:
        """Note a message of `size` bytes that is not a chunk."""
        self._bytes += size
        if len(self._messages) < self.MAX_MESSAGES and self._bytes <= self.MAX_BYTES:
            self._messages.append(_entry(name, device_id, payload, now))

    def flush(self, batch: Batch) -> None:
        """Put what was collected into the batch, as one entry, and begin anew."""
        for (device_id, image_name), (count, size, since) in self._chunks.items():
            payload = {"image_name": image_name, "chunks": count, "bytes": size}
            self._messages.append(_entry(topic(device_id, "data"), device_id, payload, since))
        if self._messages:
            batch.record(LOG, self._messages)
            self._messages, self._chunks, self._bytes = [], {}, 0


def _entry(name: str, device_id: str, payload: Any, now: int) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "topic": name,
        "direction": "in",
        "payload": payload,
        "received_at_ms": now,
    }
