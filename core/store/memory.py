"""How full Redis is, and what may go to make room.

Under `noeviction` a full Redis refuses every write, Celery's too: workers stop and tasks are lost. So the
listener takes nothing more from FULL of `maxmemory` on. The broker holds the messages meanwhile, the workers
finish what is complete, and the sweep drops what is worth least.
"""

import logging
from typing import Final

from redis import Redis, ResponseError

from core.store.captures import CaptureStore
from core.store.connection import transient
from core.store.keys import LOG
from core.store.streams import Streams

log = logging.getLogger("memory")

FULL: Final = 0.70
# So much goes at once; the sweep comes again in a second.
DROP_AT_ONCE: Final = 200
LOG_BATCHES_KEPT: Final = 20


def fullness(redis: Redis) -> float:
    """Give the used share of `maxmemory`, 0 where there is no limit or it may not be asked for.

    Raises Transient.
    """
    with transient():
        try:
            memory = redis.info("memory")
        except ResponseError:
            return 0.0
    limit = int(memory.get("maxmemory", 0))
    return int(memory["used_memory"]) / limit if limit else 0.0


def make_room(captures: CaptureStore, streams: Streams) -> None:
    """Drop the log that is not written yet, and the oldest captures that timed out; raises Transient.

    Their failed rows are written, and their devices still have the images.
    """
    streams.trim(LOG, LOG_BATCHES_KEPT)
    dropped = captures.abandoned(DROP_AT_ONCE)
    for ref in dropped:
        captures.drop(ref)
    log.error("Redis is full; dropped the message log and %d captures that timed out", len(dropped))
