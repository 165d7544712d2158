"""The state of the service now, read from Redis, the workers and the database without changing anything."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from core import chunk_store, keys
from core.chunk_store import ChunkStore
from core.clock import now_ms
from core.errors import FleetError
from core.keys import CaptureRef
from core.metrics import count_in_flight
from core.queues import Queue, read_queues, read_taken
from core.settings import Settings, WorkerSettings
from core.supabase_gateway import SupabaseGateway

WORKERS_ANSWER_S = 1.0
SUPABASE_ANSWERS_S = 5.0
# A listener that has said nothing for so long has been replaced.
GONE_MS = 60_000


@dataclass(frozen=True)
class CaptureState:
    """A capture in flight; times in seconds, `missing` as `3, 7–9`, empty where it is not known or none."""

    device: str
    image: str
    state: str
    chunks: int
    total: int | None
    missing: str
    nacks: int
    age_s: float
    quiet_s: float
    next_look_s: float


@dataclass(frozen=True)
class Peer:
    """A listener or a worker: how long ago it was heard of (s), and what it is busy with."""

    name: str
    seen_s: float
    busy: str


@dataclass
class Overview:
    """Everything at a glance; what could not be read is named in `troubles`."""

    in_flight: int = 0
    captures: list[CaptureState] = field(default_factory=list)
    nacks_due: int = 0
    hellos_unanswered: int = 0
    queues: list[Queue] = field(default_factory=list)
    taken: int = 0
    listeners: list[Peer] = field(default_factory=list)
    workers: list[Peer] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def read_overview(settings: Settings, app: Celery, *, limit: int = 20) -> Overview:
    """Read all of it; `limit` bounds the captures and errors that are named one by one."""
    overview = Overview()
    try:
        with chunk_store.connect(settings) as redis:
            _read_store(overview, ChunkStore(redis, settings), limit)
        with chunk_store.connect(settings.model_copy(update={"redis_url": settings.broker_url})) as broker:
            overview.queues, overview.taken = read_queues(broker), read_taken(broker)
        overview.workers = _workers(app)
    except (RedisError, OperationalError, FleetError) as error:
        overview.troubles.append(f"Redis: {error}")
    if isinstance(settings, WorkerSettings):
        supabase = SupabaseGateway(settings, SUPABASE_ANSWERS_S)
        try:
            overview.errors = supabase.latest_errors(limit)
        except FleetError as error:
            overview.troubles.append(f"Supabase: {error}")
        finally:
            supabase.close()
    return overview


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers in ascending order as `3, 7–9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in runs)


def _read_store(overview: Overview, store: ChunkStore, limit: int) -> None:
    redis, now = store.redis, now_ms()
    overview.in_flight = count_in_flight(redis)
    for ref, due_at in _soonest(redis, limit):
        fields = store.fields(ref)
        if fields:
            overview.captures.append(_capture(redis, ref, fields, due_at, now))
    overview.nacks_due = sum(
        bool(capture.missing) and capture.state == "arriving" and capture.next_look_s <= 0
        for capture in overview.captures
    )
    overview.hellos_unanswered = redis.zcard(keys.UNANSWERED)
    for name, value in redis.hgetall(keys.LISTENERS).items():
        written, heard = map(int, value.split())
        if now - written > GONE_MS:
            continue
        lag = max(0, written - heard) / 1000
        busy = "has heard nothing yet" if not heard else f"{lag:.1f} s behind the broker"
        overview.listeners.append(Peer(_text(name), (now - written) / 1000, busy))


def _soonest(redis: Redis, limit: int) -> list[tuple[CaptureRef, float]]:
    pipe = redis.pipeline(transaction=False)
    for number in range(keys.SHARDS):
        pipe.zrange(keys.due_key(number), 0, limit - 1, withscores=True)
    found = [(CaptureRef.parse(member), due) for members in pipe.execute() for member, due in members]
    return sorted(found, key=lambda pair: pair[1])[:limit]


def _capture(
    redis: Redis, ref: CaptureRef, fields: dict[str, bytes], due_at: float, now: int
) -> CaptureState:
    held = {int(number) for number in redis.hkeys(keys.capture_keys(ref)[1])}
    total = int(fields["total"]) if "total" in fields else None
    missing = [number for number in range(total or 0) if number not in held]
    return CaptureState(
        device=ref.device_id,
        image=ref.image_name,
        state=_state(ref, fields, now),
        chunks=len(held),
        total=total,
        missing=ranges(missing),
        nacks=int(fields.get("nacks", 0)),
        age_s=(now - int(fields["first_at"])) / 1000,
        quiet_s=(now - int(fields["last_at"])) / 1000,
        next_look_s=(due_at - now) / 1000,
    )


def _state(ref: CaptureRef, fields: dict[str, bytes], now: int) -> str:
    if "state" in fields:
        return fields["state"].decode().replace("_", " ")
    if not ref.seal:
        return "arriving"
    return "being stored" if int(fields.get("lease_until", 0)) > now else "complete"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _workers(app: Celery) -> list[Peer]:
    answers: dict[str, list[dict[str, Any]]] = app.control.inspect(timeout=WORKERS_ANSWER_S).active() or {}
    return [Peer(name, 0.0, f"{len(tasks)} tasks") for name, tasks in sorted(answers.items())]
