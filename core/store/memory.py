"""How full Redis is, and what may be dropped to make room.

Under `noeviction` a full Redis refuses every write, Celery's too: workers stop and tasks are lost. So the
listener takes no messages while Redis uses FULL or more of `maxmemory`. Meanwhile the broker holds the
messages, the workers finish complete captures, and the sweep drops the least valuable data.
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
# The number of captures to drop at once; the sweep runs again in a second.
DROP_AT_ONCE: Final = 200
LOG_BATCHES_KEPT: Final = 20


def fullness(redis: Redis) -> float:
    """Return the used share of `maxmemory`; 0 if there is no limit or Redis does not permit the question.

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
    """Drop log batches that are not yet in the database, and captures that timed out or, after these, failed.

    The oldest go first. Their `failed` rows are written, and their devices still have the images. Raises
    Transient.
    """
    streams.trim(LOG, LOG_BATCHES_KEPT)
    dropped = captures.abandoned(DROP_AT_ONCE)
    dropped += captures.failed(DROP_AT_ONCE - len(dropped))
    for ref in dropped:
        captures.drop(ref)
    log.error("Redis is full; dropped the message log and %d captures that have failed", len(dropped))
