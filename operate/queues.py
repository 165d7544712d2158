"""Reads from Celery's broker how many messages wait in each queue, and for how long; it takes none."""

from dataclasses import dataclass
from typing import Final

import orjson
from redis import Redis

from core.clock import now_ms
from core.dispatch import CAPTURES_QUEUE, CONTROL_QUEUE, SENT_AT

QUEUES: Final = (CONTROL_QUEUE, CAPTURES_QUEUE)
# The hash in which kombu keeps the messages that workers have taken and not finished.
_TAKEN: Final = "unacked"


@dataclass(frozen=True)
class Queue:
    """A queue: the number of waiting messages, and the age of the oldest (s).

    The age is 0 if no message waits, and None if the oldest carries no time.
    """

    name: str
    waiting: int
    oldest_s: float | None


def read_queues(broker: Redis) -> list[Queue]:
    """Read the state of every queue; raises RedisError."""
    pipe = broker.pipeline(transaction=False)
    for name in QUEUES:
        pipe.llen(name)
        pipe.lindex(name, -1)  # kombu adds messages on the left, so the oldest is on the right
    answers = pipe.execute()
    return [
        Queue(name, waiting, _age(oldest))
        for name, waiting, oldest in zip(QUEUES, answers[::2], answers[1::2], strict=True)
    ]


def read_taken(broker: Redis) -> int:
    """Count the messages that workers hold; raises RedisError."""
    return int(broker.hlen(_TAKEN))


def _age(message: bytes | None) -> float | None:
    if message is None:
        return 0.0
    try:
        return max(0.0, (now_ms() - int(orjson.loads(message)["headers"][SENT_AT])) / 1000)
    except (KeyError, TypeError, ValueError):
        return None  # messages from beat carry no time; they expire within seconds
