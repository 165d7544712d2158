"""A batch of the listener: what has arrived, stored in Redis in one round trip.

Each script checks and acts in one atomic step, so every operation and the whole batch may be repeated. No
PUBACK is sent before the whole batch is stored.
"""

import itertools
import secrets
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import NoScriptError

from core.settings import ArrivalSettings
from core.store import keys, scripts
from core.store.connection import transient
from core.store.devices import Hello, hello_commands
from core.store.keys import LISTENERS, CaptureRef, Stream
from core.store.listeners import Heartbeat
from core.store.scripts import PipelinedScript
from core.store.streams import Entry, append_commands
from core.wire import Metadata


class Arrival(StrEnum):
    """The result for chunks or metadata; `arrival` in prelude.lua explains the values."""

    WAITING = "waiting"
    COMPLETE = "complete"
    LATE = "late"
    STORED = "stored"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    IGNORED = "ignored"


_ARRIVALS = {arrival.value.encode(): arrival for arrival in Arrival}


class Outcome(NamedTuple):
    """The result of one operation of a batch; `ref` is sealed if `status` is complete.

    `out_of_range` counts chunks beyond the total, and `superseded` is the capture that this one superseded.
    `begun` says that a capture or a report has begun with it.
    """

    status: Arrival
    ref: CaptureRef
    out_of_range: int = 0
    superseded: CaptureRef | None = None
    begun: bool = False


class _Refs(NamedTuple):
    open: CaptureRef
    sealed: CaptureRef
    superseded: CaptureRef


class _Scripts(NamedTuple):
    store_chunks: PipelinedScript
    put_metadata: PipelinedScript
    put_report: PipelinedScript
    heartbeat: PipelinedScript


class Batches:
    """Makes the batches of one listener."""

    def __init__(self, redis: Redis, settings: ArrivalSettings) -> None:
        self._redis = redis
        constants, shared = scripts.arrival_constants(settings), ("story", "identity", "prelude")
        self._scripts = _Scripts(
            PipelinedScript(scripts.source(constants, *shared, "store_chunks")),
            PipelinedScript(scripts.source(constants, *shared, "put_metadata")),
            PipelinedScript(scripts.source(constants, *shared, "put_report")),
            PipelinedScript(scripts.source(constants, "heartbeat")),
        )
        prefix = secrets.token_hex(4)
        self._seals = (f"{prefix}{number:x}" for number in itertools.count())

    def begin(self) -> "Batch":
        """Begin a batch."""
        return Batch(self._redis, self._scripts, self._seals)


class Batch:
    """Operations that go to Redis in one round trip; `commit` may be called again until it succeeds."""

    def __init__(self, redis: Redis, scripts: _Scripts, seals: Iterator[str]) -> None:
        self._redis = redis
        self._scripts = scripts
        self._seals = seals
        self._commands: list[tuple[Any, ...]] = []
        self._refs: list[_Refs | None] = []

    def chunks(self, ref: CaptureRef, now: int, pieces: list[bytes | int]) -> None:
        """Add chunks of one capture; `pieces` is chunk id, bytes, chunk id, bytes, …"""
        sealed = ref._replace(seal=next(self._seals))
        names = [
            *keys.capture_keys(ref),
            *keys.capture_keys(sealed)[:2],
            keys.waiting_key(keys.shard(ref.device_id)),
        ]
        command = self._scripts.store_chunks.command(names, now, str(ref), str(sealed), *pieces)
        self._add(command, _Refs(ref, sealed, sealed))

    def metadata(self, metadata: Metadata, now: int) -> None:
        """Add the metadata of an image, or a report of an error."""
        ref = CaptureRef(metadata.device_id, metadata.image_name)
        refs = _Refs(ref, *(ref._replace(seal=next(self._seals)) for _ in range(2)))
        names = keys.capture_keys(ref) + keys.capture_keys(refs.sealed)[:2]
        waiting = keys.waiting_key(keys.shard(ref.device_id))
        captured = metadata.captured_at.isoformat() if metadata.captured_at else ""
        if metadata.error:
            command = self._scripts.put_report.command(
                [*names, keys.report_key(ref), waiting],
                now,
                *map(str, refs[:2]),
                metadata.error,
                captured,
                *_hash_fields(metadata),
            )
        else:
            command = self._scripts.put_metadata.command(
                [*names, *keys.capture_keys(refs.superseded)[:2], waiting],
                now,
                *map(str, refs),
                captured,
                metadata.image_sha256 or "",
                metadata.image_bytes or "",
                metadata.total_chunks or "",
                *_hash_fields(metadata),
            )
        self._add(command, refs)

    def hello(self, hello: Hello) -> None:
        """Add a hello, which Redis keeps until it is answered."""
        for command in hello_commands(hello):
            self._add(command)

    def heard(self, beat: Heartbeat) -> None:
        """Add the heartbeat of a listener."""
        self._add(
            self._scripts.heartbeat.command([LISTENERS], beat.written_ms, beat.name, beat.heard_until_ms)
        )

    def append(self, stream: Stream, entries: list[Entry]) -> None:
        """Add entries for a stream."""
        for command in append_commands(stream, entries):
            self._add(command)

    def commit(self) -> list[Outcome]:
        """Run all operations; return the outcomes of the chunks and metadata, in order.

        Raises Transient if Redis fails; then no PUBACK may be sent.
        """
        with transient():
            answers = self._execute()
            if any(isinstance(answer, NoScriptError) for answer in answers):
                for script in self._scripts:
                    script.load(self._redis)
                answers = self._execute()
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return [_outcome(answer, refs) for answer, refs in zip(answers, self._refs, strict=True) if refs]

    def _execute(self) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for command in self._commands:
            pipe.execute_command(*command)
        return pipe.execute(raise_on_error=False)

    def _add(self, command: tuple[Any, ...], refs: _Refs | None = None) -> None:
        self._commands.append(command)
        self._refs.append(refs)


def _hash_fields(metadata: Metadata) -> Iterator[Any]:
    """Yield the fields of the capture's hash as field, value, field, value, …; `capture.parse` reads them.

    A new field of the metadata must be added here, in `core.wire.Metadata` and in
    `core.store.capture.Capture`.
    """
    values: dict[str, Any] = {
        "captured": metadata.captured_at and metadata.captured_at.isoformat(),
        "image_bytes": metadata.image_bytes,
        "total": metadata.total_chunks,
        "error": metadata.error or None,
        "image_id": metadata.image_id,
        "image_sha256": metadata.image_sha256,
        "location": metadata.location,
        "firmware_version": metadata.firmware_version,
        **metadata.sensors._asdict(),
    }
    if metadata.begins_a_capture:
        values["metadata"] = metadata.raw
    for name, value in values.items():
        if value is not None:
            yield name
            yield value


def _outcome(answer: list[Any], refs: _Refs) -> Outcome:
    name, out_of_range, superseded, begun = answer
    status = _ARRIVALS[name]
    return Outcome(
        status,
        refs.sealed if status is Arrival.COMPLETE else refs.open,
        out_of_range,
        refs.superseded if superseded else None,
        bool(begun),
    )
