"""The message log of the listener: what `device_publish_log` shows of the messages that came."""

from typing import Any, Final

from core.store.keys import LOG
from core.store.streams import Entry, message_entry
from core.wire import Chunk, topic
from listener.batch import Batch

# Beyond this the messages of one flush are counted only in the sums of their captures.
MAX_MESSAGES: Final = 5_000
MAX_BYTES: Final = 2**20


class MessageLog:
    """Collects entries until a batch takes them; of chunks it keeps sums for each capture, no bytes."""

    def __init__(self) -> None:
        self._messages: list[Entry] = []
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
        """Note a message of `size` bytes on the topic `name` that is not a chunk."""
        self._bytes += size
        if len(self._messages) < MAX_MESSAGES and self._bytes <= MAX_BYTES:
            self._messages.append(message_entry(device_id, name, "in", payload, now))

    def flush(self, batch: Batch) -> None:
        """Put what was collected into the batch, and begin anew."""
        for (device_id, image_name), (count, size, since) in self._chunks.items():
            payload = {"image_name": image_name, "chunks": count, "bytes": size}
            self._messages.append(message_entry(device_id, topic(device_id, "data"), "in", payload, since))
        if self._messages:
            batch.append(LOG, self._messages)
            self._messages, self._chunks, self._bytes = [], {}, 0
