"""The streams: entries of the message log and of errors, on their way to the database.

Each item of a stream is a batch: the JSON array of the entries that were appended together.
"""

from typing import Any, Final, Literal, NamedTuple

import orjson
from redis import Redis

from core.store.connection import transient
from core.store.keys import STREAM_TTL_S, Stream

# Batches reach the database within seconds, so this limit matters only in a long outage.
STREAM_LENGTH: Final = 10_000

Entry = dict[str, Any]


class StreamBatch(NamedTuple):
    """One item of a stream: its id, and its log or error entries."""

    id: str
    entries: list[Entry]


def message_entry(
    device_id: str, topic: str, direction: Literal["in", "out"], payload: Any, at_ms: int
) -> Entry:
    """Make a row of `device_publish_log`.

    `payload` is a JSON value, `at_ms` is when the message was received or sent.
    """
    return {
        "device_id": device_id,
        "topic": topic,
        "direction": direction,
        "payload": payload,
        "received_at_ms": at_ms,
    }


def error_entry(device_id: str, code: int, message: str, details: dict[str, Any], at_ms: int) -> Entry:
    """Make a row of `device_errors`."""
    return {
        "device_id": device_id,
        "error_code": int(code),
        "message": message,
        "details": details,
        "occurred_at_ms": at_ms,
    }


def append_commands(stream: Stream, entries: list[Entry]) -> list[tuple[Any, ...]]:
    """Return the Redis commands that append entries to a stream as one batch."""
    return [
        ("XADD", stream, "MAXLEN", "~", STREAM_LENGTH, "*", "records", orjson.dumps(entries)),
        ("EXPIRE", stream, STREAM_TTL_S),
    ]


class Streams:
    """The streams in one Redis; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def append(self, stream: Stream, entries: list[Entry]) -> None:
        """Append entries to a stream as one batch."""
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
