"""What is wrong with the service itself, in words; `fleet status` shows the same in figures."""

from collections.abc import Iterator
from typing import Final

from redis import Redis

from core.store import memory
from core.store.breakers import SERVICES, is_open
from core.store.connection import transient
from core.store.listeners import Listeners
from operate.queues import read_queues

# Work that waits longer than this (s), and messages that are read later, are a trouble.
LATE_S: Final = 300


def read_troubles(redis: Redis, broker: Redis, now: int, limit_mb: int) -> list[str]:
    """Say what is wrong at `now` (ms), a clause for each trouble; raises Transient.

    `limit_mb` is REDIS_MEMORY_MB. Everybody may read the clauses: they tell of nobody's devices.
    """
    return [
        *_of_listeners(Listeners(redis), now),
        *_of_queues(broker, now),
        *(f"Supabase's {service} does not answer" for service in SERVICES if is_open(redis, service)),
        *(["Redis is full, and pictures are turned away"] if memory.is_full(redis, limit_mb) else []),
    ]


def _of_listeners(listeners: Listeners, now: int) -> Iterator[str]:
    heard_until = listeners.heard_until(now)
    if heard_until is None:
        yield "no listener is running"
    elif not any(beat.serves(now) for beat in listeners.all()):
        yield "no listener is served by the MQTT broker"
    elif now - heard_until > 1000 * LATE_S:
        yield f"what devices send is read {_minutes((now - heard_until) / 1000)} late"


def _of_queues(broker: Redis, now: int) -> Iterator[str]:
    with transient():
        queues = read_queues(broker, now)
    for queue in queues:
        if queue.oldest_s is not None and queue.oldest_s > LATE_S:
            yield f"work has waited in the queue {queue.name} for {_minutes(queue.oldest_s)}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
