"""The chunk store: what has arrived of each capture, held in Redis until it is safe in Supabase.

Two sides use it. The listener writes batches (`batch.py`); the workers claim what is complete, note what they
have done and close it; the sweep reviews what is due. `keys.py` describes the data, `lua/` the steps.

Known sharp edge: a chunk carries no capture time. If a device reuses a name while its last image of that
name still lacks chunks, and the first new chunks overtake the new metadata, they join the old image; a
chunk id that was held already gives the mixture away and the older chunks are dropped, an id that was
missing does not. The image size, and `image_sha256` where the firmware sends it, then catch it.
"""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import orjson
from redis import Redis, RedisError
from redis.backoff import ExponentialBackoff
from redis.connection import BlockingConnectionPool
from redis.retry import Retry

from core import keys
from core.batch import Batch, append
from core.clock import now_ms
from core.errors import Transient
from core.keys import CaptureRef
from core.scripts import Scripts
from core.settings import Settings

# A listener that has written nothing for this long is dead, and what it had heard no longer counts.
LISTENER_LIFE_MS: Final = 15_000


def connect(settings: Settings, *, connections: int = 4) -> Redis:
    """Make a client for REDIS_URL: every wait is bounded, a broken connection is tried once more."""
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=connections,
        timeout=5,
        socket_timeout=5,
        socket_connect_timeout=5,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=1),
    )
    return Redis(connection_pool=pool)


class Claim(NamedTuple):
    """A capture that this worker owns for a while; `fields` is its hash."""

    ref: CaptureRef
    owner: str
    attempts: int
    fields: dict[str, bytes]


class Review(NamedTuple):
    """What a capture that was due needs now."""

    ref: CaptureRef
    action: str
    announce: bool
    missing: list[int]
    ack: bytes = b""


class ChunkStore:
    """The store on one Redis; safe to share between the threads of a process."""

    def __init__(self, redis: Redis, settings: Settings, clock: Callable[[], int] = now_ms) -> None:
        self.redis = redis
        self.now = clock
        self._scripts = Scripts(settings)
        prefix = secrets.token_hex(4)
        self._seals = (f"{prefix}{number:x}" for number in itertools.count())

    def batch(self) -> Batch:
        """Begin a batch of the listener."""
        return Batch(self._scripts, self.redis, self._seals)

    def claim(self, ref: CaptureRef, owner: str) -> Claim | None:
        """Take a sealed capture; None where it is finished or another worker has it."""
        status, attempts, *rest = self._call("claim", ref, owner)
        if status != b"claimed":
            return None
        return Claim(ref, owner, attempts, _fields(rest[0]))

    def fields(self, ref: CaptureRef) -> dict[str, bytes]:
        """Read the hash of a capture; empty where there is none."""
        return {
            name.decode(): value
            for name, value in self._run(self.redis.hgetall, keys.capture_keys(ref)[0]).items()
        }

    def chunks(self, ref: CaptureRef) -> dict[int, bytes]:
        """Read all chunks of a capture."""
        return {
            int(number): data
            for number, data in self._run(self.redis.hgetall, keys.capture_keys(ref)[1]).items()
        }

    def note(self, claim: Claim, **fields: str | int) -> bool:
        """Note what is done and hold the capture longer; False where another worker owns it by now."""
        pairs = [item for pair in fields.items() for item in pair]
        return bool(self._call("note", claim.ref, claim.owner, *pairs))

    def release(self, claim: Claim, leave_for_ms: int, *, attempts: int = 0) -> None:
        """Give a capture back in good order; the sweep leaves it alone for that long."""
        self._call("release", claim.ref, claim.owner, leave_for_ms, attempts)

    def close(self, ref: CaptureRef, state: str, *, ack: bytes = b"", tombstone_ttl_s: int) -> None:
        """End a capture as `stored` or `failed`; its chunks are deleted, its tombstone stays."""
        self._call("close", ref, state, ack, tombstone_ttl_s)

    def due(self, now: int, limit: int) -> list[CaptureRef]:
        """List captures, at most `limit` of each shard, that the sweep must look at."""
        pipe = self.redis.pipeline(transaction=False)
        for number in range(keys.SHARDS):
            pipe.zrangebyscore(keys.due_key(number), "-inf", now, start=0, num=limit)
        return [CaptureRef.parse(member) for members in self._run(pipe.execute) for member in members]

    def review(self, ref: CaptureRef, now: int, heard_until: int | None, *, full: bool = False) -> Review:
        """Decide what a due capture needs, and when to look again; `full` where listeners take nothing."""
        heard = "" if heard_until is None else heard_until
        status, announce, *rest = self._call("review", ref, heard, int(full), now=now)
        if status == b"acknowledge":
            return Review(ref, "acknowledge", False, [], rest[0])
        return Review(ref, status.decode(), bool(announce), rest)

    def settle_timeout(self, ref: CaptureRef) -> None:
        """Leave a timed-out capture, whose row is written, to its TTL."""
        names = [*keys.capture_keys(ref), keys.abandoned_key(keys.shard(ref.device_id))]
        self._run(self._scripts.call, self.redis, "settle_timeout", names, self.now(), str(ref))

    def abandoned(self, limit: int) -> list[CaptureRef]:
        """List captures that timed out and may be dropped for room, the oldest first."""
        pipe = self.redis.pipeline(transaction=False)
        for number in range(keys.SHARDS):
            pipe.zrange(keys.abandoned_key(number), 0, limit - 1, withscores=True)
        found = sorted((score, member) for members in self._run(pipe.execute) for member, score in members)
        return [CaptureRef.parse(member) for _, member in found[:limit]]

    def drop(self, ref: CaptureRef) -> None:
        """Drop what a timed-out capture holds, unless it has come back."""
        names = [*keys.capture_keys(ref), keys.abandoned_key(keys.shard(ref.device_id))]
        self._run(self._scripts.call, self.redis, "drop", names, str(ref))

    def heard_until(self, now: int) -> int | None:
        """Give the time (ms) until which every live listener has heard all; None where none lives.

        Silence counts only as far as the listeners have listened: what still waits in a broker or in a
        listener is not missing.
        """
        times = [tuple(map(int, value.split())) for value in self._run(self.redis.hvals, keys.LISTENERS)]
        return min((heard for written, heard in times if now - written < LISTENER_LIFE_MS), default=None)

    def record(self, stream: str, records: list[dict[str, Any]]) -> None:
        """Put records on their way to the database from a worker."""
        for command in append(stream, records):
            self._run(self.redis.execute_command, *command)

    def records(self, stream: str, limit: int) -> list[tuple[str, list[dict[str, Any]]]]:
        """Read the oldest entries of a stream, as (entry id, records)."""
        entries = self._run(self.redis.xrange, stream, count=limit)
        return [(entry.decode(), orjson.loads(fields[b"records"])) for entry, fields in entries]

    def forget(self, stream: str, entries: list[str]) -> None:
        """Delete entries that the database has."""
        self._run(self.redis.xdel, stream, *entries)

    def shorten(self, stream: str, entries: int) -> None:
        """Drop all but the newest entries of a stream."""
        self._run(self.redis.xtrim, stream, maxlen=entries, approximate=False)

    def lock(self, name: str, seconds: float) -> bool:
        """Take the lock of a periodic task, so that of two beats one acts; it expires by itself."""
        return bool(self._run(self.redis.set, keys.lock_key(name), 1, nx=True, px=int(seconds * 1000)))

    def unlock(self, name: str) -> None:
        """Give the lock back before it expires."""
        self._run(self.redis.delete, keys.lock_key(name))

    @contextmanager
    def turn(self, name: str, seconds: float) -> Iterator[bool]:
        """Hold the lock for a block; False where another process has its turn just now."""
        mine = self.lock(name, seconds)
        try:
            yield mine
        finally:
            if mine:
                self.unlock(name)

    def _call(self, script: str, ref: CaptureRef, *arguments: Any, now: int | None = None) -> Any:
        stamp = self.now() if now is None else now
        return self._run(
            self._scripts.call, self.redis, script, keys.capture_keys(ref), stamp, str(ref), *arguments
        )

    @staticmethod
    def _run(call: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except RedisError as error:
            raise Transient(f"Redis: {error}") from error


def _fields(flat: list[bytes]) -> dict[str, bytes]:
    return {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
