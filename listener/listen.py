"""The loop of the listener: read what arrived, store it in one round trip, enqueue, send the PUBACKs.

A PUBACK is sent only after Redis has answered and the complete captures are enqueued. If that fails, the same
batch is retried, and the broker keeps the messages without PUBACK. While Redis is nearly full, chunks are
turned away; while it refuses every write, `stopgap` takes what comes.
"""

import logging
import threading
import time
from pathlib import Path
from typing import Final

from redis import Redis

from core.clock import Clock
from core.dispatch import Dispatcher
from core.errors import ErrorCode, OutOfMemory, Transient, WireError
from core.home_assistant import Button
from core.settings import ListenerSettings
from core.store.devices import DeviceStore, Hello
from core.store.keys import ERRORS, CaptureRef
from core.store.listeners import Heartbeat, Listeners
from core.store.streams import Streams
from listener.batch import Arrival, Batches, Outcome
from listener.buttons import Buttons
from listener.connection import BrokerConnection, Received
from listener.error_log import ErrorLog
from listener.inherit import Sessions
from listener.memory_gate import MemoryGate
from listener.message_log import MessageLog
from listener.receive import Receiver
from listener.stopgap import Stopgap
from operate import health, metrics

log = logging.getLogger("listener")

WAIT_S: Final = 0.25
RETRY_S: Final = 0.5
HEARTBEAT_S: Final = 1.0
# A capture is written to the message log when it has been quiet for this many times the delay of a NACK, so
# that chunks which were asked for are in the row of the others.
QUIET_AFTER: Final = 3
# Well below the time that a platform gives a process to stop.
DRAIN_S: Final = 5.0
REFUSALS: Final = {
    Arrival.REFUSED: "too much in flight",
    Arrival.TOO_LARGE: "image larger than MAX_IMAGE_BYTES",
}


class Listener:
    """Moves messages from the broker to Redis until it is stopped."""

    def __init__(
        self,
        settings: ListenerSettings,
        connection: BrokerConnection,
        redis: Redis,
        dispatcher: Dispatcher,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._sessions = Sessions(settings, Listeners(redis), connection.client_id, clock)
        self._in_group = bool(settings.mqtt_shared_group)
        self._batches = Batches(redis, settings)
        self._streams = Streams(redis)
        self._dispatcher = dispatcher
        self._errors = ErrorLog(settings.errors_per_minute)
        self._log = MessageLog(QUIET_AFTER * settings.retransmit_delay_ms)
        self._buttons = Buttons()
        self._receiver = Receiver(settings, self._errors, self._log, self._buttons)
        self._next_heartbeat = 0.0
        self._standing_by = False
        self._gate = MemoryGate(redis, clock, settings.redis_memory_mb)
        self._stopgap = Stopgap(settings, connection, self._receiver, DeviceStore(redis), clock)
        self._health_file: Path | None = settings.health_file

    def run(self, stopping: threading.Event) -> None:
        """Listen until `stopping` is set.

        Raises Deaf if only a new process helps, and Misconfigured if the broker refuses the settings.
        """
        log.info("✓ Worker started - processing messages...")
        try:
            self._listen(stopping)
            leaving = self._in_group and self._connection.connected and self._sessions.others_alive()
            is_empty = leaving and self._drain(stopping)
        finally:
            self._end_log()
        self._connection.close()
        if is_empty:
            self._sessions.end()
        elif leaving:
            log.warning("what the broker has is not all stored; it is left to the other listeners")

    def _listen(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            health.touch(self._health_file)
            self._gate.look()
            if not self._connection.connected and self._stands_by():
                stopping.wait(RETRY_S)
                continue
            messages = self._connection.read(WAIT_S)
            now = self._clock()
            if messages or time.monotonic() >= self._next_heartbeat:
                self._take(self._connection, messages, now, stopping)
            if self._connection.connected and (left := self._sessions.read()):
                self._take(self._sessions, left, self._clock(), stopping)

    def _stands_by(self) -> bool:
        """Leave the session to a younger listener: in a deployment this one is stopped soon."""
        superseded = self._sessions.superseded()
        if superseded and not self._standing_by:
            log.warning(
                "another listener has taken the client id %s; standing by", self._connection.client_id
            )
        self._standing_by = superseded
        return superseded

    def _drain(self, stopping: threading.Event) -> bool:
        """Unsubscribe and take what the broker already has for this session; say whether that is all stored.

        It is, when a ping has come back that was sent after all that: the broker keeps the order.
        """
        self._connection.leave()
        left_at, deadline = self._clock(), time.monotonic() + DRAIN_S
        while time.monotonic() < deadline:
            messages = self._connection.read(WAIT_S)
            if not self._take(self._connection, messages, self._clock(), stopping):
                return False
            if self._connection.heard_until_ms > left_at:
                return True
        return False

    def _end_log(self) -> None:
        batch = self._batches.begin()
        self._log.close(batch, self._clock())
        try:
            batch.commit()
        except Transient as error:
            log.warning("the end of the message log is lost: %s", error)

    def _take(
        self,
        source: BrokerConnection | Sessions,
        messages: list[Received],
        now: int,
        stopping: threading.Event,
    ) -> bool:
        """Store, enqueue, then send the PUBACKs; retry until Redis and Celery's broker have taken all.

        Returns False if they have not when the listener is to stop; then the broker keeps the messages.
        """
        if self._gate.refuses:
            self._stopgap.take(messages)
            source.puback(messages)
            return True
        batch, connection = self._batches.begin(), self._connection
        taken, chunks_too = [*self._stopgap.kept, *messages], not self._gate.closed
        statuses = self._receiver.fill(batch, taken, now, chunks_too=chunks_too)
        hellos, pressed = [Hello.of(status, now) for status in statuses], self._buttons.pressed()
        for hello in hellos:
            batch.hello(hello)
        # One that has never been let in has no session, and takes none from a listener before it.
        if time.monotonic() >= self._next_heartbeat and (connection.connected or connection.heard_until_ms):
            self._next_heartbeat = time.monotonic() + HEARTBEAT_S
            batch.heard(Heartbeat(self._sessions.name, now, connection.heard_until_ms))
            self._log.flush(batch, now)
        while True:
            try:
                outcomes = batch.commit()
                self._stopgap.kept.clear()
                self._settle(outcomes, hellos, pressed, now)
            except OutOfMemory:
                self._gate.refused()
                self._stopgap.take(messages)
                source.puback(messages)
                return True
            except Transient as error:
                if stopping.is_set():
                    return False
                log.warning("no PUBACK yet, trying again: %s", error)
                health.touch(self._health_file)
                self._connection.tend()
                self._sessions.tend()
                stopping.wait(RETRY_S)
            else:
                source.puback(messages)
                return True

    def _settle(self, outcomes: list[Outcome], hellos: list[Hello], pressed: list[Button], now: int) -> None:
        for outcome in outcomes:
            ref = outcome.ref
            if outcome.superseded:
                self._dispatcher.store_capture(outcome.superseded)
            if outcome.status is Arrival.COMPLETE:
                metrics.CAPTURES.labels("complete").inc()
                self._dispatcher.store_capture(ref)
            elif outcome.status is Arrival.STORED:
                self._dispatcher.acknowledge_again(ref)
            elif outcome.status in REFUSALS:
                metrics.CAPTURES.labels("refused").inc()
                self._refuse(ref, ErrorCode.LIMIT_EXCEEDED, REFUSALS[outcome.status], now)
            if outcome.begun or outcome.status is Arrival.STORED:
                self._receiver.begun(ref.device_id, now)
            if outcome.out_of_range:
                self._refuse(ref, ErrorCode.CHUNK_ID_OUT_OF_RANGE, "chunk_id beyond total_chunk_count", now)
        if errors := self._errors.take():
            self._streams.append(ERRORS, errors)
        for hello in hellos:
            self._dispatcher.answer_hello(hello)
        for button in pressed:
            self._dispatcher.press_button(button)

    def _refuse(self, ref: CaptureRef, code: ErrorCode, message: str, now: int) -> None:
        self._errors.add(ref.device_id, WireError(code, message, image=ref.image_name), now)
