"""The connection to the broker: which messages came, and sending their PUBACKs by hand.

The loop is the listener's own: many packets are read for one wait on the socket, and nothing else touches
the client, so PUBACKs need no lock. Message ids are reused after a reconnect, so each message remembers the
connection on which it came, and no PUBACK goes out on another one.
"""

import logging
import secrets
import select
import time
from typing import Any, Final, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTv5
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core import mqtt
from core.errors import Misconfigured
from core.settings import ListenerSettings
from core.wire import TOPIC_ROOT
from listener.intake import Intake, IntakeClient, Published

log = logging.getLogger("listener")

# So many messages are read before the batch goes to Redis, even if more wait in the socket.
READ_AT_MOST: Final = 200
# While no PUBACK may be sent, so much is read ahead: enough to see the broker's answers to our keepalive.
HOLD_MESSAGES: Final = 2_000
HOLD_BYTES: Final = 16 * 2**20
PING_EVERY_S: Final = 1.0
# Another listener has our client id: it is the newer one of a deploy, and this one will be stopped soon.
STAND_BY_S: Final = 90.0


class Deaf(Exception):
    """The broker has delivered nothing for too long, not even what this listener sent itself."""


class Received(NamedTuple):
    """A message whose PUBACK is not sent yet; `connection` counts the connects."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


class BrokerConnection:
    """One session at the broker, reconnecting by itself until it is closed."""

    def __init__(self, settings: ListenerSettings, instance: str) -> None:
        self._settings = settings
        self.topics = mqtt.subscriptions(settings)
        # The session of a single listener outlives restarts. In a shared group each listener has a session of
        # its own that ends with the connection, since nobody would read what the broker gives to a session
        # whose listener is gone.
        self._alone = not settings.mqtt_shared_group
        client_id = settings.mqtt_client_id if self._alone else f"{settings.mqtt_client_id}-{instance}"
        self.client_id = "".join(filter(str.isalnum, client_id))
        self.ping_topic = f"{TOPIC_ROOT}/{self.client_id}/ping"
        # Anyone may publish there, so a ping proves something only where it carries what nobody else knows.
        self._ping_token = secrets.token_hex(8).encode()
        self._client = mqtt.make_client(
            IntakeClient, settings, self.client_id, lasting=self._alone, manual_ack=True
        )
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._inbox: list[Received] = []
        self._connections = 0
        self._retry_at = 0.0
        self._retry_delay = 1.0
        self._next_ping = 0.0
        self._answered = time.monotonic()
        self.heard_until_ms = 0
        self._refusal = ""

    def read(self, wait_s: float) -> list[Received]:
        """Wait up to `wait_s` for messages and give those that came; reconnect where needed.

        Raises Deaf where the connection looks alive and delivers nothing, and Misconfigured where the
        broker refuses the settings of a listener that it has never served. One that it has served waits.
        """
        if self._refusal:
            raise Misconfigured(self._refusal)
        now = time.monotonic()
        if now - self._answered > self._settings.mqtt_deaf_after_s:
            raise Deaf(f"no answer from the broker for {now - self._answered:.0f} s")
        intake = self._intake()
        if intake is None:
            self._reconnect(now, wait_s)
            return []
        if self._client.is_connected() and now >= self._next_ping:
            self._next_ping = now + PING_EVERY_S
            stamp = time.time_ns() // 1_000_000
            self._client.publish(self.ping_topic, b"%s %d" % (self._ping_token, stamp), qos=1)
        if not intake.pending():
            select.select([intake], [intake] if intake.wants_write else [], [], wait_s)
        self._read_packets(intake)
        self._flush()
        self._client.loop_misc()
        messages, self._inbox = self._inbox, []
        return messages

    def puback(self, messages: list[Received]) -> None:
        """Send the PUBACKs, in the order of receipt; those of an earlier connection are dropped."""
        if (intake := self._intake()) is not None:
            intake.puback([m.mid for m in messages if m.qos and m.connection == self._connections])

    def tend(self) -> None:
        """Keep the connection alive while no PUBACK may be sent; what comes waits for `read`.

        The broker stops at its window of messages without PUBACK, and then not even our ping comes through.
        Meanwhile only the keepalive tells whether the connection lives.
        """
        self._answered = time.monotonic()
        held = sum(len(message.payload) for message in self._inbox)
        intake = self._intake()
        if intake is not None and len(self._inbox) < HOLD_MESSAGES and held < HOLD_BYTES:
            self._read_packets(intake)
        self._flush()
        self._client.loop_misc()

    def leave(self) -> bool:
        """Ask for no more, where others of a group take over; True if what was sent before still comes."""
        leaving = not self._alone and self._client.is_connected()
        if leaving:
            self._client.unsubscribe(self.topics)
        return leaving

    def close(self) -> None:
        """Leave the broker in good order; a session that outlives this keeps what comes meanwhile."""
        self._client.disconnect()
        self._flush()

    def _intake(self) -> Intake | None:
        intake: Intake | None = self._client.socket()  # type: ignore[assignment]
        return intake

    def _read_packets(self, intake: Intake) -> None:
        messages = intake.take(READ_AT_MOST)
        # First paho's part: a session that is resumed brings messages right behind its CONNACK, and the
        # CONNACK is what counts the connection on which they came.
        while intake.leftovers and self._client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        self._inbox += map(self._received, messages)

    def _flush(self) -> None:
        while self._client.want_write() and self._client.loop_write() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass
        if (intake := self._intake()) is not None:
            intake.flush()

    def _reconnect(self, now: float, wait_s: float) -> None:
        if now < self._retry_at:
            time.sleep(min(wait_s, self._retry_at - now))
            return
        self._retry_at, self._retry_delay = now + self._retry_delay, min(self._retry_delay * 2, 15.0)
        try:
            mqtt.connect(
                self._client,
                self._settings,
                lasting=self._alone,
                receive_maximum=self._settings.mqtt_receive_maximum,
            )
        except (OSError, ValueError) as error:
            if mqtt.refuses(error) and not self._connections:
                raise Misconfigured(f"broker: {error}; {mqtt.remedy(error)}") from error
            log.warning(
                "cannot reach the broker %s:%d: %s", self._settings.mqtt_host, self._settings.mqtt_port, error
            )

    def _on_connect(
        self,
        client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses the connection: %s", reason)
            if mqtt.refuses(reason) and not self._connections:
                self._refusal = f"broker login: {reason}; {mqtt.remedy(reason)}"
            return
        self._connections += 1
        self._retry_delay = 1.0
        self._answered = time.monotonic()
        log.info("✓ MQTT connected successfully")
        client.subscribe([(topic, 1) for topic in (*self.topics, self.ping_topic)])

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        topics = (*self.topics, self.ping_topic)
        refused = [topic for topic, reason in zip(topics, reasons, strict=True) if reason.is_failure]
        if refused:
            log.error("the broker refuses the subscription to %s", ", ".join(refused))
            if self._connections == 1:
                self._refusal = f"subscription to {', '.join(refused)} refused; {mqtt.RIGHTS}"
        else:
            log.info("✓ Subscribed to topics: %s", ", ".join(self.topics))

    def _on_disconnect(
        self,
        client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._retry_at = time.monotonic() + self._retry_delay
        if client.protocol == MQTTv5 and reason.value == 0x8E:
            self._retry_at += STAND_BY_S
            self._answered = self._retry_at
            log.warning("another listener has taken the client id %s; standing by", self.client_id)
        elif reason.is_failure:
            log.warning("connection to the broker lost: %s", reason)

    def _received(self, message: Published) -> Received:
        topic = message.topic.decode(errors="replace")
        if topic == self.ping_topic:
            token, _, stamp = message.payload.partition(b" ")
            if token == self._ping_token:
                self._answered = time.monotonic()
                self.heard_until_ms = max(self.heard_until_ms, int(stamp))
        return Received(topic, message.payload, message.mid, message.qos, self._connections)
