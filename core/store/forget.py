"""Forget devices: remove from Redis what it holds of them, when they are erased."""

from typing import Any, Final

import orjson
from redis import Redis

from core.store import keys
from core.store.connection import servers, transient
from core.store.streams import append_commands

# The sets of a shard whose members are refs, which begin with the device.
_SETS: Final = (keys.due_key, keys.waiting_key, keys.abandoned_key, keys.failed_key, keys.partial_key)
# So many batches of a stream are looked at together, of some 64 kB each.
_BATCHES: Final = 100


def forget(redis: Redis, devices: frozenset[str]) -> int:
    """Remove what Redis holds of these devices, and return how many keys and entries that were.

    Captures on their way go with their chunks: their devices are never told that they are stored. What Home
    Assistant was told stays known until it is taken back. Once more does no harm, and finds in a cluster what
    has moved to another node meanwhile. Raises Transient if Redis fails.
    """
    gone = 0
    with transient():
        for key in (
            key for server in servers(redis) for key in server.scan_iter("fleet:{*}:*:*", count=1000)
        ):
            if key.decode().split(":", 3)[3].split("/")[0] in devices:
                gone += _count(redis.unlink(key))
        for name in (of_shard(number) for number in range(keys.SHARDS) for of_shard in _SETS):
            for member, _ in redis.zscan_iter(name, count=1000):
                if member.decode().split("/")[0] in devices:
                    gone += _count(redis.zrem(name, member))
        gone += sum(_count(redis.zrem(keys.UNANSWERED, device)) for device in devices)
        gone += sum(_forget_entries(redis, stream, devices) for stream in (keys.LOG, keys.ERRORS))
    return gone


def _forget_entries(redis: Redis, stream: keys.Stream, devices: frozenset[str]) -> int:
    """Remove entries of these devices from a stream; what others have in the same batch goes to its end."""
    gone, after = 0, "-"
    newest: Any = redis.xrevrange(stream, count=1)
    while newest:
        batches: Any = redis.xrange(stream, after, newest[0][0], count=_BATCHES)
        for name, fields in batches:
            entries = orjson.loads(fields[b"records"])
            others = [entry for entry in entries if entry["device_id"] not in devices]
            if len(others) == len(entries):
                continue
            # Cut off between the two, the others' entries are there twice, and not lost.
            with redis.pipeline(transaction=False) as both:
                for command in append_commands(stream, others) if others else ():
                    both.execute_command(*command)
                both.xdel(stream, name)
                both.execute()
            gone += len(entries) - len(others)
        if len(batches) < _BATCHES:
            break
        after = f"({batches[-1][0].decode()}"
    return gone


def _count(answer: Any) -> int:
    return int(answer)
