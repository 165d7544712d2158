"""How full Redis is, and what may go to make room.

Under `noeviction` a full Redis refuses every write, Celery's too: workers stop and tasks are lost. So the
listener takes nothing more from FULL of `maxmemory` on. The broker holds the messages meanwhile, the workers
finish what is complete, and the sweep drops what is worth least.
"""

import logging
import time
from typing import Final

from redis import RedisError, ResponseError

from core import keys
from core.chunk_store import ChunkStore
from core.errors import Transient

log = logging.getLogger("memory")

FULL: Final = 0.70
# Some room is to be there before the listener goes on, or it would stop again at once.
ROOM_AGAIN: Final = 0.65
ASK_EVERY_S: Final = 1.0
# So much goes at once; the sweep comes again in a second.
DROP_AT_ONCE: Final = 200
LOG_ENTRIES_KEPT: Final = 20


def fullness(store: ChunkStore) -> float:
    """Give the used share of `maxmemory`, 0 where there is no limit or it may not be asked for."""
    try:
        memory = store.redis.info("memory")
    except ResponseError:
        return 0.0
    except RedisError as error:
        raise Transient(f"Redis: {error}") from error
    limit = int(memory.get("maxmemory", 0))
    return int(memory["used_memory"]) / limit if limit else 0.0


def make_room(store: ChunkStore) -> None:
    """Drop the log that is not written yet, and the oldest captures that timed out; raises Transient.

    Their failed rows are written, and their devices still have the images.
    """
    store.shorten(keys.LOG, LOG_ENTRIES_KEPT)
    dropped = store.abandoned(DROP_AT_ONCE)
    for ref in dropped:
        store.drop(ref)
    log.error("Redis is full; dropped the message log and %d captures that timed out", len(dropped))


class MemoryGate:
    """Says whether messages may be taken; asks Redis at most once a second."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._closed = False
        self._ask_at = 0.0

    def closed(self) -> bool:
        """Whether Redis is too full; where it does not answer, what was known last holds."""
        now = time.monotonic()
        if now < self._ask_at:
            return self._closed
        self._ask_at = now + ASK_EVERY_S
        try:
            share = fullness(self._store)
        except Transient:
            return self._closed
        if not self._closed and share >= FULL:
            self._closed = True
            log.error("Redis is at %.0f %% of its memory: no message is taken until it has room", 100 * share)
        elif self._closed and share < ROOM_AGAIN:
            self._closed = False
            log.warning("Redis has room again: going on")
        return self._closed
