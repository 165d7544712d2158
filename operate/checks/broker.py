"""Checks that the broker accepts the login and the subscriptions, and delivers messages."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode

from core import mqtt
from core.settings import SubscriberSettings
from core.wire import TOPIC_ROOT
from operate.checks import Check, Grade

ANSWER_S: Final = 10.0


def check_broker(settings: SubscriberSettings) -> Iterator[Check]:
    """Yield the checks of the broker; they neither disconnect running listeners nor take their messages."""
    connection = _Connection(settings)
    try:
        yield from connection.check()
    finally:
        connection.close()


class _Connection:
    def __init__(self, settings: SubscriberSettings) -> None:
        self._settings = settings
        name = f"{settings.mqtt_client_id}doctor{secrets.token_hex(4)}"
        self._client = mqtt.make_client(Client, settings, name, lasting=False)
        self._ping_topic = f"{TOPIC_ROOT}/{name}/ping"
        self._connack: SimpleQueue[ReasonCode] = SimpleQueue()
        self._suback: SimpleQueue[list[ReasonCode]] = SimpleQueue()
        self._came_back = threading.Event()
        self._client.on_connect = lambda _c, _d, _f, reason, _p: self._connack.put(reason)
        self._client.on_subscribe = lambda _c, _d, _m, reasons, _p: self._suback.put(reasons)
        self._client.on_message = self._on_message

    def check(self) -> Iterator[Check]:
        address = f"{self._settings.mqtt_host}:{self._settings.mqtt_port}"
        try:
            mqtt.connect(self._client, self._settings, lasting=False)
        except (OSError, ValueError) as error:
            grade: Grade = "wrong" if mqtt.refuses(error) else "unreachable"
            yield Check("broker", grade, f"{address}: {error}", mqtt.remedy(error))
            return
        self._client.loop_start()
        try:
            reason = self._connack.get(timeout=ANSWER_S)
        except Empty:
            remedy = "check MQTT_PORT and MQTT_TLS: a TLS port stays silent to a client without"
            yield Check("broker", "unreachable", f"{address} does not answer as a broker", remedy)
            return
        if self._settings.mqtt_tls:
            yield Check("broker", "ok", f"{address}, with TLS")
        else:
            remedy = "MQTT_TLS=true, unless the broker is on this very network"
            yield Check("broker", "warning", f"{address}, without TLS", remedy)
        if reason.is_failure:
            login: Grade = "wrong" if mqtt.refuses(reason) else "unreachable"
            yield Check("broker login", login, f"refused: {reason}", mqtt.remedy(reason))
            return
        yield Check("broker login", "ok", f"as {self._settings.mqtt_username or 'nobody'}")
        yield from self._check_topics()

    def _check_topics(self) -> Iterator[Check]:
        topics = [*mqtt.subscriptions(self._settings, reader="doctor"), self._ping_topic]
        self._client.subscribe([(topic, 1) for topic in topics])
        try:
            reasons = self._suback.get(timeout=ANSWER_S)
        except Empty:
            yield Check("subscriptions", "unreachable", "the broker does not answer", mqtt.RIGHTS)
            return
        for topic, reason in zip(topics, reasons, strict=True):
            if reason.is_failure:
                yield Check(f"subscription {topic}", "wrong", f"refused: {reason}", mqtt.RIGHTS)
            else:
                yield Check(f"subscription {topic}", "ok", "granted")
        if any(reason.is_failure for reason in reasons):
            return
        self._client.publish(self._ping_topic, b"0", qos=1)
        if self._came_back.wait(ANSWER_S):
            yield Check("publishing", "ok", "a message comes back")
        else:
            # The listener monitors its connection with such messages, and exits if they do not come back.
            yield Check("publishing", "wrong", "a message to oneself does not come back", mqtt.RIGHTS)

    def close(self) -> None:
        with suppress(ValueError, OSError):
            self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: Any, message: Any) -> None:
        if message.topic == self._ping_topic:
            self._came_back.set()
