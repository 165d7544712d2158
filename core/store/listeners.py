"""The heartbeats of the listeners: that they live, and until when they have heard everything.

Each listener has a session at the broker that outlives it. Listeners with one client id have one session,
and the youngest of them has it. The heartbeat of a dead one stays until its session is taken over, or has
expired.
"""

from typing import Any, Final, NamedTuple

from redis import Redis

from core.store.connection import transient
from core.store.keys import LISTENERS, TURNED_AWAY, TURNED_AWAY_TTL_S

# A listener without a heartbeat for this long counts as dead.
LISTENER_LIFE_MS: Final = 15_000
# A listener pings itself this often, so at rest the last ping that has come back is up to this old.
PING_EVERY_MS: Final = 1_000
# What is left in the session of a dead one is not missing yet: a living one takes it over within this time.
TAKEN_OVER_MS: Final = 60_000


class Heartbeat(NamedTuple):
    """When a listener wrote this (ms), and until when it had heard everything sent to it (ms).

    `name` is its client id, `@`, and when it started, in hexadecimal ms.
    """

    name: str
    written_ms: int
    heard_until_ms: int

    @property
    def client_id(self) -> str:
        """The name of its session."""
        return self.name.partition("@")[0]

    @property
    def behind_s(self) -> float | None:
        """How far it was behind the broker (s), 0 if it kept up; None if it has heard nothing yet."""
        if not self.heard_until_ms:
            return None
        late_ms = self.written_ms - self.heard_until_ms - PING_EVERY_MS
        return late_ms / 1000 if late_ms > PING_EVERY_MS else 0.0

    def alive(self, now: int) -> bool:
        """Whether its listener lives."""
        return now - self.written_ms < LISTENER_LIFE_MS

    def serves(self, now: int) -> bool:
        """Whether its listener lives, and the broker has served it."""
        return self.alive(now) and self.heard_until_ms > 0


class Listeners:
    """The heartbeats in one Redis; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def all(self) -> list[Heartbeat]:
        """Return the last heartbeat of each session, that of its youngest listener."""
        with transient():
            found: Any = self._redis.hgetall(LISTENERS)
        beats = [Heartbeat(name.decode(), *map(int, value.split())) for name, value in found.items()]
        return list({beat.client_id: beat for beat in sorted(beats)}.values())

    def heard_until(self, now: int) -> int | None:
        """Return the time (ms) until which every listener has heard everything; None if none lives.

        A device counts as silent only until this time: a chunk that still waits in a broker or in a listener
        is not missing.
        """
        beats = self.all()
        if not any(beat.alive(now) for beat in beats):
            return None
        # A time that is yet to come was noted before Redis' clock was set back.
        return min(now, *(beat.heard_until_ms for beat in beats if now - beat.written_ms < TAKEN_OVER_MS))

    def turn_away(self, now: int) -> None:
        """Note that chunks are turned away at this time (ms), or were until now."""
        with transient():
            self._redis.set(TURNED_AWAY, now, ex=TURNED_AWAY_TTL_S)

    def turned_away_until(self) -> int:
        """Return until when chunks were turned away (ms), 0 if that is long ago."""
        with transient():
            found: Any = self._redis.get(TURNED_AWAY)
        return int(found or 0)

    def forget(self, client_id: str) -> None:
        """Forget the listeners of a session that has ended."""
        with transient():
            names: Any = self._redis.hkeys(LISTENERS)
            if ended := [name for name in names if name.decode().partition("@")[0] == client_id]:
                self._redis.hdel(LISTENERS, *ended)
