"""The wakes of a fleet as the service records them: its own code makes what its own SQL functions get.

There is no broker, no Redis and no Storage here: what they would hold is given to the code that reads it.
"""

import itertools
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, cast

import orjson
import psycopg

from benchmarks.photograph import CHUNK_BYTES, CHUNKS, IMAGE_BYTES
from core import wire
from core.clock import to_datetime, to_iso
from core.errors import CaptureRejected, ErrorCode
from core.store.capture import Capture, Progress, State
from core.store.devices import Hello, SentAck
from core.store.keys import CaptureRef, Stream
from core.store.story import Story
from core.store.streams import Entry, message_entry
from core.supabase import SupabaseGateway
from core.wake import Wake
from listener.batch import Batch
from listener.message_log import MessageLog
from tasks.stations.acknowledge import ack
from tasks.stations.persist import persist

LIMITS: Final = wire.Limits(65_536, 2**20)
TRANSFER_MS: Final = 30_000
QUIET_MS: Final = 5_000
# Real devices send their metadata so often again, empty.
REPEATS: Final = 40
# One of so many pictures never comes whole, and is an error.
FAILS: Final = 100


class Calls:
    """A gateway to a database without Supabase: each call is a transaction of its own, as over HTTP."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def call(self, function: str, **parameters: Any) -> Any:
        """Call a function of the schema public."""
        given = ", ".join(f"{name} => %s" for name in parameters)
        values = [json.dumps(value) for value in parameters.values()]
        row = self._connection.execute(f"select public.{function}({given})".encode(), values).fetchone()
        return row and row[0]

    def record_capture(self, row: dict[str, Any]) -> Any:
        """Record a capture, alone."""
        return self.call("record_capture", p_capture=row)


class _Entries:
    """A batch that keeps what it gets for the streams."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def append(self, _: Stream, entries: list[Entry]) -> None:
        """Keep entries."""
        self.entries += entries


def log_rows(entries: list[Entry]) -> list[dict[str, Any]]:
    """Return entries of the message log as `record_log` takes them."""
    return [entry | {"received_at": to_iso(entry["received_at_ms"])} for entry in entries]


class Wakes:
    """Makes the wakes of a fleet, each with a hello, a picture, readings and its ACK; counts from `first`."""

    def __init__(self, calls: Calls, first: int = 1) -> None:
        self._calls = calls
        self._numbers = itertools.count(first)
        self._acks: dict[str, SentAck] = {}

    def wake(self, device_id: str, at: datetime) -> None:
        """Record one wake at this time, and its four messages in the log."""
        number, now = next(self._numbers), round(at.timestamp() * 1000)
        hello = hello_of(device_id, number, now)
        acks = [self._acks.pop(device_id)] if device_id in self._acks else []
        answer = self._calls.call(
            "record_hello",
            p_hello=hello.to_json() | {"received_at": to_iso(now), "at": to_iso(now), "acks": acks},
        )
        capture = capture_of(device_id, number, now + 400)
        recorded = self._record(capture, failed=number % FAILS == 0)
        if recorded["ingest_status"] == "stored":
            ack_of = SentAck(capture_id=recorded["capture_id"], at_ms=capture.last_at_ms, times=1)
            self._acks[device_id] = ack_of
        wake = Wake(datetime.fromisoformat(recorded["next_wake_at"]), recorded["timezone"])
        self._calls.call("record_log", p_messages=log_rows(log_of(hello, capture, answer, wake)), p_errors=[])

    def _record(self, capture: Capture, *, failed: bool) -> dict[str, Any]:
        gateway, end = cast(SupabaseGateway, self._calls), capture.last_at_ms
        if failed:
            error = CaptureRejected(ErrorCode.ASSEMBLY_TIMEOUT, "timed out: chunks are missing", chunks=43)
            return persist(gateway, capture, "failed", end, error)
        ref, day = capture.ref, capture.captured_at.strftime("%Y/%m/%d")
        path = f"{ref.device_id}/{day}/{ref.image_name}"
        return persist(
            gateway,
            capture,
            "stored",
            end,
            image_bytes=capture.image_bytes,
            image_sha256=sha256(path.encode()).hexdigest(),
            storage_path=f"captures/{path}",
            thumbnail_path=f"thumbnails/{path}",
            width=800,
            height=600,
            damaged=False,
            replaces_sha256=None,
        )


def hello_of(device_id: str, number: int, now: int) -> Hello:
    """Return a hello as firmware sends it, with telemetry."""
    said = {
        "device_id": device_id,
        "status": "Alive",
        "pendingImg": 0,
        "pending_list": [],
        "firmware_version": "2.4.1",
        "uptime_seconds": 3 + number % 5,
        "boot_count": number,
        "battery_voltage": 4.2 - number % 90 / 100,
        "battery_percent": 100 - number % 90,
        "wifi_rssi": -50 - number % 30,
        "free_heap_bytes": 195_000 + number % 7_000,
    }
    status = wire.decode(wire.topic(device_id, "status"), json.dumps(said).encode(), LIMITS)
    assert isinstance(status, wire.Status)  # noqa: S101
    return Hello.of(status, now)


def metadata_of(device_id: str, number: int, now: int) -> wire.Metadata:
    """Return the metadata of a picture as firmware sends it."""
    said = {
        "device_id": device_id,
        "capture_timeStamp": to_datetime(now).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "image_name": f"image_{number}.jpg",
        "image_id": f"{device_id}-{now // 1000}",
        "image_size": IMAGE_BYTES,
        "max_chunks_size": CHUNK_BYTES,
        "total_chunk_count": CHUNKS,
        "location": "greenhouse_2",
        "firmware_version": "2.4.1",
        "error": 0,
        "temperature": 15 + number % 1000 / 100,
        "humidity": 40 + number % 2000 / 100,
        "pressure": 960 + number % 5000 / 100,
        "gas_resistance": 64_337.91 + number % 4000,
    }
    metadata = wire.decode(wire.topic(device_id, "data"), json.dumps(said).encode(), LIMITS)
    assert isinstance(metadata, wire.Metadata)  # noqa: S101
    return metadata


def capture_of(device_id: str, number: int, now: int) -> Capture:
    """Return a picture whose messages have begun to come now, as Redis gives it to a worker."""
    metadata = metadata_of(device_id, number, now)
    return Capture(
        ref=CaptureRef(device_id, metadata.image_name),
        state=State.COMPLETE,
        first_at_ms=now,
        last_at_ms=now + TRANSFER_MS,
        device_time=metadata.captured_at,
        image_bytes=metadata.image_bytes,
        total_chunks=metadata.total_chunks,
        error=None,
        beside=False,
        image_id=metadata.image_id,
        image_sha256=None,
        location=metadata.location,
        firmware_version=metadata.firmware_version,
        sensors=metadata.sensors,
        metadata=metadata.raw,
        nacks=0,
        damaged_sha256=None,
        asked_again=0,
        lease_until_ms=0,
        tries=0,
        failed_code=None,
        progress=Progress(stations=",".join(str(now + TRANSFER_MS + ms) for ms in (12, 31, 420))),
        heard=_heard(number, now),
    )


def _heard(number: int, now: int) -> Story:
    """Return the story of a picture; every tenth has lost chunks in two pauses."""
    heard: Story = {"at": now, "metadata": 0, "chunks": [412, TRANSFER_MS]}
    if number % 10 == 0:
        heard["gaps"] = [[9_120, 3_412, 17, 30], [17_020, 1_211, 38, 40]]
        heard["events"] = [[31_340, "asked", 13, 13, "18-29+39"], [32_010, "answered"]]
    return heard


def log_of(hello: Hello, capture: Capture, answer: dict[str, Any], wake: Wake) -> list[Entry]:
    """Return the entries of the message log: what came as the listener sums it up, and what was sent."""
    device_id, name, began = hello.device_id, capture.ref.image_name, capture.first_at_ms
    batch, log = _Entries(), MessageLog(QUIET_MS)
    log.hello(hello.status, hello.received_at_ms)
    metadata = wire.decode(wire.topic(device_id, "data"), capture.metadata, LIMITS)
    assert isinstance(metadata, wire.Metadata)  # noqa: S101
    log.metadata(metadata, began)
    for chunk in range(CHUNKS):
        log.chunks(device_id, name, 1, CHUNK_BYTES, began + (chunk + 1) * TRANSFER_MS // CHUNKS - chunk % 7)
    for repeat in range(REPEATS):
        log.metadata(metadata._replace(total_chunks=None), began + repeat * TRANSFER_MS // REPEATS)
    log.close(cast(Batch, batch), capture.last_at_ms)
    asked = {"device_id": device_id, "capture_image": bool(answer["capture_due"])}
    end = capture.last_at_ms
    acknowledged = orjson.loads(ack(device_id, name, wake, to_datetime(end), 60))
    return [
        *batch.entries,
        message_entry(device_id, wire.topic(device_id, "cmd"), "out", asked, began),
        message_entry(device_id, wire.topic(device_id, "ack"), "out", acknowledged, end),
    ]


def hours(days: int) -> list[datetime]:
    """Return the hours of so many days, up to the present one."""
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return [until - timedelta(hours=hour) for hour in range(24 * days, 0, -1)]
