"""The streams: entries of the message log and of errors, on their way to the database.

Each item of a stream is a batch: a JSON array of entries that were appended together. Each entry has a key
of its own, by which the database ignores what it is sent twice.
"""

import secrets
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import orjson
from redis import Redis

from core.store.connection import transient
from core.store.keys import STREAM_TTL_S, Stream

# Batches reach the database within seconds, so this limit matters only in a long outage.
STREAM_LENGTH: Final = 10_000
# The rows of one device in the message log in a minute, from each process that writes some.
ROWS_PER_MINUTE: Final = 120
# Entries that are longer in all are several batches, so that a reader can bound what it takes.
BATCH_BYTES: Final = 2**16

Entry = dict[str, Any]


class StreamBatch(NamedTuple):
    """One item of a stream: its id, and its log or error entries."""

    id: str
    entries: list[Entry]


def message_entry(
    device_id: str | None, topic: str | None, direction: Literal["in", "out"], payload: Any, at_ms: int
) -> Entry:
    """Make a row of `device_publish_log`.

    `payload` is a JSON value, `at_ms` is when the (first) message was received or sent. `device_id` and
    `topic` are None in a row that speaks of several devices.
    """
    return {
        "key": _key(),
        "device_id": device_id,
        "topic": topic,
        "direction": direction,
        "payload": payload,
        "received_at_ms": at_ms,
    }


def error_entry(device_id: str, code: int, message: str, details: dict[str, Any], at_ms: int) -> Entry:
    """Make a row of `device_errors`."""
    return {
        "key": _key(),
        "device_id": device_id,
        "error_code": int(code),
        "message": message,
        "details": details,
        "occurred_at_ms": at_ms,
    }


def append_commands(stream: Stream, entries: list[Entry]) -> list[tuple[Any, ...]]:
    """Return the Redis commands that append entries to a stream, in batches of some BATCH_BYTES."""
    commands: list[tuple[Any, ...]] = [
        ("XADD", stream, "MAXLEN", "~", STREAM_LENGTH, "*", "records", batch) for batch in _batches(entries)
    ]
    return [*commands, ("EXPIRE", stream, STREAM_TTL_S)]


def _batches(entries: list[Entry]) -> Iterator[bytes]:
    batch: list[bytes] = []
    size = 0
    for entry in map(orjson.dumps, entries):
        if batch and size + len(entry) > BATCH_BYTES:
            yield b"[" + b",".join(batch) + b"]"
            batch, size = [], 0
        batch.append(entry)
        size += len(entry)
    yield b"[" + b",".join(batch) + b"]"


def _key() -> str:
    return secrets.token_urlsafe(12)


class Streams:
    """The streams in one Redis; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def append(self, stream: Stream, entries: list[Entry]) -> None:
        """Append entries to a stream."""
        with transient():
            for command in append_commands(stream, entries):
                self._redis.execute_command(*command)

    def oldest(self, stream: Stream, limit: int) -> list[StreamBatch]:
        """Return the oldest batches of a stream, at most `limit`."""
        with transient():
            found: Any = self._redis.xrange(stream, count=limit)
        return [StreamBatch(name.decode(), orjson.loads(fields[b"records"])) for name, fields in found]

    def delete(self, stream: Stream, ids: list[str]) -> None:
        """Delete batches that are in the database."""
        with transient():
            self._redis.xdel(stream, *ids)

    def trim(self, stream: Stream, batches: int) -> None:
        """Delete all but the newest `batches` of a stream."""
        with transient():
            self._redis.xtrim(stream, maxlen=batches, approximate=False)
