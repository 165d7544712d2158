"""What waits in Celery's queues, and for how long: read from the broker without taking anything."""

from dataclasses import dataclass
from typing import Final

import orjson
from redis import Redis

from core.clock import now_ms
from core.dispatch import CAPTURES_QUEUE, CONTROL_QUEUE, SENT_AT

QUEUES: Final = (CONTROL_QUEUE, CAPTURES_QUEUE)
# Where kombu keeps what workers have taken and not finished.
_TAKEN: Final = "unacked"


@dataclass(frozen=True)
class Queue:
    """A queue: how many messages wait, and how long the oldest has (s); None where it does not say."""

    name: str
    waiting: int
    oldest_s: float | None


def read_queues(broker: Redis) -> list[Queue]:
    """Look at every queue; raises RedisError."""
    pipe = broker.pipeline(transaction=False)
    for name in QUEUES:
        pipe.llen(name)
        pipe.lindex(name, -1)  # messages go in on the left
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
        return None  # beat's messages, which expire within seconds, carry no time
