"""Faults of the network line for chunk messages: loss, duplicates and reordering, drawn from one seed."""

from collections.abc import Iterable
from random import Random

# A reordered chunk is delayed by at most this many chunks, and so is the second copy of a duplicate.
REACH = 16


def chunks_on_the_line(
    chunk_ids: Iterable[int], rng: Random, *, loss: float, duplicates: float, reorder: float
) -> list[int]:
    """Return the chunk ids in the order in which they are sent; some are missing, some appear twice.

    Each share is a probability from 0 to 1, drawn independently for each chunk. The same generator state
    gives the same result. The result holds only ids from `chunk_ids`, none more than twice.
    """
    placed: list[tuple[float, int, int]] = []
    for position, chunk_id in enumerate(chunk_ids):
        # Every value is drawn for every chunk, so that changing one share does not shift the other draws.
        lost, again, moved = rng.random() < loss, rng.random() < duplicates, rng.random() < reorder
        delay, echo = rng.uniform(1, REACH), rng.uniform(1, REACH)
        if lost:
            continue
        place = position + (delay if moved else 0.0)
        placed.append((place, position, chunk_id))
        if again:
            placed.append((place + echo, position, chunk_id))
    return [chunk_id for _, _, chunk_id in sorted(placed)]
