"""The queues of Celery's broker, as operators see them."""

from dataclasses import dataclass
from typing import Final

from redis import Redis

from core.dispatch import ASIDE, CAPTURES_QUEUE, CONTROL_QUEUE
from core.queues import Waiting, read_waiting

QUEUES: Final = (CONTROL_QUEUE, CAPTURES_QUEUE, *ASIDE)


@dataclass(frozen=True)
class Queue:
    """A queue: the number of waiting messages, and the age of the oldest (s).

    The age is 0 if no message waits, and None if the oldest carries no time.
    """

    name: str
    waiting: int
    oldest_s: float | None


def read_queues(broker: Redis, now: int) -> list[Queue]:
    """Read the state of every queue at `now` (ms); raises RedisError."""
    found = read_waiting(broker, *QUEUES)
    return [
        Queue(name, waiting.number, _age_s(waiting, now)) for name, waiting in zip(QUEUES, found, strict=True)
    ]


def _age_s(waiting: Waiting, now: int) -> float | None:
    match waiting.oldest_sent_ms:
        case None:
            return 0.0
        case 0:
            return None
        case sent_ms:
            return max(0.0, (now - sent_ms) / 1000)
