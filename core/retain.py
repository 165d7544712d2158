"""A connection of its own for messages that the broker keeps: no ACK to a device waits for a picture."""

import logging
import threading
from types import TracebackType
from typing import Any, Final, Self

from paho.mqtt.client import Client, ConnectFlags, MQTTMessageInfo
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core import mqtt
from core.alarm import Alarm
from core.errors import AccessDenied, Transient
from core.settings import MqttSettings

log = logging.getLogger("core.retain")
_alarm: Final = Alarm(log, "retained_refused")

ANSWER_S: Final = 5.0
# For all messages of one call; a slow line takes some seconds for a picture.
PUBACKS_S: Final = 30.0
# What a message needs beside its payload, generously.
HEADER_BYTES: Final = 1024


class Retained:
    """Publishes retained messages at QoS 1; a context manager that connects when there is one."""

    def __init__(self, settings: MqttSettings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._client: Client | None = None
        self._answered = threading.Event()
        self._answer: ReasonCode | None = None
        self._largest = mqtt.MAX_PACKET_BYTES
        self._keeps = True
        self._refusals: dict[int, ReasonCode] = {}

    def __enter__(self) -> Self:
        """Return itself; nothing is connected yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        if self._client:
            self._client.disconnect()
            self._client.loop_stop()

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Publish (topic, payload) in order and wait for the PUBACKs; an empty payload empties the topic.

        What is larger than the broker takes is left out. Raises Transient if a message cannot be published,
        and AccessDenied, with an alarm, if the broker refuses it or keeps no messages.
        """
        if not messages:
            return
        client = self._connected()
        sent: list[tuple[str, MQTTMessageInfo]] = []
        for topic, payload in messages:
            if len(payload) + HEADER_BYTES > self._largest:
                log.warning("the broker takes at most %d bytes: %s left out", self._largest, topic)
                continue
            sent.append((topic, client.publish(topic, payload, qos=1, retain=True)))
        for topic, message in sent:
            mqtt.wait_for_puback(message, PUBACKS_S)
            if reason := self._refusals.pop(message.mid, None):
                raise _denied(f"the broker refuses {topic}: {reason}; {mqtt.RIGHTS}")

    def _connected(self) -> Client:
        if self._client:
            return self._client
        client = mqtt.make_client(Client, self._settings, self._client_id, lasting=False)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        try:
            mqtt.connect(client, self._settings, lasting=False)
        except (OSError, ValueError) as error:
            raise Transient(f"cannot reach the broker: {error}") from error
        self._client = client
        client.loop_start()
        self._answered.wait(ANSWER_S)
        if self._answer is None or self._answer.is_failure:
            raise Transient(f"the broker does not let us in: {self._answer or 'no answer'}")
        if not self._keeps:
            raise _denied("the broker keeps no messages: without retained ones Home Assistant forgets all")
        return client

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._answer = reason
        self._largest = min(self._largest, getattr(properties, "MaximumPacketSize", self._largest))
        self._keeps = bool(getattr(properties, "RetainAvailable", 1))
        self._answered.set()

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        if reason.is_failure:
            self._refusals[mid] = reason


def _denied(message: str) -> AccessDenied:
    _alarm.sound(message)
    return AccessDenied(message)
