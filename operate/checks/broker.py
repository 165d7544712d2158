"""Checks that the broker accepts the login, the subscriptions and messages to devices, and delivers."""

import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode

from core import home_assistant, mqtt
from core.settings import SubscriberSettings
from operate.checks import Check, Grade

ANSWER_S: Final = 10.0


def check_broker(settings: SubscriberSettings) -> Iterator[Check]:
    """Yield the checks of the broker; they neither disconnect running listeners nor take their messages."""
    with _connection(settings) as connection:
        checks = list(connection.check_login())
        yield from checks
        if any(check.grade in ("wrong", "unreachable") for check in checks):
            return
        yield from connection.check_subscriptions()
    if settings.home_assistant_prefix:
        with _connection(settings) as connection:
            if all(check.grade in ("ok", "warning") for check in connection.check_login()):
                yield connection.check_kept(settings.home_assistant_prefix)
    for kind in ("ack", "cmd"):
        # Each on a connection of its own, because some brokers close one after they have refused a message.
        with _connection(settings) as connection:
            if all(check.grade in ("ok", "warning") for check in connection.check_login()):
                yield connection.check_message(kind)


class _Connection:
    def __init__(self, settings: SubscriberSettings) -> None:
        self._settings = settings
        self._name = f"{settings.mqtt_client_id}doctor{secrets.token_hex(4)}"
        self._client = mqtt.make_client(Client, settings, self._name, lasting=False)
        self._connack: SimpleQueue[ReasonCode] = SimpleQueue()
        self._suback: SimpleQueue[list[ReasonCode]] = SimpleQueue()
        self._puback: SimpleQueue[ReasonCode] = SimpleQueue()
        self._came_back: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._client.on_connect = lambda _c, _d, _f, reason, _p: self._connack.put(reason)
        self._client.on_subscribe = lambda _c, _d, _m, reasons, _p: self._suback.put(reasons)
        self._client.on_publish = lambda _c, _d, _m, reason, _p: self._puback.put(reason)
        self._client.on_message = lambda _c, _d, message: self._came_back[message.topic].set()

    def check_login(self) -> Iterator[Check]:
        """Connect."""
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
        else:
            yield Check("broker login", "ok", f"as {self._settings.mqtt_username or 'nobody'}")

    def check_subscriptions(self) -> Iterator[Check]:
        """Subscribe as a listener does, and hear oneself."""
        ping_topic = mqtt.topic(self._settings, self._name, "ping")
        topics = [*mqtt.subscriptions(self._settings, reader="doctor"), ping_topic]
        try:
            reasons = self._subscribe(topics)
        except Empty:
            yield Check("subscriptions", "unreachable", "the broker does not answer", mqtt.RIGHTS)
            return
        for name, reason in zip(topics, reasons, strict=True):
            if reason.is_failure:
                yield Check(f"subscription {name}", "wrong", f"refused: {reason}", mqtt.RIGHTS)
            else:
                yield Check(f"subscription {name}", "ok", "granted")
        if any(reason.is_failure for reason in reasons):
            return
        self._client.publish(ping_topic, b"0", qos=1)
        if self._came_back[ping_topic].wait(ANSWER_S):
            yield Check("publishing", "ok", "a message comes back")
        else:
            # The listener monitors its connection with such messages, and exits if they do not come back.
            yield Check("publishing", "wrong", "a message to oneself does not come back", mqtt.RIGHTS)

    def check_message(self, kind: str) -> Check:
        """Send a message as to a device; there is none of this name."""
        title, name = f"messages to devices: {kind}", mqtt.topic(self._settings, self._name, kind)
        try:
            # The service needs no right to hear its own messages; with it, MQTT 3.1.1 tells more.
            self._subscribe([name])
            self._client.publish(name, b"{}", qos=1)
            reason = self._puback.get(timeout=ANSWER_S)
        except Empty:
            return Check(title, "wrong", "the broker does not confirm them", mqtt.RIGHTS)
        if reason.is_failure:
            return Check(title, "wrong", f"refused: {reason}", mqtt.RIGHTS)
        if self._settings.mqtt_version == "5" or self._came_back[name].wait(ANSWER_S):
            return Check(title, "ok", "allowed")
        detail = "one did not come back, and MQTT 3.1.1 has no word for a refusal"
        return Check(title, "warning", detail, mqtt.RIGHTS)

    def check_kept(self, prefix: str) -> Check:
        """Publish as to Home Assistant, of no device, and hear what the broker has kept."""
        title, its = "messages to Home Assistant", home_assistant.topics(prefix, "doctor", self._name)
        # An empty message is one that Home Assistant forgets a device by: none is there.
        for name, payload in ((its.config, b""), (its.state, b"{}")):
            try:
                self._client.publish(name, payload, qos=1, retain=True)
                reason = self._puback.get(timeout=ANSWER_S)
            except Empty:
                return Check(title, "wrong", f"the broker does not confirm one to {name}", mqtt.RIGHTS)
            if reason.is_failure:
                return Check(title, "wrong", f"one to {name} is refused: {reason}", mqtt.RIGHTS)
        try:
            self._subscribe([its.state])
            kept = self._came_back[its.state].wait(ANSWER_S)
        except Empty:
            kept = False
        with suppress(RuntimeError, ValueError):
            self._client.publish(its.state, b"", qos=1, retain=True).wait_for_publish(ANSWER_S)
        if kept:
            return Check(title, "ok", "allowed, and kept")
        remedy = f"{mqtt.RIGHTS}, and let the broker keep retained messages"
        return Check(title, "wrong", "the broker keeps none: Home Assistant would forget all", remedy)

    def _subscribe(self, topics: list[str]) -> list[ReasonCode]:
        self._client.subscribe([(name, 1) for name in topics])
        return self._suback.get(timeout=ANSWER_S)

    def close(self) -> None:
        """Disconnect."""
        with suppress(ValueError, OSError):
            self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def _connection(settings: SubscriberSettings) -> Iterator[_Connection]:
    connection = _Connection(settings)
    try:
        yield connection
    finally:
        connection.close()
