"""The message log of the listener: entries of `device_publish_log` for the messages that arrived."""

from typing import Any, Final

from core.store.keys import LOG
from core.store.streams import Entry, message_entry
from core.wire import Chunk, topic
from listener.batch import Batch

# Beyond these limits one flush leaves messages out; the sums of the chunks stay complete.
MAX_MESSAGES: Final = 5_000
MAX_BYTES: Final = 2**20


class MessageLog:
    """Collects entries until a batch takes them; for chunks it keeps only sums for each capture."""

    def __init__(self) -> None:
        self._messages: list[Entry] = []
        self._bytes = 0
        self._chunks: dict[tuple[str, str], list[int]] = {}

    def chunk(self, chunk: Chunk, now: int) -> None:
        """Add a chunk to the sums of its capture."""
        sums = self._chunks.get((chunk.device_id, chunk.image_name))
        if sums is None:
            self._chunks[chunk.device_id, chunk.image_name] = [1, len(chunk.data), now]
        else:
            sums[0] += 1
            sums[1] += len(chunk.data)

    def message(self, name: str, device_id: str, payload: Any, now: int, size: int = 0) -> None:
        """Note a message of `size` bytes that is not a chunk; `name` is its topic."""
        self._bytes += size
        if len(self._messages) < MAX_MESSAGES and self._bytes <= MAX_BYTES:
            self._messages.append(message_entry(device_id, name, "in", payload, now))

    def flush(self, batch: Batch) -> None:
        """Move the collected entries into the batch."""
        for (device_id, image_name), (count, size, since) in self._chunks.items():
            payload = {"image_name": image_name, "chunks": count, "bytes": size}
            self._messages.append(message_entry(device_id, topic(device_id, "data"), "in", payload, since))
        if self._messages:
            batch.append(LOG, self._messages)
            self._messages, self._chunks, self._bytes = [], {}, 0
