"""Two fleets on one broker, one of them with MQTT_TOPIC_ROOT: what one device says, one fleet alone hears and answers."""

import json
import queue
import uuid

import pytest
from paho.mqtt import publish
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from redis import Redis
from wire import Device, photograph, rows, until

from local.services import Services


class Trial(Device):
    """A device of the other fleet."""

    def publish(self, kind, *payloads):
        messages = [(f"TRIAL/{self.name}/{kind}", json.dumps(payload), 1, False) for payload in payloads]
        publish.multiple(messages, **self._address, client_id=f"trial{self.name}", protocol=self._version)


@pytest.fixture
def trial(stack, redis_server):
    """Listener and worker of the other fleet, with a Redis of their own."""
    settings = {"MQTT_TOPIC_ROOT": "TRIAL", "REDIS_URL": redis_server.url, "CELERY_BROKER_URL": ""}
    with Services(stack, only={"listener", "worker", "beat"}, settings=settings) as running:
        yield running


@pytest.fixture
def answers(stack):
    """The topics of all ACKs, whoever gets them."""
    heard, subscribed = queue.Queue(), queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"all{uuid.uuid4().hex}")
    client.on_message = lambda _c, _d, message: heard.put(message.topic)
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.connect(stack.mqtt_host, stack.mqtt_port)
    client.subscribe("+/+/ack", 1)
    client.loop_start()
    subscribed.get(timeout=10)
    yield heard
    client.disconnect()
    client.loop_stop()


def test_two_fleets_on_one_broker_never_mix(stack, services, trial, redis_server, answers):
    name = uuid.uuid4().hex[:12].upper()
    image = photograph(11)
    for kind, device in (("TRIAL", Trial(stack, name)), ("ESP32CAM", Device(stack, f"{name}B"))):
        device.metadata("one.jpg", image)
        device.send("one.jpg", image)
        assert answers.get(timeout=60) == f"{kind}/{device.name}/ack"
    # Both tell the same database here: a row for each device, which one fleet alone has written.
    for device in (name, f"{name}B"):
        until(
            lambda device=device: rows(stack, "captures", device_id=f"eq.{device}", ingest_status="eq.stored")
        )
    with Redis.from_url(redis_server.url) as redis:
        keys = [key.decode() for key in redis.scan_iter("*")]
    assert any(name in key and f"{name}B" not in key for key in keys)
    assert not any(f"{name}B" in key for key in keys)
    with Redis.from_url(stack.redis_url) as redis:
        assert not any(f"{name}/" in key.decode() for key in redis.scan_iter("*"))
