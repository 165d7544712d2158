"""The capture store: what has arrived of each capture, held in Redis until it is safe in Supabase.

The listener writes it in batches (`listener/batch.py`); the workers claim what is complete, note what they
have done and close it; the sweep reviews what is due. `keys.py` describes the data, `lua/` the steps.

Known sharp edge: a chunk carries no capture time. If a device reuses a name while its last image of that
name still lacks chunks, and the first new chunks overtake the new metadata, they join the old image; a
chunk id that was held already gives the mixture away and the older chunks are dropped, an id that was
missing does not. The image size, and `image_sha256` where the firmware sends it, then catch it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, Unpack

from redis import Redis

from core.clock import now_ms
from core.settings import SweepSettings
from core.store import keys, scripts
from core.store.capture import Capture, Notes, parse
from core.store.connection import transient
from core.store.keys import CaptureRef

SCRIPTS: Final = ("review", "settle_timeout", "drop", "claim", "note", "release", "close")


class Action(StrEnum):
    """What a capture that is due needs, as `review.lua` decides it."""

    GONE = "gone"
    WAIT = "wait"
    ENQUEUE = "enqueue"
    NACK = "nack"
    TIMED_OUT = "timed_out"
    ACKNOWLEDGE = "acknowledge"


class LeaseLost(Exception):
    """Another worker owns the capture by now, and will finish it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A capture that this worker owns for a while; `attempts` counts starts that had no end, and this one."""

    capture: Capture
    owner: str
    attempts: int

    @property
    def ref(self) -> CaptureRef:
        """Which capture it is."""
        return self.capture.ref


class Review(NamedTuple):
    """What a capture that was due needs now.

    `announce` asks for its `assembling` row. `missing` names chunk ids where the action is NACK, `ack` the
    body of the ACK where it is ACKNOWLEDGE.
    """

    ref: CaptureRef
    action: Action
    announce: bool
    ack: str
    missing: list[int]


class CaptureReader:
    """The captures on one Redis, without changing any; raises Transient."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def get(self, ref: CaptureRef) -> Capture | None:
        """Read a capture; None where there is none."""
        with transient():
            found: Any = self._redis.hgetall(keys.capture_keys(ref)[0])
        return parse(ref, found) if found else None

    def exists(self, ref: CaptureRef) -> bool:
        """Say whether Redis holds this capture."""
        with transient():
            return bool(self._redis.exists(keys.capture_keys(ref)[0]))

    def chunks(self, ref: CaptureRef) -> dict[int, bytes]:
        """Read all chunks of a capture, by chunk id."""
        with transient():
            found: Any = self._redis.hgetall(keys.capture_keys(ref)[1])
        return {int(number): data for number, data in found.items()}

    def chunk_ids(self, ref: CaptureRef) -> set[int]:
        """Name the chunks of a capture that are held."""
        with transient():
            return {int(number) for number in self._redis.hkeys(keys.capture_keys(ref)[1])}

    def due(self, now: int, limit: int) -> list[CaptureRef]:
        """List captures, at most `limit` of each shard, that the sweep must look at."""
        pipe = self._redis.pipeline(transaction=False)
        for number in range(keys.SHARDS):
            pipe.zrangebyscore(keys.due_key(number), "-inf", now, start=0, num=limit)
        with transient():
            return [CaptureRef.parse(member) for members in pipe.execute() for member in members]

    def soonest(self, limit: int) -> list[tuple[CaptureRef, int]]:
        """List the captures that the sweep looks at next, each with that time (ms)."""
        return self._first(map(keys.due_key, range(keys.SHARDS)), limit)

    def abandoned(self, limit: int) -> list[CaptureRef]:
        """List captures that timed out and may be dropped for room, the oldest first."""
        return [ref for ref, _ in self._first(map(keys.abandoned_key, range(keys.SHARDS)), limit)]

    def count(self) -> int:
        """Count the captures that the sweep looks after: arriving, or complete and not finished."""
        pipe = self._redis.pipeline(transaction=False)
        for number in range(keys.SHARDS):
            pipe.zcard(keys.due_key(number))
        with transient():
            return sum(pipe.execute())

    def _first(self, names: Iterable[str], limit: int) -> list[tuple[CaptureRef, int]]:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.zrange(name, 0, limit - 1, withscores=True)
        with transient():
            found = sorted((score, member) for members in pipe.execute() for member, score in members)
        return [(CaptureRef.parse(member), int(score)) for score, member in found[:limit]]


class CaptureStore(CaptureReader):
    """The captures on one Redis; safe to share between the threads of a process. Raises Transient."""

    def __init__(self, redis: Redis, settings: SweepSettings, clock: Callable[[], int] = now_ms) -> None:
        super().__init__(redis)
        self._clock = clock
        constants = scripts.sweep_constants(settings)
        self._scripts = {name: scripts.register(redis, constants, name) for name in SCRIPTS}

    def claim(self, ref: CaptureRef, owner: str) -> Claim | None:
        """Take a sealed capture; None where it is finished or another worker has it."""
        status, attempts, flat = self._call("claim", ref, self._clock(), str(ref), owner)
        if status != b"claimed":
            return None
        return Claim(parse(ref, dict(zip(flat[::2], flat[1::2], strict=True))), owner, attempts)

    def note(self, claim: Claim, **notes: Unpack[Notes]) -> Claim:
        """Note what is done, hold the capture longer, and give the claim as it is now; raise LeaseLost."""
        pairs = [item for pair in notes.items() for item in pair]
        if not self._call("note", claim.ref, self._clock(), str(claim.ref), claim.owner, *pairs):
            raise LeaseLost
        progress = replace(claim.capture.progress, **notes)
        return replace(claim, capture=replace(claim.capture, progress=progress))

    def release(self, claim: Claim, leave_for_ms: int, *, attempts: int = 0) -> None:
        """Give a capture back in good order; the sweep leaves it alone for that long."""
        ref = claim.ref
        self._call("release", ref, self._clock(), str(ref), claim.owner, leave_for_ms, attempts)

    def close(
        self, ref: CaptureRef, state: Literal["stored", "failed"], *, ack: str = "", tombstone_ttl_s: int
    ) -> None:
        """End a capture as `stored` or `failed`; its chunks are deleted, its tombstone stays."""
        self._call("close", ref, self._clock(), str(ref), state, ack, tombstone_ttl_s)

    def review(self, ref: CaptureRef, now: int, heard_until: int | None, *, full: bool = False) -> Review:
        """Decide what a due capture needs, and when to look again; `full` where listeners take nothing."""
        heard = "" if heard_until is None else heard_until
        action, announce, ack, missing = self._call("review", ref, now, str(ref), heard, int(full))
        return Review(ref, Action(action.decode()), bool(announce), ack.decode(), missing)

    def settle_timeout(self, ref: CaptureRef) -> None:
        """Leave a timed-out capture, whose row is written, to its TTL."""
        self._call("settle_timeout", ref, self._clock(), str(ref))

    def drop(self, ref: CaptureRef) -> None:
        """Drop what a timed-out capture holds, unless it has come back."""
        self._call("drop", ref, str(ref))

    def _call(self, name: str, ref: CaptureRef, *arguments: Any) -> Any:
        names = [*keys.capture_keys(ref), keys.abandoned_key(keys.shard(ref.device_id))]
        with transient():
            return self._scripts[name](keys=names, args=arguments)
