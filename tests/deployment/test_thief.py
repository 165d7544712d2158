"""Somebody with a login at the broker who guesses the names that the service is known by."""

import base64
import json

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.publish import single
from pydantic import SecretStr
from secured_broker import PASSWORD, USER
from wire import until

from core.clock import now_ms
from core.store.connection import connect
from core.store.keys import CaptureRef, capture_keys

LOGIN = {"username": USER, "password": PASSWORD}
CHUNKS = 20
SUBSCRIBED = "Subscribed to topics"


@pytest.fixture
def broker(secured):
    return secured()


@pytest.fixture
def redis(redis_server):
    client = connect(SecretStr(redis_server.database_url(8)))
    client.flushdb()
    yield client
    client.close()


def listener(run, broker, redis_server, **settings):
    urls = {"REDIS_URL": redis_server.database_url(8), "CELERY_BROKER_URL": redis_server.database_url(9)}
    process = run("listener", **broker.settings, **urls, **settings)
    process.wait_ready(lambda: SUBSCRIBED in process.output(), 40)
    return process


def chunk(broker, number):
    body = {"image_name": "i.jpg", "chunk_id": number, "payload": base64.b64encode(b"x%d" % number).decode()}
    single(
        "ESP32CAM/VICTIM/data", json.dumps(body), 1,
        hostname=broker.host, port=broker.port, auth=LOGIN, client_id=f"device{number}",
    )  # fmt: skip


def connected_as(broker, client_id):
    """Connect with a client id that others may use, and stay."""
    thief = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
    thief.username_pw_set(**LOGIN)
    thief.connect(broker.host, broker.port)
    thief.loop_start()
    until(thief.is_connected)
    return thief


def test_who_guesses_the_client_id_does_not_throw_the_listener_out(run, broker, redis, redis_server):
    process = listener(run, broker, redis_server)
    for number in range(CHUNKS):
        thief = connected_as(broker, "fleet")
        chunk(broker, number)
        thief.disconnect()
        thief.loop_stop()
    key = capture_keys(CaptureRef("VICTIM", "i.jpg"))[1]
    until(lambda: redis.hlen(key) == CHUNKS)
    assert "connection to the broker lost" not in process.output()


def test_who_guesses_the_name_of_the_group_gets_nothing(run, broker, redis, redis_server):
    listener(run, broker, redis_server, MQTT_SHARED_GROUP="fleet")
    thief, stolen = connected_as(broker, "thief"), []
    thief.on_message = lambda _client, _data, message: stolen.append(message.payload)
    granted = []
    thief.on_subscribe = lambda *_: granted.append(True)
    thief.subscribe("$share/fleet/ESP32CAM/+/data", 1)
    until(lambda: granted)
    for number in range(CHUNKS):
        chunk(broker, number)
    until(lambda: redis.hlen(capture_keys(CaptureRef("VICTIM", "i.jpg"))[1]) == CHUNKS)
    thief.disconnect()
    thief.loop_stop()
    assert len(stolen) == CHUNKS, (
        "a group of the thief's own gets a copy, as every reader may, and takes nothing"
    )


def test_no_message_tells_the_client_id(run, broker, redis, redis_server):
    heard = []
    reader = connected_as(broker, "reader")
    reader.on_message = lambda _client, _data, message: heard.append((message.topic, message.payload))
    reader.subscribe("ESP32CAM/#", 1)
    listener(run, broker, redis_server)
    until(lambda: any(topic.endswith("/ping") for topic, _ in heard))
    reader.disconnect()
    reader.loop_stop()
    [name] = [field.decode().partition("@")[0] for field in redis.hkeys("fleet:listeners")]
    assert name.startswith("fleet")
    assert len(name) > len("fleet")
    assert not any(name in topic or name.encode() in payload for topic, payload in heard)


def test_a_forged_ping_neither_ends_the_listener_nor_blinds_it(run, broker, redis, redis_server):
    """Whoever may read all topics sees the pings; a number that is no number, or far ahead, is not one of ours."""
    heard = []
    forger = connected_as(broker, "forger")
    forger.on_message = lambda _client, _data, message: heard.append((message.topic, message.payload))
    forger.subscribe("ESP32CAM/#", 1)
    process = listener(run, broker, redis_server)
    until(lambda: [topic for topic, _ in heard if topic.endswith("/ping")])
    topic, ping = next((topic, payload) for topic, payload in heard if topic.endswith("/ping"))
    number, sent, signature = ping.split()
    far = b"%d %d %s" % (2**62, 2**62, signature)
    forged = (b"", b"x", b"1x 2 3", ping, number, far, far.replace(signature, b"0" * 64), b"9" * 100_000)
    for payload in forged:
        forger.publish(topic, payload, qos=1).wait_for_publish(10)
    chunk(broker, 0)
    until(lambda: redis.hlen(capture_keys(CaptureRef("VICTIM", "i.jpg"))[1]) == 1)

    def heard_until():
        [beat] = redis.hvals("fleet:listeners")
        return int(beat.split()[1])

    until(lambda: heard_until() > int(sent))
    assert heard_until() <= now_ms()
    forger.disconnect()
    forger.loop_stop()
    assert "Traceback" not in process.output()
