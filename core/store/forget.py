"""Forget devices: remove from Redis what it holds of them, when they are erased."""

from typing import Any, Final

from redis import Redis

from core.store import keys
from core.store.connection import transient

# The sets of a shard whose members are refs, which begin with the device.
_SETS: Final = (keys.due_key, keys.waiting_key, keys.abandoned_key, keys.failed_key, keys.partial_key)


def forget(redis: Redis, devices: frozenset[str]) -> int:
    """Remove what Redis holds of these devices, and return how many keys and entries that were.

    Captures on their way go with their chunks: their devices are never told that they are stored. What the
    streams of log entries have goes to the database within seconds; what Home Assistant was told stays known
    until it is taken back. Once more does no harm. Raises Transient if Redis fails.
    """
    gone = 0
    with transient():
        for key in redis.scan_iter("fleet:{*}:*:*", count=1000):
            if key.decode().split(":", 3)[3].split("/")[0] in devices:
                gone += _count(redis.unlink(key))
        for name in (of_shard(number) for number in range(keys.SHARDS) for of_shard in _SETS):
            for member, _ in redis.zscan_iter(name, count=1000):
                if member.decode().split("/")[0] in devices:
                    gone += _count(redis.zrem(name, member))
        gone += sum(_count(redis.zrem(keys.UNANSWERED, device)) for device in devices)
    return gone


def _count(answer: Any) -> int:
    return int(answer)
