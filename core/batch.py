"""A batch of the listener: what has come, stored in Redis in one round trip.

Chunks and metadata are scripts that check and act in one step, so every operation may be repeated, and a
batch as a whole too: nothing of it is acknowledged to the broker before all of it is done.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import orjson
from redis import Redis, RedisError
from redis.exceptions import NoScriptError

from core import keys
from core.device_store import hello_commands
from core.errors import Transient
from core.keys import CaptureRef
from core.protocol import Metadata
from core.scripts import Scripts

# A stream entry is a batch; the database is told within seconds, so this only bounds a long outage.
STREAM_LENGTH: Final = 10_000
STREAM_TTL_S: Final = 7 * 24 * 3600


class Outcome(NamedTuple):
    """What became of one operation of a batch; `ref` is sealed where `status` is complete."""

    status: str
    ref: CaptureRef
    out_of_range: int = 0
    ack: bytes = b""
    superseded: CaptureRef | None = None


class Batch:
    """Operations that go to Redis in one round trip; `commit` may be called again until it succeeds."""

    def __init__(self, scripts: Scripts, redis: Redis, seals: Iterator[str]) -> None:
        self._scripts = scripts
        self._redis = redis
        self._seals = seals
        self._commands: list[tuple[Any, ...]] = []
        self._refs: list[tuple[CaptureRef, ...]] = []

    def chunks(self, ref: CaptureRef, now: int, pieces: list[bytes | int]) -> None:
        """Store chunks of one capture; `pieces` is chunk id, bytes, chunk id, bytes, …"""
        sealed = ref._replace(seal=next(self._seals))
        names = keys.capture_keys(ref) + keys.capture_keys(sealed)[:2]
        command = self._scripts.command("store_chunks", names, now, str(ref), str(sealed), *pieces)
        self._add(command, (ref, sealed, sealed))

    def metadata(self, metadata: Metadata, now: int) -> None:
        """Note what metadata says of its capture."""
        ref = CaptureRef(metadata.device_id, metadata.image_name)
        sealed, superseded = (ref._replace(seal=next(self._seals)) for _ in range(2))
        refs = (ref, sealed, superseded)
        names = keys.capture_keys(ref) + keys.capture_keys(sealed)[:2] + keys.capture_keys(superseded)[:2]
        identity = (
            metadata.captured_at.isoformat() if metadata.captured_at else "",
            metadata.image_bytes or "",
            metadata.total_chunks or "",
            metadata.error or "",
        )
        begins = int(metadata.begins_a_capture)
        self._add(
            self._scripts.command(
                "put_metadata", names, now, *map(str, refs), begins, *identity, *_pairs(metadata)
            ),
            refs,
        )

    def hello(self, device_id: str, hello: dict[str, Any], now: int) -> None:
        """Remember a hello until it is answered."""
        for command in hello_commands(device_id, hello, now):
            self._add(command)

    def heard(self, listener: str, now: int, heard_until: int) -> None:
        """Note that this listener lives and has heard all that was sent until then (ms)."""
        self._add(("HSET", keys.LISTENERS, listener, f"{now} {heard_until}"))
        self._add(("EXPIRE", keys.LISTENERS, 60))

    def record(self, stream: str, records: list[dict[str, Any]]) -> None:
        """Put records on their way to the database, as one entry of the stream LOG or ERRORS."""
        for command in append(stream, records):
            self._add(command)

    def commit(self) -> list[Outcome]:
        """Carry everything out; raise Transient where Redis could not, and then nothing may be ACKed."""
        try:
            answers = self._execute()
            if any(isinstance(answer, NoScriptError) for answer in answers):
                self._scripts.load(self._redis)
                answers = self._execute()
            for answer in answers:
                if isinstance(answer, RedisError):
                    raise answer
        except RedisError as error:
            raise Transient(f"Redis: {error}") from error
        return [_outcome(answer, *refs) for answer, refs in zip(answers, self._refs, strict=True) if refs]

    def _execute(self) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for command in self._commands:
            pipe.execute_command(*command)
        return pipe.execute(raise_on_error=False)

    def _add(self, command: tuple[Any, ...], refs: tuple[CaptureRef, ...] = ()) -> None:
        self._commands.append(command)
        self._refs.append(refs)


def append(stream: str, records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Give the commands that put records into a stream, as one entry."""
    return [
        ("XADD", stream, "MAXLEN", "~", STREAM_LENGTH, "*", "records", orjson.dumps(records)),
        ("EXPIRE", stream, STREAM_TTL_S),
    ]


def _pairs(metadata: Metadata) -> Iterator[Any]:
    """Give field, value, … of what metadata says; what it does not say is left out."""
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


def _outcome(answer: list[Any], ref: CaptureRef, sealed: CaptureRef, superseded: CaptureRef) -> Outcome:
    status = answer[0].decode()
    if status == "stored":
        return Outcome(status, ref, ack=answer[1])
    # put_metadata names the image it gave up in the place where store_chunks counts what it left out.
    extra = answer[2] if len(answer) > 2 else 0
    return Outcome(
        status,
        sealed if status == "complete" else ref,
        out_of_range=extra if isinstance(extra, int) else 0,
        superseded=superseded if extra == b"superseded" else None,
    )
