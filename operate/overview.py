"""Reads the current state of the service from Redis, the workers and the database; it changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

from core.errors import FleetError
from core.queues import read_taken
from core.settings import RedisSettings, SupabaseSettings
from core.store.breakers import SERVICES, is_open
from core.store.capture import Capture, State
from core.store.captures import CaptureReader
from core.store.clock import RedisClock
from core.store.connection import connect
from core.store.devices import DeviceStore
from core.store.listeners import Heartbeat, Listeners
from core.supabase import SupabaseGateway
from operate.queues import Queue, read_queues

WORKERS_ANSWER_S = 1.0
SUPABASE_ANSWERS_S = 5.0
# A listener without a heartbeat for this long has been replaced, and is not shown.
GONE_MS = 60_000


@dataclass(frozen=True)
class CaptureInFlight:
    """A capture in flight: chunk counts, missing chunk ids as `3, 7–9`, and times in seconds."""

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
    """A listener or a worker: the time since its last sign of life (s), and what it does."""

    name: str
    seen_s: float
    busy: str


@dataclass
class Overview:
    """The state of the whole service; `troubles` names what could not be read."""

    in_flight: int = 0
    captures: list[CaptureInFlight] = field(default_factory=list)
    nacks_due: int = 0
    hellos_unanswered: int = 0
    queues: list[Queue] = field(default_factory=list)
    taken: int = 0
    listeners: list[Peer] = field(default_factory=list)
    workers: list[Peer] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)


def read_overview(
    settings: RedisSettings, supabase: SupabaseSettings | None, app: Celery, *, limit: int = 20
) -> Overview:
    """Read the overview; `limit` is the largest number of captures, and of errors, in the lists.

    If `supabase` is None, the list of errors stays empty. Errors of the services go to `troubles`.
    """
    overview = Overview()
    try:
        with connect(settings.redis_url) as redis:
            now = RedisClock(redis)()
            _read_store(overview, redis, limit, now)
        with connect(settings.queue_url) as broker:
            overview.queues, overview.taken = read_queues(broker, now), read_taken(broker)
        overview.workers = _workers(app)
    except (RedisError, OperationalError, FleetError) as error:
        overview.troubles.append(f"Redis: {error}")
    if supabase:
        gateway = SupabaseGateway(supabase, SUPABASE_ANSWERS_S)
        try:
            overview.errors = gateway.latest_errors(limit)
        except FleetError as error:
            overview.troubles.append(f"Supabase: {error}")
        finally:
            gateway.close()
    return overview


def ranges(numbers: Iterable[int]) -> str:
    """Format ascending numbers as `3, 7–9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{first}" if first == last else f"{first}–{last}" for first, last in runs)


def _read_store(overview: Overview, redis: Redis, limit: int, now: int) -> None:
    captures = CaptureReader(redis)
    overview.in_flight = captures.count()
    for ref, due_ms in captures.soonest(limit):
        if capture := captures.get(ref):
            overview.captures.append(_in_flight(capture, captures.chunk_ids(ref), due_ms, now))
    overview.nacks_due = sum(
        bool(capture.missing) and capture.state == "arriving" and capture.next_look_s <= 0
        for capture in overview.captures
    )
    overview.troubles += [
        f"Supabase: its {service} is away; captures wait until it answers"
        for service in SERVICES
        if is_open(redis, service)
    ]
    overview.hellos_unanswered = DeviceStore(redis).count_unanswered()
    for beat in Listeners(redis).all():
        if now - beat.written_ms > GONE_MS:
            continue
        overview.listeners.append(Peer(beat.client_id, (now - beat.written_ms) / 1000, _keeps_up(beat)))


def _keeps_up(beat: Heartbeat) -> str:
    if beat.behind_s is None:
        return "has heard nothing yet"
    return f"{beat.behind_s:.1f} s behind the broker" if beat.behind_s else "keeps up with the broker"


def _in_flight(capture: Capture, held: set[int], due_ms: int, now: int) -> CaptureInFlight:
    return CaptureInFlight(
        device=capture.ref.device_id,
        image=capture.ref.image_name,
        state=_state(capture, now),
        chunks=len(held),
        total=capture.total_chunks,
        missing=ranges(number for number in range(capture.total_chunks or 0) if number not in held),
        nacks=capture.nacks,
        age_s=(now - capture.first_at_ms) / 1000,
        quiet_s=(now - capture.last_at_ms) / 1000,
        next_look_s=(due_ms - now) / 1000,
    )


def _state(capture: Capture, now: int) -> str:
    if capture.state is State.COMPLETE and capture.lease_until_ms > now:
        return "being stored"
    return capture.state.value.replace("_", " ")


def _workers(app: Celery) -> list[Peer]:
    answers: dict[str, list[dict[str, Any]]] = app.control.inspect(timeout=WORKERS_ANSWER_S).active() or {}
    return [Peer(name, 0.0, f"{len(tasks)} tasks") for name, tasks in sorted(answers.items())]
