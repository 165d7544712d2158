"""One attempt to send a picture to the service: the messages, their order and their content."""

from collections import deque
from collections.abc import Callable, Iterable
from random import Random
from typing import Literal, NamedTuple

from simulator.card import Image
from simulator.dialects import Dialect, encode_chunk, encode_metadata, encode_repeat
from simulator.faults import chunks_on_the_line
from simulator.options import FleetOptions

# Where the gap of a lost link begins: the same for all, so that devices that wake together lose it together.
GAP_BEGINS = 1 / 3


class Step(NamedTuple):
    """One message to send: the number of a chunk or a repeat, and how many chunks' time passes after it."""

    kind: Literal["metadata", "repeat", "chunk"]
    number: int
    slots: int = 1


class Offer:
    """The messages of one image in one wake, including resends.

    `data` holds the image's bytes. `loss` is the share of chunks that the line loses in this wake. `rng`
    returns an independent random generator for a purpose.
    """

    def __init__(
        self,
        device_id: str,
        options: FleetOptions,
        dialect: Dialect,
        image: Image,
        data: bytes,
        *,
        loss: float,
        rng: Callable[..., Random],
    ) -> None:
        self.image = image
        self.steps: deque[Step] = deque()
        self.chunks_lost = 0
        self.chunks_repeated = 0
        self._device_id = device_id
        self._options = options
        self._dialect = dialect
        self._data = data
        self._loss = loss
        self._rng = rng
        self._rounds = 0
        self._sent: set[int] = set()
        image.offers += 1
        self._plan()

    @property
    def pace(self) -> float:
        """Seconds between two chunks."""
        if self._options.image_seconds is not None:
            return self._options.image_seconds / max(1, self.image.chunks)
        return self._options.pace

    @property
    def distinct_sent(self) -> int:
        """How many different chunks were sent in this attempt."""
        return len(self._sent)

    def resend(self, chunk_ids: Iterable[int]) -> None:
        """Plan to send these chunks again; the line loses, repeats and reorders them as well."""
        wanted = list(chunk_ids)
        self.image.chunks_resent += len(wanted)
        self.steps.extend(Step("chunk", chunk_id) for chunk_id in self._over_the_line(wanted))

    def drop_chunks(self) -> None:
        """Drop the unsent chunks; keep the empty metadata, which firmware sends from a separate loop."""
        self.steps = deque(step for step in self.steps if step.kind == "repeat")

    def write(self, step: Step, now: float) -> bytes:
        """Return the payload of one step and count it as sent."""
        number = step.number
        if step.kind == "metadata":
            return encode_metadata(self._dialect, self._device_id, self.image.metadata)
        if step.kind == "repeat":
            return encode_repeat(self._dialect, self._device_id, self.image.metadata, number)
        size = self._options.chunk_size
        self.image.chunks_sent += 1
        self.image.last_chunk_at = now
        self._sent.add(number)
        self.image.left |= 1 << number
        part = self._data[number * size : (number + 1) * size]
        return encode_chunk(self._dialect, self._device_id, self.image.name, number, part, chunk_size=size)

    def _plan(self) -> None:
        """Plan all messages: the metadata comes after the first `metadata_late` chunks.

        Half of its empty repeats come between the remaining chunks, the other half after the last one.
        """
        if self.image.metadata.error:
            self.steps.append(Step("metadata", 0))
            return
        chunks = self._through_the_gap(self._over_the_line(range(self.image.chunks)))
        late = min(self._options.metadata_late, len(chunks))
        repeats = self._options.metadata_repeats
        if self.image.breaks_off:
            chunks = chunks[: max(1, int(len(chunks) * self.image.shot.cut))]
            repeats //= 2
        among = repeats // 2
        self.steps.extend(chunks[:late])
        self.steps.append(Step("metadata", 0))
        rest = chunks[late:]
        done = 0
        for position, step in enumerate(rest, 1):
            self.steps.append(step)
            while done < among and position * (among + 1) >= (done + 1) * len(rest):
                self.steps.append(Step("repeat", done))
                done += 1
        self.steps.extend(Step("repeat", number) for number in range(done, repeats))

    def _through_the_gap(self, chunk_ids: list[int]) -> list[Step]:
        """Return the chunks as steps, without those for whose time the link is lost."""
        count = round(len(chunk_ids) * self._options.lost_link)
        begin = min(int(len(chunk_ids) * GAP_BEGINS), len(chunk_ids) - count)
        before, after = chunk_ids[:begin], chunk_ids[begin + count :]
        self.chunks_lost += len(set(chunk_ids) - {*before, *after})
        steps = [Step("chunk", chunk_id) for chunk_id in (*before, *after)]
        if count and before:
            steps[begin - 1] = Step("chunk", before[-1], slots=1 + count)
        return steps

    def _over_the_line(self, chunk_ids: Iterable[int]) -> list[int]:
        wanted = list(chunk_ids)
        image, options = self.image, self._options
        rng = self._rng("line", image.name, image.captured_at, image.offers, self._rounds)
        self._rounds += 1
        leaving = chunks_on_the_line(
            wanted, rng, loss=self._loss, duplicates=options.duplicates, reorder=options.reorder
        )
        self.chunks_lost += len(wanted) - len(set(leaving))
        self.chunks_repeated += len(leaving) - len(set(leaving))
        return leaving
