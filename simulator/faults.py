"""What the line does to chunk messages: loss, repetition and shuffling, all from one seeded generator."""

from collections.abc import Iterable
from random import Random

# A chunk that is overtaken arrives up to so many chunks later, a repeated one likewise.
REACH = 16


def chunks_on_the_line(
    chunk_ids: Iterable[int], rng: Random, *, loss: float, duplicates: float, reorder: float
) -> list[int]:
    """Return the chunk ids in the order in which they leave, some missing, some twice.

    The three shares are from 0 to 1, each drawn for each chunk on its own. The same generator state gives
    the same answer. Only ids that were given are returned, none more than twice.
    """
    placed: list[tuple[float, int, int]] = []
    for position, chunk_id in enumerate(chunk_ids):
        # All are drawn for each chunk, so that changing one share leaves the other draws as they were.
        lost, again, moved = rng.random() < loss, rng.random() < duplicates, rng.random() < reorder
        delay, echo = rng.uniform(1, REACH), rng.uniform(1, REACH)
        if lost:
            continue
        place = position + (delay if moved else 0.0)
        placed.append((place, position, chunk_id))
        if again:
            placed.append((place + echo, position, chunk_id))
    return [chunk_id for _, _, chunk_id in sorted(placed)]
