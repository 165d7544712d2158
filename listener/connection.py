"""The connection to the broker: it receives messages, and sends their PUBACKs when told to.

The listener runs the network loop itself: it reads many packets for one wait on the socket. Nothing else uses
the client, so PUBACKs need no lock. Message ids are reused after a reconnect, so each message keeps the
number of its connection, and its PUBACK is sent on no other one.

While the broker is away, the connection is tried again and again: a new process would fare no better. A
connection that stands but delivers nothing is another matter: it is Deaf, and only a new process may help.
"""

import logging
import select
import time
from collections import deque
from typing import Any, Final, NamedTuple

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core import mqtt
from core.alarm import Alarm
from core.clock import Clock
from core.errors import Misconfigured
from core.settings import ListenerSettings
from core.store.listeners import PING_EVERY_MS
from listener.intake import Intake, IntakeClient, Published
from listener.ping import Pings

log = logging.getLogger("listener")

# A batch goes to Redis once this many messages are read, even if more wait in the socket.
READ_AT_MOST: Final = 200
# While no PUBACK may be sent, this much is read ahead: enough to see the broker's keepalive answers.
HOLD_MESSAGES: Final = 2_000
HOLD_BYTES: Final = 16 * 2**20
# How often a refused subscription is asked for again, with an alarm each time.
SUBSCRIBE_AGAIN_S: Final = 15.0


OFTEN: Final = 4
_lost_often: Final = Alarm(log, "connection_lost_often")


class Deaf(Exception):
    """The broker is connected but delivers nothing, not even the listener's own pings."""


class Received(NamedTuple):
    """A message without its PUBACK; `connection` is the number of the connection on which it came."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int


def client_id(settings: ListenerSettings, instance: str) -> str:
    """Return the name of a listener's session; in a group each instance has one of its own."""
    name = f"{settings.mqtt_client_id}{instance}" if settings.mqtt_shared_group else settings.mqtt_client_id
    return mqtt.secret_name(settings, name)


class BrokerConnection:
    """One session at the broker, which outlives its connection; it reconnects by itself until it is closed.

    One that `inherits` the session of a dead listener subscribes to no topic, and reads what is left in it.
    """

    def __init__(
        self, settings: ListenerSettings, client_id: str, clock: Clock, *, inherits: bool = False
    ) -> None:
        self._settings = settings
        self._inherits = inherits
        self.topics = mqtt.subscriptions(settings)
        self.client_id = client_id
        self.ping_topic = mqtt.ping_topic(settings, client_id)
        self._pings = Pings(clock)
        self._lost_at: deque[float] = deque(maxlen=OFTEN)
        self._client = mqtt.make_client(IntakeClient, settings, client_id, lasting=True, manual_ack=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._inbox: list[Received] = []
        self._connections = 0
        self._served = False
        self._subscribed = False
        self._subscribe_at = 0.0
        self._retry_at = 0.0
        self._retry_delay = 1.0
        self._next_ping = 0.0
        self._answered = time.monotonic()
        self._refusal = ""

    def read(self, wait_s: float) -> list[Received]:
        """Wait up to `wait_s` for messages and return those that arrived; reconnect if needed.

        Raises Deaf if the broker is connected and has delivered nothing for MQTT_DEAF_AFTER_S, and
        Misconfigured if it refuses the settings of a listener that it has never served. A listener that it
        has served retries.
        """
        if self._refusal:
            raise Misconfigured(self._refusal)
        now = time.monotonic()
        intake = self._intake()
        if intake is None:
            self._reconnect(now, wait_s)
            return []
        if self._client.is_connected():
            self._speak(now)
        if not intake.pending():
            select.select([intake], [intake] if intake.wants_write else [], [], wait_s)
        self._read_packets(intake)
        self._flush()
        self._client.loop_misc()
        silence = now - self._answered
        if silence > self._settings.mqtt_deaf_after_s and self._client.is_connected():
            raise Deaf(f"connected, but no answer from the broker for {silence:.0f} s")
        messages, self._inbox = self._inbox, []
        return messages

    def puback(self, messages: list[Received]) -> None:
        """Send the PUBACKs in the order of receipt, without those of an earlier connection."""
        if (intake := self._intake()) is not None:
            intake.puback([m.mid for m in messages if m.qos and m.connection == self._connections])

    def tend(self) -> None:
        """Keep the connection alive while no PUBACK may be sent; what arrives waits for `read`.

        The broker stops at its limit of messages without PUBACK, and then not even our own ping arrives.
        Meanwhile only the keepalive shows whether the connection is alive.
        """
        self._answered = time.monotonic()
        held = sum(len(message.payload) for message in self._inbox)
        intake = self._intake()
        if intake is not None and len(self._inbox) < HOLD_MESSAGES and held < HOLD_BYTES:
            self._read_packets(intake)
        self._flush()
        self._client.loop_misc()

    def tell(self, device_id: str, command: bytes) -> None:
        """Send a command to a device; without the broker it waits for the next connection."""
        self._client.publish(mqtt.topic(self._settings, device_id, "cmd"), command, qos=1)

    @property
    def heard_until_ms(self) -> int:
        """Until when all that was sent to this session has come (ms); 0 if that is not known yet."""
        return self._pings.heard_until_ms

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection, as far as is known."""
        return self._client.is_connected()

    def leave(self) -> None:
        """Unsubscribe, because others take what comes now; messages sent before may still arrive."""
        self._client.unsubscribe(self.topics)

    def close(self) -> None:
        """Disconnect in good order; the session keeps later messages at the broker."""
        self._client.disconnect()
        self._flush()

    def _speak(self, now: float) -> None:
        if not self._subscribed and now >= self._subscribe_at:
            self._subscribe_at = now + SUBSCRIBE_AGAIN_S
            if self._inherits:
                self.leave()
            self._client.subscribe([(topic, 1) for topic in self._wanted])
        if now >= self._next_ping:
            self._next_ping = now + PING_EVERY_MS / 1000
            self._client.publish(self.ping_topic, self._pings.make(), qos=1)

    @property
    def _wanted(self) -> list[str]:
        return [self.ping_topic] if self._inherits else [*self.topics, self.ping_topic]

    def _intake(self) -> Intake | None:
        intake: Intake | None = self._client.socket()  # type: ignore[assignment]
        return intake

    def _read_packets(self, intake: Intake) -> None:
        self._inbox += map(self._received, intake.take(READ_AT_MOST))
        while intake.leftovers and self._client.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            pass

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
        # Counted before its CONNACK: until then this connection has delivered nothing to acknowledge.
        self._connections += 1
        try:
            mqtt.connect(
                self._client,
                self._settings,
                lasting=True,
                receive_maximum=self._settings.mqtt_receive_maximum,
            )
        except (OSError, ValueError) as error:
            if mqtt.refuses(error) and not self._served:
                raise Misconfigured(f"broker: {error}; {mqtt.remedy(error)}") from error
            log.warning(
                "cannot reach the broker %s:%d: %s", self._settings.mqtt_host, self._settings.mqtt_port, error
            )

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses the connection: %s", reason)
            if mqtt.refuses(reason) and not self._served:
                self._refusal = f"broker login: {reason}; {mqtt.remedy(reason)}"
            return
        self._retry_delay = 1.0
        self._subscribed, self._subscribe_at = False, 0.0
        self._answered = time.monotonic()
        log.info("✓ MQTT connected successfully")
        self._speak(self._answered)

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        refused = [topic for topic, reason in zip(self._wanted, reasons, strict=True) if reason.is_failure]
        if refused and not self._served:
            self._refusal = f"subscription to {', '.join(refused)} refused; {mqtt.RIGHTS}"
        elif refused:
            # What this listener does not hear, nobody may take for the silence of a device: see `_received`.
            log.critical(
                "ALARM: the broker refuses the subscription to %s; devices are not heard; %s",
                ", ".join(refused),
                mqtt.RIGHTS,
            )
        else:
            self._served = self._subscribed = True
            if not self._inherits:
                log.info("✓ Subscribed to topics: %s", ", ".join(self.topics))

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._retry_at = time.monotonic() + self._retry_delay
        if not reason.is_failure:
            return
        log.warning("connection to the broker lost: %s", reason)
        self._lost_at.append(time.monotonic())
        if len(self._lost_at) == OFTEN and self._lost_at[-1] - self._lost_at[0] < 60:
            _lost_often.sound(
                f"the connection to the broker was lost {OFTEN} times within a minute: is the network bad,"
                " or does somebody else connect with this listener's client id?"
            )

    def _received(self, message: Published) -> Received:
        topic = message.topic.decode(errors="replace")
        if topic == self.ping_topic and self._subscribed and self._pings.take(message.payload):
            self._answered = time.monotonic()
        known = mqtt.as_known(self._settings, topic)
        return Received(known, message.payload, message.mid, message.qos, self._connections)
