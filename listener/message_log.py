"""The message log of the listener: rows of `device_publish_log` for the messages that arrived.

A capture is one row. Real devices repeat their metadata 40 times and send chunks for 30 s, so its messages
are summed up here until it has been quiet for some seconds, and written then. Of two listeners in a shared
group each writes a row with its part; the counts add up. A listener that is killed loses its unwritten sums.

No flood makes many rows or takes much memory: what is beyond the bounds is counted in one summary row a
minute.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from core.rate_limit import MINUTE_MS, RateLimit
from core.store.keys import LOG
from core.store.streams import ROWS_PER_MINUTE, Entry, message_entry
from core.wire import Metadata, Status, topic
from listener.batch import Batch

# The rows of all devices in one flush.
MAX_ROWS: Final = 2_000
# The captures that have sums at a time, of one device and of all.
CAPTURES_PER_DEVICE: Final = 32
MAX_CAPTURES: Final = 10_000
# The bytes of metadata and hellos that are kept.
MAX_BYTES: Final = 4 * 2**20
# A capture that is never quiet is written after this time, and its sums begin again.
LONGEST_MS: Final = 300_000
# The summary row names this many devices.
DEVICES_NAMED: Final = 10


@dataclass(slots=True)
class _Sums:
    """What has arrived of one capture; the times are in ms since 1970."""

    device_id: str
    image_name: str
    began_at: int
    last_at: int
    identity: tuple[Any, ...] | None = None
    metadata: bytes = b""
    metadata_at: int = 0
    metadata_count: int = 0
    repeats: int = 0
    chunks: int = 0
    bytes: int = 0
    first_chunk_at: int = 0
    last_chunk_at: int = 0
    longest_gap_ms: int = 0

    def add_chunks(self, count: int, size: int, now: int) -> None:
        """Add chunks that arrived together."""
        if self.chunks:
            self.longest_gap_ms = max(self.longest_gap_ms, now - self.last_chunk_at)
        else:
            self.first_chunk_at = now
        self.chunks += count
        self.bytes += size
        self.last_chunk_at = self.last_at = now

    @property
    def messages(self) -> int:
        """The number of messages in these sums."""
        return self.metadata_count + self.repeats + self.chunks

    def payload(self) -> dict[str, Any]:
        """Return the payload of the row; times are in ms after the first message."""
        payload: dict[str, Any] = {"image_name": self.image_name}
        if self.metadata_count:
            payload["metadata"] = orjson.loads(self.metadata)
        payload |= {"metadata_count": self.metadata_count, "repeats": self.repeats}
        payload |= {"chunks": self.chunks, "bytes": self.bytes}
        if self.metadata_count:
            payload["metadata_ms"] = self.metadata_at - self.began_at
        if self.chunks:
            payload["first_chunk_ms"] = self.first_chunk_at - self.began_at
            payload["last_chunk_ms"] = self.last_chunk_at - self.began_at
            payload["longest_gap_ms"] = self.longest_gap_ms
        return payload | {"last_ms": self.last_at - self.began_at}


@dataclass(slots=True)
class _LeftOut:
    """The messages beyond the bounds since `since` (ms), and the first devices among their senders."""

    since: int = 0
    messages: int = 0
    devices: dict[str, None] = field(default_factory=dict)

    def add(self, device_id: str, messages: int, now: int) -> None:
        """Count messages of a device."""
        self.since = self.since or now
        self.messages += messages
        if len(self.devices) < DEVICES_NAMED:
            self.devices[device_id] = None

    def entry(self) -> Entry:
        """Return the summary row."""
        payload = {"left_out": self.messages, "devices": list(self.devices)}
        return message_entry(None, None, "in", payload, self.since)


class MessageLog:
    """Sums up captures and collects rows until a batch takes them."""

    def __init__(self, quiet_ms: int) -> None:
        self._quiet_ms = quiet_ms
        self._sums: dict[str, dict[str, _Sums]] = {}
        self._captures = 0
        self._bytes = 0
        self._rows: list[Entry] = []
        self._limit = RateLimit(ROWS_PER_MINUTE)
        self._left_out = _LeftOut()
        self._next_summary = 0

    def chunks(self, device_id: str, image_name: str, count: int, size: int, now: int) -> None:
        """Note `count` chunks of a capture, with `size` bytes in all."""
        sums = self._sums_of(device_id, image_name, now)
        if sums is None:
            self._left_out.add(device_id, count, now)
        else:
            sums.add_chunks(count, size, now)

    def metadata(self, metadata: Metadata, now: int) -> None:
        """Note metadata. If it describes another picture than the sums of that name, they end."""
        device_id, image_name = metadata.device_id, metadata.image_name
        begins, identity = metadata.begins_a_capture, _identity(metadata)
        known = self._sums.get(device_id, {}).get(image_name)
        if known and begins and known.identity not in (None, identity):
            self._end(known, now)
        sums = self._sums_of(device_id, image_name, now)
        if sums is None:
            self._left_out.add(device_id, 1, now)
            return
        sums.last_at = now
        if not begins:
            sums.repeats += 1
            return
        sums.metadata_count += 1
        if sums.identity is None:
            sums.identity, sums.metadata_at, sums.metadata = identity, now, self._keep(metadata.raw)

    def hello(self, status: Status, now: int) -> None:
        """Note a hello; its row is written with the next flush."""
        if self._may_add_row(status.device_id, now):
            payload = orjson.loads(self._keep(status.raw))
            name = topic(status.device_id, "status")
            self._rows.append(message_entry(status.device_id, name, "in", payload, now))
        else:
            self._left_out.add(status.device_id, 1, now)

    def flush(self, batch: Batch, now: int) -> None:
        """Put the rows of hellos, and of captures that are quiet now, into the batch."""
        ended = [sums for sums in self._all() if self._is_over(sums, now)]
        # What is too much for this flush waits for the next one.
        for sums in ended[: MAX_ROWS - len(self._rows)]:
            self._end(sums, now)
        if self._left_out.messages and now >= self._next_summary:
            self._next_summary = now + MINUTE_MS
            self._add_summary()
        self._move(batch)

    def close(self, batch: Batch, now: int) -> None:
        """Put everything into the batch, because the listener stops."""
        for sums in list(self._all()):
            if len(self._rows) == MAX_ROWS:
                self._move(batch)
            self._end(sums, now)
        if self._left_out.messages:
            self._add_summary()
        self._move(batch)

    def _all(self) -> Iterator[_Sums]:
        return (sums for own in self._sums.values() for sums in own.values())

    def _is_over(self, sums: _Sums, now: int) -> bool:
        return now - sums.last_at >= self._quiet_ms or now - sums.began_at >= LONGEST_MS

    def _sums_of(self, device_id: str, image_name: str, now: int) -> _Sums | None:
        """Return the sums of a capture; None if there are too many to begin new ones."""
        own = self._sums.get(device_id, {})
        if image_name in own:
            return own[image_name]
        if len(own) >= CAPTURES_PER_DEVICE:
            self._end(next(iter(own.values())), now)
        if self._captures >= MAX_CAPTURES:
            return None
        sums = _Sums(device_id, image_name, now, now)
        self._sums.setdefault(device_id, {})[image_name] = sums
        self._captures += 1
        return sums

    def _end(self, sums: _Sums, now: int) -> None:
        """Make the sums of a capture a row, or count their messages as left out."""
        device_id = sums.device_id
        own = self._sums[device_id]
        del own[sums.image_name]
        if not own:
            del self._sums[device_id]
        self._captures -= 1
        if self._may_add_row(device_id, now):
            name = topic(device_id, "data")
            self._rows.append(message_entry(device_id, name, "in", sums.payload(), sums.began_at))
        else:
            self._left_out.add(device_id, sums.messages, now)

    def _may_add_row(self, device_id: str, now: int) -> bool:
        return len(self._rows) < MAX_ROWS and self._limit.allows(device_id, now)

    def _keep(self, raw: bytes) -> bytes:
        """Return a message, or a note of its size if too many bytes are kept already."""
        if self._bytes + len(raw) > MAX_BYTES:
            return orjson.dumps({"omitted_bytes": len(raw)})
        self._bytes += len(raw)
        return raw

    def _add_summary(self) -> None:
        self._rows.append(self._left_out.entry())
        self._left_out = _LeftOut()

    def _move(self, batch: Batch) -> None:
        if self._rows:
            batch.append(LOG, self._rows)
            self._rows = []
        self._bytes = sum(len(sums.metadata) for sums in self._all())


def _identity(metadata: Metadata) -> tuple[Any, ...]:
    return (
        metadata.captured_at,
        metadata.total_chunks,
        metadata.image_bytes,
        metadata.image_sha256,
        metadata.error,
    )
