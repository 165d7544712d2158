"""The breakers: while a service of Supabase does not answer, the whole fleet asks it twice a second at most.

Storage and the database have a breaker each. It opens after OPENS_AFTER failures in a row, counted in Redis
for all workers; then every call is refused at once, but for one each PROBE_EVERY_MS. The first answer closes
it. A process reads it at most each READ_EVERY_MS, so a call costs no round trip while all is well.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, NamedTuple

from redis import Redis

from core.clock import Clock
from core.errors import NotAsked, Transient
from core.store import keys, scripts
from core.store.connection import transient

log = logging.getLogger("breaker")

OPENS_AFTER: Final = 5
PROBE_EVERY_MS: Final = 500
READ_EVERY_MS: Final = 250
# While some calls of a process are answered, the others are no sign that the service is away.
ANSWERS_COUNT_MS: Final = 1_000
# A probe may hang until its timeout; so many threads of a process may wait for one.
PROBES_AT_ONCE: Final = 2

Service = Literal["storage", "database"]
SERVICES: Final[tuple[Service, ...]] = ("storage", "database")


def is_open(redis: Redis, service: Service) -> bool:
    """Say whether a service counts as away; raises Transient."""
    with transient():
        return int(redis.hget(keys.breaker_key(service), "failures") or 0) >= OPENS_AFTER


class Breaker:
    """The breaker of one service, shared by the threads of a process; if Redis fails, it stays as it is."""

    def __init__(self, redis: Redis, service: Service, clock: Clock) -> None:
        self.service = service
        self._redis = redis
        self._clock = clock
        self._key = keys.breaker_key(service)
        constants: scripts.Constants = {"PROBE_EVERY_MS": PROBE_EVERY_MS, "BREAKER_TTL_S": keys.BREAKER_TTL_S}
        self._probe = scripts.register(redis, constants, "probe")
        self._probing = threading.BoundedSemaphore(PROBES_AT_ONCE)
        self._failures = 0
        self._probed_at = 0
        self._read_at = 0
        self._answered_at = 0

    @property
    def is_open(self) -> bool:
        """Whether the service counts as away; at most READ_EVERY_MS old."""
        if self._clock() - self._read_at >= READ_EVERY_MS:
            self._read()
        return self._failures >= OPENS_AFTER

    def admits(self) -> bool:
        """Say whether a call would be made now: the service answers, or its next probe is due."""
        if not self.is_open:
            return True
        self._read()
        # A last probe in the future was noted before Redis' clock was set back.
        since = self._clock() - self._probed_at
        return self._failures < OPENS_AFTER or not 0 <= since < PROBE_EVERY_MS

    @contextmanager
    def guard(self, *, probes: bool) -> Iterator[None]:
        """Make a call in the block and note how it ends; raise NotAsked while the breaker is open.

        With `probes` the call may be one of the few that are made even then, and its failure counts. Any
        error but Transient is an answer.
        """
        is_probe = self.is_open
        if is_probe and not (probes and self._begin_probe()):
            raise NotAsked(f"Supabase's {self.service} is away, and not asked for the moment")
        try:
            yield
        except Transient:
            if probes:
                self._failed()
            raise
        except Exception:
            self._answered()
            raise
        else:
            self._answered()
        finally:
            if is_probe:
                self._probing.release()

    def _begin_probe(self) -> bool:
        if not self._probing.acquire(blocking=False):
            return False
        try:
            with transient():
                if self._probe(keys=[self._key], args=[self._clock()]):
                    return True
        except Transient as error:
            log.warning("no probe: %s", error)
        self._probing.release()
        return False

    def _read(self) -> None:
        self._read_at = self._clock()
        try:
            with transient():
                found: Any = self._redis.hmget(self._key, "failures", "probed_at")
        except Transient as error:
            log.warning("breaker not read: %s", error)
            return
        self._failures, self._probed_at = (int(value or 0) for value in found)

    def _failed(self) -> None:
        if self._clock() - self._answered_at < ANSWERS_COUNT_MS:
            return
        pipe = self._redis.pipeline(transaction=False)
        pipe.hincrby(self._key, "failures", 1)
        pipe.expire(self._key, keys.BREAKER_TTL_S)
        try:
            with transient():
                self._failures, _ = pipe.execute()
        except Transient as error:
            log.warning("failure not counted: %s", error)
            return
        if self._failures == OPENS_AFTER:
            log.error("Supabase's %s is away: it is asked twice a second until it answers", self.service)

    def _answered(self) -> None:
        self._answered_at = self._clock()
        if not self._failures:
            return
        try:
            with transient():
                self._redis.delete(self._key)
        except Transient as error:
            log.warning("breaker not closed: %s", error)
            return
        if self._failures >= OPENS_AFTER:
            log.warning("Supabase's %s answers again", self.service)
        self._failures = 0


class Breakers(NamedTuple):
    """The breakers of Supabase's two services."""

    storage: Breaker
    database: Breaker

    @classmethod
    def on(cls, redis: Redis, clock: Clock) -> "Breakers":
        """Make the breakers on this Redis."""
        return cls(Breaker(redis, "storage", clock), Breaker(redis, "database", clock))

    @property
    def any_open(self) -> bool:
        """Whether one of the services counts as away."""
        return self.storage.is_open or self.database.is_open
