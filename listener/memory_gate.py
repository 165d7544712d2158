"""The memory gate: the listener takes no messages while Redis is nearly full."""

import logging
import time
from typing import Final

from redis import Redis

from core.errors import Transient
from core.store.memory import FULL, fullness

log = logging.getLogger("listener")

# The gate opens at a lower share than it closes, or it would close again at once.
ROOM_AGAIN: Final = 0.65
ASK_EVERY_S: Final = 1.0


class MemoryGate:
    """Says whether messages may be taken; asks Redis at most once a second."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._closed = False
        self._ask_at = 0.0

    def closed(self) -> bool:
        """Whether Redis is too full; if it does not answer, the last known state holds."""
        now = time.monotonic()
        if now < self._ask_at:
            return self._closed
        self._ask_at = now + ASK_EVERY_S
        try:
            share = fullness(self._redis)
        except Transient:
            return self._closed
        if not self._closed and share >= FULL:
            self._closed = True
            log.error("Redis is at %.0f %% of its memory: no message is taken until it has room", 100 * share)
        elif self._closed and share < ROOM_AGAIN:
            self._closed = False
            log.warning("Redis has room again: going on")
        return self._closed
