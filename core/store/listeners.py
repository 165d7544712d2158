"""The heartbeats of the listeners: that they live, and until when they have heard everything."""

from typing import Any, Final, NamedTuple

from redis import Redis

from core.store.connection import transient
from core.store.keys import LISTENERS

# A listener without a heartbeat for this long counts as dead, and its heartbeat is ignored.
LISTENER_LIFE_MS: Final = 15_000


class Heartbeat(NamedTuple):
    """When a listener wrote this (ms), and until when it had heard everything sent to it (ms)."""

    name: str
    written_ms: int
    heard_until_ms: int


class Listeners:
    """The heartbeats in one Redis; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def all(self) -> list[Heartbeat]:
        """Return the last heartbeat of each listener."""
        with transient():
            found: Any = self._redis.hgetall(LISTENERS)
        return [Heartbeat(name.decode(), *map(int, value.split())) for name, value in found.items()]

    def heard_until(self, now: int) -> int | None:
        """Return the time (ms) until which every live listener has heard everything; None if none lives.

        A device counts as silent only until this time: a chunk that still waits in a broker or in a listener
        is not missing.
        """
        alive = [beat for beat in self.all() if now - beat.written_ms < LISTENER_LIFE_MS]
        return min((beat.heard_until_ms for beat in alive), default=None)
