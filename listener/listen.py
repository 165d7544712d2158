"""The loop of the listener: read what came, store it in one round trip, acknowledge, enqueue.

A PUBACK leaves only after Redis has answered and what is complete is enqueued. Where that fails the
same batch is tried again; what is not acknowledged the broker keeps. While Redis is nearly full, no message
is taken at all.
"""

import logging
import threading
import time
from typing import Any, Final

import orjson

from core import keys, metrics
from core.batch import Outcome
from core.chunk_store import ChunkStore
from core.clock import now_ms
from core.dispatch import Dispatcher
from core.errors import ErrorCode, Transient
from core.memory import MemoryGate
from core.protocol import Limits, Status
from core.settings import Settings
from listener.connection import BrokerConnection, Received
from listener.receive import Receiver
from listener.records import MessageLog, RateLimit, error_record

log = logging.getLogger("listener")

WAIT_S: Final = 0.25
RETRY_S: Final = 0.5
HEARTBEAT_MS: Final = 1000
# Well below the time that a platform gives a process to end.
DRAIN_S: Final = 5.0
REFUSALS: Final = {"refused": "too many captures in flight", "too_large": "image larger than MAX_IMAGE_BYTES"}


class Listener:
    """Moves messages from the broker to Redis until told to stop."""

    def __init__(
        self, settings: Settings, connection: BrokerConnection, store: ChunkStore, dispatcher: Dispatcher
    ) -> None:
        self._connection = connection
        self._store = store
        self._dispatcher = dispatcher
        self._rate_limit = RateLimit(settings.errors_per_minute, 100 * settings.errors_per_minute)
        self._log = MessageLog()
        limits = Limits(settings.max_chunk_bytes, settings.max_image_bytes)
        self._receiver = Receiver(
            limits, connection.ping_topic, self._rate_limit, self._log, settings.messages_per_minute
        )
        self._next_heartbeat = 0
        self._gate = MemoryGate(store)

    def run(self, stopping: threading.Event) -> None:
        """Listen until `stopping` is set; raise Deaf where only a new process helps."""
        log.info("✓ Worker started - processing messages...")
        while not stopping.is_set():
            if self._gate.closed():
                self._connection.tend()
                stopping.wait(RETRY_S)
                continue
            messages = self._connection.read(WAIT_S)
            now = now_ms()
            if messages or now >= self._next_heartbeat:
                self._take(messages, now, stopping)
        if self._connection.leave():
            self._drain(stopping)
        self._connection.close()

    def _drain(self, stopping: threading.Event) -> None:
        """Take what the broker has given to this listener; devices would be asked for it again."""
        deadline = time.monotonic() + DRAIN_S
        while time.monotonic() < deadline and (messages := self._connection.read(WAIT_S)):
            self._take(messages, now_ms(), stopping)

    def _take(self, messages: list[Received], now: int, stopping: threading.Event) -> None:
        """Store, enqueue, then acknowledge; try again until Redis and Celery's broker have taken all."""
        batch = self._store.batch()
        hellos = [describe_status(status, now) for status in self._receiver.fill(batch, messages, now)]
        for hello in hellos:
            batch.hello(hello["device_id"], hello, now)
        if now >= self._next_heartbeat:
            self._next_heartbeat = now + HEARTBEAT_MS
            batch.heard(self._connection.client_id, now, self._connection.heard_until_ms)
            self._log.flush(batch)
        while True:
            try:
                self._settle(batch.commit(), hellos, now)
            except Transient as error:
                if stopping.is_set():
                    return
                log.warning("not acknowledged, trying again: %s", error)
                self._connection.tend()
                stopping.wait(RETRY_S)
            else:
                self._connection.acknowledge(messages)
                return

    def _settle(self, outcomes: list[Outcome], hellos: list[dict[str, Any]], now: int) -> None:
        refused = []
        for outcome in outcomes:
            if outcome.superseded:
                self._dispatcher.process_capture(outcome.superseded)
            if outcome.status == "complete":
                metrics.CAPTURES.labels("complete").inc()
                self._dispatcher.process_capture(outcome.ref)
            elif outcome.status == "stored":
                self._dispatcher.acknowledge_again(outcome.ref, outcome.ack.decode())
            elif outcome.status in REFUSALS:
                metrics.CAPTURES.labels("refused").inc()
                refused.append((outcome, ErrorCode.LIMIT_EXCEEDED, REFUSALS[outcome.status]))
            if outcome.out_of_range:
                refused.append(
                    (outcome, ErrorCode.CHUNK_ID_OUT_OF_RANGE, "chunk_id beyond total_chunk_count")
                )
        records = [
            error_record(outcome.ref.device_id, code, message, {"image": outcome.ref.image_name}, now)
            for outcome, code, message in refused
            if self._rate_limit.allows(outcome.ref.device_id, now)
        ]
        if records:
            self._store.record(keys.ERRORS, records)
        for hello in hellos:
            self._dispatcher.answer_hello(hello)


def describe_status(status: Status, now: int) -> dict[str, Any]:
    """Describe a hello for its task; the key makes a second delivery of that task harmless."""
    fields = status._asdict()
    del fields["claimed_id"]
    fields["raw"] = orjson.loads(status.raw)
    return fields | {"received_at_ms": now, "message_key": f"{status.device_id}:{now}"}
