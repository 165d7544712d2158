"""What the listeners say of themselves: that they live, and up to when they have heard everything."""

from typing import Any, Final, NamedTuple

from redis import Redis

from core.store.connection import transient
from core.store.keys import LISTENERS, LISTENERS_TTL_S

# A listener that has written nothing for this long is dead, and what it had heard no longer counts.
LISTENER_LIFE_MS: Final = 15_000


class Heartbeat(NamedTuple):
    """What one listener wrote: when (ms), and up to when it had heard all that was sent to it (ms)."""

    name: str
    written_ms: int
    heard_until_ms: int


def heartbeat_commands(beat: Heartbeat) -> list[tuple[Any, ...]]:
    """Give the Redis commands that note a heartbeat."""
    return [
        ("HSET", LISTENERS, beat.name, f"{beat.written_ms} {beat.heard_until_ms}"),
        ("EXPIRE", LISTENERS, LISTENERS_TTL_S),
    ]


class Listeners:
    """The heartbeats on one Redis; raises Transient."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def all(self) -> list[Heartbeat]:
        """Read the last heartbeat of each listener."""
        with transient():
            found: Any = self._redis.hgetall(LISTENERS)
        return [Heartbeat(name.decode(), *map(int, value.split())) for name, value in found.items()]

    def heard_until(self, now: int) -> int | None:
        """Give the time (ms) until which every live listener has heard all; None where none lives.

        Silence counts only as far as the listeners have listened: what still waits in a broker or in a
        listener is not missing.
        """
        alive = [beat for beat in self.all() if now - beat.written_ms < LISTENER_LIFE_MS]
        return min((beat.heard_until_ms for beat in alive), default=None)
