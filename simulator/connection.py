"""One MQTT connection: a paho client whose callbacks only record what happened.

paho holds locks during its callbacks, so a callback neither publishes nor passes a message on. The network
reads the recorded state afterwards.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum
from ssl import SSLContext

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from simulator.options import FleetOptions

SUBSCRIBE_BATCH = 50  # topics in one SUBSCRIBE packet
WINDOW_MAX = 500
RETRY_SECONDS = (0.2, 5.0)  # first and longest delay before the next connection attempt


class Link(Enum):
    """The phases of a connection."""

    DOWN = "down"
    OPENING = "opening"
    GREETING = "greeting"  # connected; CONNACK or SUBACK outstanding
    READY = "ready"


class Connection:
    """One MQTT connection and the topics it subscribes to.

    At most `window` messages, and never more than `WINDOW_MAX`, may wait for their PUBACK. The topics are
    subscribed with QoS 1 at every connect.
    """

    def __init__(self, client_id: str, topics: Sequence[str], window: int) -> None:
        self.client_id = client_id
        self.topics = topics
        self.window = min(window, WINDOW_MAX)
        self.link = Link.DOWN
        self.wanted = False
        self.client: Client | None = None
        self.inbox: deque[tuple[str, bytes]] = deque()
        self.unacknowledged = 0
        self.refusal = ""
        self.retry_at = 0.0
        self._retry_delay = RETRY_SECONDS[0]
        self._subscribing = 0

    @property
    def room(self) -> int:
        """How many messages may be sent now; 0 while the connection is not ready."""
        return self.window - self.unacknowledged if self.link is Link.READY else 0

    @property
    def is_greeted(self) -> bool:
        """Whether the broker has confirmed the connection and all subscriptions."""
        return self.client is not None and self.client.is_connected() and self._subscribing == 0

    def prepare(self, options: FleetOptions, tls: SSLContext | None) -> Client:
        """Return the client to connect with.

        After a lost connection this is the same client, because it holds the messages not sent yet.
        """
        self.link = Link.OPENING
        self.refusal = ""
        self._subscribing = 0
        if self.client is None:
            self.client = self._make_client(options, tls)
        return self.client

    def become_ready(self) -> None:
        """Note that messages may be sent."""
        self.link = Link.READY
        self._retry_delay = RETRY_SECONDS[0]

    def become_down(self, now: float) -> None:
        """Note that the socket is closed; if the connection is still wanted, schedule the next attempt.

        The delay doubles with each attempt, within `RETRY_SECONDS`.
        """
        self.link = Link.DOWN
        if self.wanted:
            self.retry_at = now + self._retry_delay
            self._retry_delay = min(self._retry_delay * 2, RETRY_SECONDS[1])
        else:
            self.unacknowledged = 0
            self.client = None

    def send(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 1. paho sends a message without PUBACK again after a reconnection."""
        assert self.client is not None  # noqa: S101 (only a ready connection has room)
        self.unacknowledged += 1
        self.client.publish(topic, payload, qos=1)

    def _make_client(self, options: FleetOptions, tls: SSLContext | None) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.client_id,
            clean_session=not options.persistent_session,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(0)  # No limit in paho, because `window` limits the messages.
        if options.username is not None:
            client.username_pw_set(options.username, options.password)
        if tls is not None:
            client.tls_set_context(tls)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: Client, _userdata: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self.refusal = str(reason)
            return
        for start in range(0, len(self.topics), SUBSCRIBE_BATCH):
            self._subscribing += 1
            client.subscribe([(topic, 1) for topic in self.topics[start : start + SUBSCRIBE_BATCH]])

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        reasons: Sequence[ReasonCode],
        _properties: object,
    ) -> None:
        self._subscribing -= 1
        if any(reason.is_failure for reason in reasons):
            self.refusal = "it does not let the device subscribe to its topics"

    def _on_publish(
        self, _client: Client, _userdata: object, _mid: int, _reason: object, _properties: object
    ) -> None:
        self.unacknowledged -= 1

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self.inbox.append((message.topic, bytes(message.payload)))
