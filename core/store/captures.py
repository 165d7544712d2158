"""The capture store: Redis holds what has arrived of a capture until it is safe in Supabase.

The listener writes it in batches (`listener/batch.py`); the workers claim complete captures, note their
progress and close them; the sweep reviews the captures that are due. `keys.py` describes the data, `lua/` the
atomic steps.

Known limit: a chunk carries no capture time. A device may reuse a name while its last image of that name
still lacks chunks. If the first new chunks then arrive before the new metadata, they join the old image; and
chunks of the old image that arrive very late join the new one. A chunk id that is already held reveals the
mixture, and the older chunks are dropped; an id that was missing does not. In that case the image size, and
`image_sha256` where the firmware sends it, reveal the mixture.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, Unpack

from redis import Redis

from core.clock import Clock
from core.settings import SweepSettings
from core.store import keys, scripts
from core.store.capture import NOTES, Capture, Notes, parse
from core.store.connection import transient
from core.store.keys import CaptureRef

SCRIPTS: Final = (
    "review", "settle_timeout", "settle_partial", "drop",
    "enqueue", "claim", "note", "release", "ask_again", "close",
    "requeue", "may_acknowledge",
)  # fmt: skip
_BEGINS_WITH: Final = {
    "requeue": ("identity",),
    "review": ("story", "abandon"),
    "settle_timeout": ("abandon",),
    "release": ("story",),
    "ask_again": ("story",),
    "close": ("acked",),
    "may_acknowledge": ("acked",),
}


_EVERY_DUE, _EVERY_WAITING, _EVERY_ABANDONED, _EVERY_FAILED, _EVERY_PARTIAL = (
    [key(number) for number in range(keys.SHARDS)]
    for key in (keys.due_key, keys.waiting_key, keys.abandoned_key, keys.failed_key, keys.partial_key)
)


class Action(StrEnum):
    """What a due capture needs, as `review.lua` decides it."""

    GONE = "gone"
    WAIT = "wait"
    NACK = "nack"
    TIMED_OUT = "timed_out"
    ACKNOWLEDGE = "acknowledge"


class Requeue(StrEnum):
    """What became of a failed capture that was to be tried anew, as `requeue.lua` decides it."""

    TAKEN = "taken"
    GONE = "gone"
    SENT_AGAIN = "sent again"


class LeaseLost(Exception):
    """Another worker owns the capture now, and will finish it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A capture that this worker owns until its lease ends.

    `attempts` counts the starts that had no end, since their worker died, plus this start.
    """

    capture: Capture
    owner: str
    attempts: int

    @property
    def ref(self) -> CaptureRef:
        """The reference of the capture."""
        return self.capture.ref


class Review(NamedTuple):
    """What a due capture needs now.

    `announce` asks for its `assembling` row. `missing` lists the chunk ids to ask for if the action is NACK;
    they are at most NACK_AT_MOST.
    """

    ref: CaptureRef
    action: Action
    announce: bool
    missing: list[int]


class CaptureReader:
    """Reads the captures in one Redis and changes none; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def get(self, ref: CaptureRef) -> Capture | None:
        """Return a capture; None if there is none."""
        with transient():
            found: Any = self._redis.hgetall(keys.capture_keys(ref)[0])
        return parse(ref, found) if found else None

    def chunks(self, ref: CaptureRef) -> dict[int, bytes]:
        """Return the chunks of a capture as chunk id → bytes."""
        with transient():
            found: Any = self._redis.hgetall(keys.capture_keys(ref)[1])
        return {int(number): data for number, data in found.items()}

    def chunk_ids(self, ref: CaptureRef) -> set[int]:
        """Return the ids of the chunks that Redis holds."""
        with transient():
            return {int(number) for number in self._redis.hkeys(keys.capture_keys(ref)[1])}

    def due(self, now: int, limit: int) -> list[CaptureRef]:
        """List the unfinished captures to look at by `now` (ms), at most `limit` of each shard."""
        pipe = self._redis.pipeline(transaction=False)
        for name in _EVERY_DUE:
            pipe.zrangebyscore(name, "-inf", now, start=0, num=limit)
        with transient():
            return [CaptureRef.parse(member) for members in pipe.execute() for member in members]

    def soonest(self, limit: int) -> list[tuple[CaptureRef, int]]:
        """List the captures that the sweep looks at next, each with the time of that look (ms)."""
        return self._first([*_EVERY_DUE, *_EVERY_WAITING], limit)

    def abandoned(self, limit: int) -> list[CaptureRef]:
        """List what timed out or was let go, and may be dropped to make room, the oldest first."""
        return [ref for ref, _ in self._first(_EVERY_ABANDONED, limit)]

    def failed(self, limit: int) -> list[CaptureRef]:
        """List the failed captures whose chunks are kept, the oldest first; some may have expired."""
        return [ref for ref, _ in self._first(_EVERY_FAILED, limit)]

    def partial(self, limit: int) -> list[tuple[CaptureRef, int]]:
        """List the captures whose top is to be shown, the oldest first, each with when it timed out (ms)."""
        return self._first(_EVERY_PARTIAL, limit)

    def count(self) -> int:
        """Count the captures that the sweep looks after: arriving, or complete but not finished."""
        pipe = self._redis.pipeline(transaction=False)
        for name in (*_EVERY_DUE, *_EVERY_WAITING):
            pipe.zcard(name)
        with transient():
            return sum(pipe.execute())

    def _first(
        self, names: Iterable[str], limit: int, until: int | str = "+inf"
    ) -> list[tuple[CaptureRef, int]]:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.zrangebyscore(name, "-inf", until, start=0, num=limit, withscores=True)
        with transient():
            found = sorted((score, member) for members in pipe.execute() for member, score in members)
        return [(CaptureRef.parse(member), int(score)) for score, member in found[:limit]]


class CaptureStore(CaptureReader):
    """The captures in one Redis; thread-safe. Every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis, settings: SweepSettings, clock: Clock) -> None:
        super().__init__(redis)
        self._clock = clock
        constants = scripts.sweep_constants(settings)
        self._scripts = {
            name: scripts.register(redis, constants, *_BEGINS_WITH.get(name, ()), name) for name in SCRIPTS
        }

    def enqueue(self, now: int, oldest_sent_ms: int | None, limit: int) -> list[CaptureRef]:
        """Choose up to `limit` sealed captures that need a message, and note that they are enqueued now.

        `oldest_sent_ms` is when the oldest message that waits was sent (ms), None if none waits. The captures
        that have waited longest come first.
        """
        shards: dict[int, list[CaptureRef]] = {}
        for ref, _ in self._first(_EVERY_WAITING, limit, now):
            shards.setdefault(keys.shard(ref.device_id), []).append(ref)
        oldest = "" if oldest_sent_ms is None else oldest_sent_ms
        chosen: list[CaptureRef] = []
        for number, refs in shards.items():
            names = [keys.waiting_key(number), *(keys.capture_keys(ref)[0] for ref in refs)]
            with transient():
                members = self._scripts["enqueue"](keys=names, args=[now, oldest, *map(str, refs)])
            chosen += map(CaptureRef.parse, members)
        return chosen

    def claim(self, ref: CaptureRef, owner: str) -> Claim | None:
        """Claim a sealed capture; None if it is finished, owned by another worker, or not to be tried yet."""
        status, attempts, flat = self._call("claim", ref, self._clock(), str(ref), owner)
        if status != b"claimed":
            return None
        return Claim(parse(ref, dict(zip(flat[::2], flat[1::2], strict=True))), owner, attempts)

    def note(self, claim: Claim, **notes: Unpack[Notes]) -> Claim:
        """Note progress, extend the lease and return the updated claim.

        Raises LeaseLost if another worker owns the capture.
        """
        pairs = [item for pair in notes.items() for item in pair]
        if not self._call("note", claim.ref, self._clock(), str(claim.ref), claim.owner, *pairs):
            raise LeaseLost
        progress = replace(claim.capture.progress, **notes)
        return replace(claim, capture=replace(claim.capture, progress=progress))

    def renew(self, claim: Claim) -> bool:
        """Extend the lease; return False if this worker does not own the capture any more."""
        return bool(self._call("note", claim.ref, self._clock(), str(claim.ref), claim.owner))

    def release(self, claim: Claim, leave_for_ms: int, *, tried: bool = True, station: str = "") -> None:
        """Give a claim back without a crash; nobody may claim the capture for `leave_for_ms`.

        If the capture was tried, its earlier crashes are forgotten, and the try that failed, at `station`, is
        counted.
        """
        self._release(claim.ref, claim.owner, leave_for_ms, tried, station)

    def unclaim(self, ref: CaptureRef, owner: str) -> None:
        """Give back what `claim` may have claimed, if its answer was lost."""
        self._release(ref, owner, 0, tried=False)

    def _release(
        self, ref: CaptureRef, owner: str, leave_for_ms: int, tried: bool, station: str = ""
    ) -> None:
        self._call("release", ref, self._clock(), str(ref), owner, leave_for_ms, int(tried), station)

    def ask_again(self, claim: Claim) -> bool:
        """Let the device send the image of a claim once more; False if it has another image of that name.

        Raises LeaseLost if another worker owns the capture. The claim ends, and the capture is open again.
        """
        ref, done = claim.ref, claim.capture.progress
        opened = ref._replace(seal="")
        waiting = keys.waiting_key(keys.shard(ref.device_id))
        names = [*keys.capture_keys(ref), waiting, keys.capture_keys(opened)[0]]
        arguments: list[Any] = [self._clock(), str(ref), claim.owner, str(opened), done.sha256, *NOTES]
        with transient():
            answer = self._scripts["ask_again"](keys=names, args=arguments)
        if answer == b"lost":
            raise LeaseLost
        return bool(answer == b"asked")

    def may_acknowledge(self, ref: CaptureRef) -> bool:
        """Say whether an ACK may be sent now: of a sealed capture, or, for an open `ref`, of what is stored.

        An ACK names an image only by its name, so none is sent if the device may have another one by now. One
        that is repeated is noted for the story of the capture.
        """
        sealed = str(ref) if ref.seal else ""
        return bool(self._call("may_acknowledge", ref._replace(seal=""), sealed, self._clock()))

    def close(
        self,
        ref: CaptureRef,
        state: Literal["stored", "failed"],
        *,
        acknowledged: bool = False,
        tombstone_ttl_s: int,
        kept_for: int | None = None,
    ) -> None:
        """End a capture, and keep its tombstone for `tombstone_ttl_s`.

        Its chunks are deleted, unless it has failed with an error `kept_for` which an operator may have it
        tried anew; then they stay for CAPTURE_TTL_S.
        """
        kept = int(kept_for) if kept_for else ""
        self._call("close", ref, self._clock(), str(ref), state, int(acknowledged), tombstone_ttl_s, kept)

    def requeue(self, ref: CaptureRef, *, dry_run: bool = False) -> Requeue:
        """Let a failed capture be tried anew; with `dry_run` only say what would become of it."""
        answer = self._call("requeue", ref, self._clock(), str(ref), int(dry_run))
        return Requeue(answer.decode())

    def review(
        self,
        ref: CaptureRef,
        now: int,
        heard_until: int | None,
        *,
        full: bool = False,
        turned_away_until: int = 0,
    ) -> Review:
        """Decide what a due capture needs, and when to look again.

        `heard_until` and `turned_away_until` are the answers of `Listeners`; `full` means that captures which
        have been silent for CAPTURE_TIMEOUT_MS are given up in any case, to make room.
        """
        heard = "" if heard_until is None else heard_until
        arguments = now, str(ref), heard, int(full), turned_away_until
        action, announce, missing = self._call("review", ref, *arguments)
        return Review(ref, Action(action.decode()), bool(announce), missing)

    def settle_timeout(self, ref: CaptureRef) -> None:
        """Leave a timed-out capture to its TTL, now that its row is written."""
        self._call("settle_timeout", ref, self._clock(), str(ref))

    def settle_partial(self, ref: CaptureRef, at_ms: int) -> None:
        """Note that the top of a capture which timed out at `at_ms` is shown, as far as there is one."""
        self._call("settle_partial", ref, str(ref), at_ms)

    def drop(self, ref: CaptureRef) -> None:
        """Delete a capture that has timed out, was let go or has failed, unless it goes on by now."""
        self._call("drop", ref, str(ref))

    def _call(self, name: str, ref: CaptureRef, *arguments: Any) -> Any:
        shard = keys.shard(ref.device_id)
        sets = keys.abandoned_key(shard), keys.waiting_key(shard)
        lasting = keys.report_key(ref), keys.failed_key(shard), keys.acked_key(ref.device_id)
        names = [*keys.capture_keys(ref), *sets, *lasting, keys.partial_key(shard)]
        with transient():
            return self._scripts[name](keys=names, args=arguments)
