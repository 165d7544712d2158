"""The one clock of all processes: the time of Redis.

Leases, heartbeats, silences and ages are compared between hosts, whose own clocks may differ by seconds. The
scripts get the time as an argument, so that a test can let an hour pass.
"""

import logging
import threading
import time
from typing import Any, Final

from redis import Redis

from core.clock import now_ms
from core.errors import Transient
from core.store.connection import transient

log = logging.getLogger("clock")

READ_EVERY_S: Final = 10.0
# After a failure, while there was no answer yet.
READ_AGAIN_S: Final = 1.0
# Half of the round trip may be the error of a reading, so a slow one replaces no other.
SLOWEST_S: Final = 0.2


class RedisClock:
    """Tells the time of Redis (ms since 1970); it raises nothing, and threads may share it.

    It asks Redis every READ_EVERY_S and counts on by this host's monotonic clock in between, also while Redis
    does not answer. Before the first answer it tells the time of this host.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._base_ms: int | None = None
        self._read_at = 0.0

    def __call__(self) -> int:
        """Return the time."""
        if time.monotonic() >= self._read_at and self._lock.acquire(blocking=self._base_ms is None):
            try:
                if time.monotonic() >= self._read_at:
                    self._read()
            finally:
                self._lock.release()
        return now_ms() if self._base_ms is None else self._base_ms + time.monotonic_ns() // 1_000_000

    def _read(self) -> None:
        began = time.monotonic()
        try:
            with transient():
                answer: Any = self._redis.time()
        except Transient as error:
            log.warning("the time of Redis is not known: %s", error)
        else:
            ended, (seconds, microseconds) = time.monotonic(), answer
            if self._base_ms is None or ended - began <= SLOWEST_S:
                self._base_ms = seconds * 1000 + microseconds // 1000 - round(500 * (began + ended))
        self._read_at = time.monotonic() + (READ_AGAIN_S if self._base_ms is None else READ_EVERY_S)
