"""A connection to the broker that hears what devices say and are told, without taking it from the service."""

import secrets
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Event
from types import TracebackType
from typing import Final, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTMessageInfo
from paho.mqtt.reasoncodes import ReasonCode

from core import mqtt
from core.settings import MqttSettings
from operate.field.recording import Recorded

ANSWER_S: Final = 10.0
TO_DEVICES: Final = ("ack", "cmd")
KINDS: Final = ("status", "data", *TO_DEVICES)


class TapError(Exception):
    """The broker cannot be reached, or refuses; the message says how to cure it."""


class Tap:
    """Hears the topics of these devices, or of all if none is named; a context manager.

    `kinds` are the topics of a device that it hears. Its subscriptions are its own, so a listener gets every
    message as before. If the connection is lost, it is made again, and what came meanwhile is missing.
    Entering raises TapError.
    """

    def __init__(
        self, settings: MqttSettings, devices: Sequence[str] = (), kinds: Sequence[str] = KINDS
    ) -> None:
        self._settings = settings
        self._topics = [
            (mqtt.topic(settings, device, kind), 1) for device in devices or ("+",) for kind in kinds
        ]
        name = f"{settings.mqtt_client_id}tap{secrets.token_hex(4)}"
        self.client = mqtt.make_client(Client, settings, name, lasting=False)
        self._heard: SimpleQueue[Recorded] = SimpleQueue()
        self._ready = Event()
        self._refusal: ReasonCode | None = None
        self._began = 0.0

    @property
    def address(self) -> str:
        """The broker, as host:port."""
        return f"{self._settings.mqtt_host}:{self._settings.mqtt_port}"

    def __enter__(self) -> Self:
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_message = self._message
        self._began = time.monotonic()
        try:
            mqtt.connect(self.client, self._settings, lasting=False)
        except (OSError, ValueError) as error:
            raise TapError(f"{self.address}: {error}; {mqtt.remedy(error)}") from None
        self.client.loop_start()
        answered = self._ready.wait(ANSWER_S)
        if answered and self._refusal is None:
            return self
        self.close()
        if self._refusal is not None:
            raise TapError(f"{self.address} refuses: {self._refusal}; {mqtt.remedy(self._refusal)}")
        raise TapError(f"{self.address} does not answer as a broker; check MQTT_PORT and MQTT_TLS")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, message: Recorded) -> MQTTMessageInfo:
        """Publish a message of a recording, below the root that the settings name."""
        name = mqtt.topic(self._settings, message.device_id, message.kind)
        return self.client.publish(name, message.payload, message.qos)

    def hear(self, within_s: float) -> Recorded | None:
        """Return the next message, its `ms` from entering on; None if none comes within so many seconds."""
        try:
            return self._heard.get(timeout=max(0.0, within_s))
        except Empty:
            return None

    def _connected(
        self, client: Client, _data: object, _flags: object, reason: ReasonCode, _p: object
    ) -> None:
        if reason.is_failure:
            self._refuse(reason)
        else:
            client.subscribe(self._topics)

    def _subscribed(
        self, _c: Client, _data: object, _mid: int, reasons: list[ReasonCode], _p: object
    ) -> None:
        refusal = next((reason for reason in reasons if reason.is_failure), None)
        if refusal is not None:
            self._refuse(refusal)
        self._ready.set()

    def _refuse(self, reason: ReasonCode) -> None:
        self._refusal = reason
        self._ready.set()

    def _message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        ms = round((time.monotonic() - self._began) * 1000)
        topic = mqtt.as_known(self._settings, message.topic)
        self._heard.put(Recorded(ms, topic, bytes(message.payload), message.qos, message.retain))
