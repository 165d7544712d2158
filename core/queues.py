"""What waits in the queues of Celery's broker: how many messages, and since when. Nothing is taken out."""

from typing import Any, Final, NamedTuple

import orjson
from redis import Redis

from core.dispatch import SENT_AT

# The hash in which kombu keeps the messages that workers have taken and not finished.
_TAKEN: Final = "unacked"


class Waiting(NamedTuple):
    """The messages in a queue, and when the oldest of them was sent (ms since 1970).

    `oldest_sent_ms` is None if no message waits, and 0 if the oldest carries no time.
    """

    number: int
    oldest_sent_ms: int | None


def read_waiting(broker: Redis, *queues: str) -> list[Waiting]:
    """Read what waits in each of the queues; raises RedisError."""
    pipe = broker.pipeline(transaction=False)
    for name in queues:
        pipe.llen(name)
        pipe.lindex(name, -1)  # kombu adds messages on the left, so the oldest is on the right
    answers: list[Any] = pipe.execute()
    return [Waiting(*pair) for pair in zip(answers[::2], map(_sent_ms, answers[1::2]), strict=True)]


def read_taken(broker: Redis) -> int:
    """Count the messages that workers hold; raises RedisError."""
    return int(broker.hlen(_TAKEN))


def _sent_ms(message: bytes | None) -> int | None:
    if message is None:
        return None
    try:
        return int(orjson.loads(message)["headers"][SENT_AT])
    except (KeyError, TypeError, ValueError):
        return 0  # messages from beat carry no time
