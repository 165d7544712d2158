"""How full Redis is, and what may be dropped to make room.

Under `noeviction` a full Redis refuses every write, Celery's too: workers stop and tasks are lost. So the
listeners turn chunks away while Redis uses FULL or more of its limit. Meanwhile the workers finish complete
captures, and the sweep drops the least valuable data. See docs/adr/0016-memory-gate.md.
"""

import logging
from typing import Any, Final

from redis import Redis, ResponseError

from core.store.captures import CaptureStore
from core.store.connection import servers, transient
from core.store.keys import LOG
from core.store.streams import Streams

log = logging.getLogger("memory")

FULL: Final = 0.70
# From this share on what has failed is dropped, so that chunks are turned away for what is in flight alone.
DROP_FROM: Final = 0.60
# The number of captures to drop at once; the sweep runs again in a second.
DROP_AT_ONCE: Final = 200
LOG_BATCHES_KEPT: Final = 20


def fullness(redis: Redis, limit_mb: int) -> float:
    """Return the used share of the limit, 0 if Redis does not permit the question; raises Transient.

    Of the nodes of a cluster the fullest counts: `limit_mb` is the limit of each.
    """
    with transient():
        return max(_fullness(server, limit_mb) for server in servers(redis))


def _fullness(redis: Redis, limit_mb: int) -> float:
    try:
        memory = redis.info("memory")
    except ResponseError:
        return _allocated(redis) / (limit_mb * 2**20) if limit_mb else 0.0
    limit = limit_of(memory, limit_mb)
    return int(memory["used_memory"]) / limit if limit else 0.0


def is_full(redis: Redis, limit_mb: int) -> bool:
    """Say whether chunks are turned away; raises Transient."""
    return fullness(redis, limit_mb) >= FULL


def limit_of(memory: dict[str, Any], limit_mb: int) -> int:
    """Return the limit in bytes: `maxmemory`, else REDIS_MEMORY_MB, else half of what the server has."""
    return (
        int(memory.get("maxmemory", 0)) or limit_mb * 2**20 or int(memory.get("total_system_memory", 0)) // 2
    )


def _allocated(redis: Redis) -> int:
    try:
        stats: dict[str, Any] = redis.memory_stats()
    except ResponseError:
        return 0
    return int(stats["total.allocated"])


def make_room(captures: CaptureStore, streams: Streams) -> int:
    """Drop log batches that are not yet in the database, and captures that timed out or, after these, failed.

    The oldest go first. Their `failed` rows are written, and their devices still have the images. Returns the
    number of captures; raises Transient.
    """
    streams.trim(LOG, LOG_BATCHES_KEPT)
    dropped = captures.abandoned(DROP_AT_ONCE)
    dropped += captures.failed(DROP_AT_ONCE - len(dropped))
    for ref in dropped:
        captures.drop(ref)
    log.warning("room made in Redis: dropped the message log and %d captures that have failed", len(dropped))
    return len(dropped)
