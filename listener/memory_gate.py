"""The memory gate: chunks are turned away while Redis is nearly full, see docs/adr/0016-memory-gate.md."""

import logging
import time
from typing import Final

from redis import Redis

from core.clock import Clock
from core.errors import OutOfMemory, Transient
from core.store.listeners import Listeners
from core.store.memory import FULL, fullness

log = logging.getLogger("listener")

# The gate opens at a lower share than it closes, or it would close again at once.
ROOM_AGAIN: Final = 0.65
ASK_EVERY_S: Final = 1.0


class MemoryGate:
    """Says what may be stored; asks Redis at most once a second.

    While `closed` is true, chunks are turned away, and Redis knows it: nobody counts as silent meanwhile.
    While `refuses` is true, Redis takes nothing at all.
    """

    def __init__(self, redis: Redis, clock: Clock, limit_mb: int) -> None:
        self._redis = redis
        self._listeners = Listeners(redis)
        self._clock = clock
        self._limit_mb = limit_mb
        self._ask_at = 0.0
        self.closed = False
        self.refuses = False

    def look(self) -> None:
        """Find out how full Redis is; if it does not answer, the last known state holds."""
        now = time.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + ASK_EVERY_S
        try:
            share = fullness(self._redis, self._limit_mb)
            closed = share >= (ROOM_AGAIN if self.closed else FULL)
            if closed or self.closed:
                self._listeners.turn_away(self._clock())
        except OutOfMemory:
            self.refused()
            return
        except Transient:
            return
        if closed and not self.closed:
            log.error("Redis is at %.0f %% of its memory: chunks are turned away", 100 * share)
        elif self.closed and not closed:
            log.warning("Redis has room again: going on")
        self.closed, self.refuses = closed, False

    def refused(self) -> None:
        """Note that Redis has refused to write."""
        if not self.refuses:
            log.error("Redis refuses to write: hellos are answered here, chunks are turned away")
        self.closed = self.refuses = True
