"""The publisher: one lasting MQTT connection per worker process, for all messages to devices."""

import logging
import threading
import time
from contextlib import suppress
from typing import Any, Final

import orjson
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessageInfo
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core import mqtt
from core.alarm import Alarm
from core.clock import Clock
from core.errors import AccessDenied, Misconfigured, OutOfMemory, Transient
from core.rate_limit import RateLimit, Refusal
from core.settings import MqttSettings
from core.store.keys import LOG
from core.store.streams import ROWS_PER_MINUTE, Entry, Streams, message_entry
from core.wire import topic
from operate import metrics

log = logging.getLogger("tasks.publish")
_alarm: Final = Alarm(log, "broker_refusal")

# How long a task waits for the broker's PUBACK before it fails and is retried.
PUBACK_TIMEOUT_S: Final = 5.0
# How long the start waits for the answer to the login; without one it continues, as the broker may be away.
FIRST_ANSWER_S: Final = 5.0
# The message log names this many of the chunks that a NACK asks for; a picture may have 16,384.
MISSING_LOGGED: Final = 50


class Publisher:
    """Publishes at QoS 1; safe to share between threads.

    The constructor raises Misconfigured if the broker refuses the login.
    """

    def __init__(self, settings: MqttSettings, client_id: str, streams: Streams, clock: Clock) -> None:
        self._settings = settings
        self._streams = streams
        self._clock = clock
        self._rows = RateLimit(ROWS_PER_MINUTE)
        self._one_at_a_time = threading.Lock()
        self._client = mqtt.make_client(Client, settings, client_id, lasting=False)
        self._client.on_pre_connect = self._on_pre_connect
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.max_inflight_messages_set(1000)
        self._client.max_queued_messages_set(10_000)
        self._client.on_publish = self._on_publish
        self._ping_topic = mqtt.ping_topic(settings, client_id)
        self._ping: MQTTMessageInfo | None = None
        self._active_at = time.monotonic()
        # The reason and the time of each refusal, by the id of its message: an id comes again after 65,535.
        self._refusals: dict[int, tuple[ReasonCode, float]] = {}
        self._answer: ReasonCode | None = None
        self._answered = threading.Event()
        try:
            mqtt.connect(self._client, settings, lasting=False)
        except (OSError, ValueError) as error:
            if mqtt.refuses(error):
                raise Misconfigured(f"broker: {error}; {mqtt.remedy(error)}") from error
            log.warning("cannot reach the broker %s:%d: %s", settings.mqtt_host, settings.mqtt_port, error)
        self._client.loop_start()  # this loop keeps trying to connect
        self._insist_on_login()

    def send(self, device_id: str, kind: str, payload: bytes) -> None:
        """Publish and wait up to 5 s for the PUBACK; raise Transient if none comes.

        The broker may deliver the message even then, so each message must be safe to send twice. Raises
        AccessDenied if the broker refuses the message, as MQTT 5 lets it say in the PUBACK.
        """
        if not self.connected:
            raise Transient("the broker is away")
        began = time.monotonic()
        name = mqtt.topic(self._settings, device_id, kind)
        message = self._client.publish(name, payload, qos=1)
        mqtt.wait_for_puback(message, PUBACK_TIMEOUT_S)
        reason, refused_at = self._refusals.pop(message.mid, (None, began))
        if reason and refused_at >= began:
            raise AccessDenied(f"the broker refuses a message to {name}: {reason}")
        self._note([(device_id, kind, payload)])

    def send_all(self, messages: list[tuple[str, str, bytes]]) -> None:
        """Publish many messages without waiting for PUBACKs; a later sweep repeats what is lost."""
        for device_id, kind, payload in messages:
            self._client.publish(mqtt.topic(self._settings, device_id, kind), payload, qos=1)
        self._note(messages)

    def _note(self, messages: list[tuple[str, str, bytes]]) -> None:
        now = self._clock()
        with self._one_at_a_time:
            refusals = [self._rows.refuses(device_id, now) for device_id, *_ in messages]
        entries = [
            self._entry(*message, now, refusal)
            for message, refusal in zip(messages, refusals, strict=True)
            if refusal is None or refusal.first
        ]
        if entries:
            with suppress(OutOfMemory):  # what is sent is sent
                self._streams.append(LOG, entries)

    @property
    def connected(self) -> bool:
        """Whether the client is connected, as far as it knows."""
        return self._client.is_connected()

    def ping(self) -> None:
        """Publish a ping, whose PUBACK shows that the broker is alive; only one ping waits at a time."""
        if self.connected and (self._ping is None or self._ping.is_published()):
            self._ping = self._client.publish(self._ping_topic, qos=1)

    def idle_for_s(self) -> float:
        """Return the seconds since the broker's last CONNACK or PUBACK, or since the last try to reach it.

        While the broker is away, the client tries at least every 20 s.
        """
        return time.monotonic() - self._active_at

    def close(self) -> None:
        """Disconnect from the broker and stop the thread of the client."""
        self._client.disconnect()
        self._client.loop_stop()

    def _entry(self, device_id: str, kind: str, payload: bytes, now: int, refusal: Refusal | None) -> Entry:
        """Make the row of a message, or the one which says that there are no more."""
        said = orjson.loads(payload)
        missing = said.get("missing_chunks")
        if refusal:
            said = {"left_out": f"what else is sent in this {refusal.period}"}
        elif isinstance(missing, list) and len(missing) > MISSING_LOGGED:
            said |= {"missing_chunks": missing[:MISSING_LOGGED], "missing": len(missing)}
        return message_entry(device_id, topic(device_id, kind), "out", said, now)

    def _insist_on_login(self) -> None:
        self._answered.wait(FIRST_ANSWER_S)
        if self._answer and mqtt.refuses(self._answer):
            self._client.loop_stop()
            raise Misconfigured(f"broker login: {self._answer}; {mqtt.remedy(self._answer)}")

    def _on_pre_connect(self, _client: Client, _data: Any) -> None:
        self._active_at = time.monotonic()

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._answer = reason
        self._answered.set()
        self._active_at = time.monotonic()
        if reason.is_failure:
            log.error("the broker refuses the connection: %s", reason)
        else:
            log.info("✓ MQTT connected successfully")

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        self._active_at = time.monotonic()
        if reason.is_failure:
            # The sender learns it after this, when paho reports the message as published.
            self._refusals[mid] = reason, self._active_at
            metrics.REFUSALS.inc()
            _alarm.sound(f"the broker refuses messages to devices: {reason}; {mqtt.RIGHTS}")

    @staticmethod
    def _on_disconnect(
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.warning("connection to the broker lost: %s", reason)
