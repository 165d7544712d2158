"""A dead listener comes back while another takes its session over: the session is left to it."""

import threading

import pytest
import redis
from paho.mqtt import publish
from store_lab import StoreLab

from core.clock import now_ms
from core.settings import ListenerSettings
from core.store.listeners import LISTENER_LIFE_MS, Heartbeat
from listener import inherit
from listener.connection import BrokerConnection
from listener.inherit import Sessions

TOPIC = "ESP32CAM/RETURNS001/data"


def hear(connection, wanted=None):
    """Read until its ping has come back, or until this topic has come."""
    for _ in range(100):
        topics = [message.topic for message in connection.read(0.1)]
        if wanted in topics if wanted else connection.heard_until_ms:
            return
    pytest.fail("nothing was heard")


def test_a_session_is_not_ended_once_its_listener_is_back(mosquitto, redis_server, monkeypatch):
    monkeypatch.setattr(inherit, "SURE_AFTER_S", 0)
    settings = ListenerSettings(
        mqtt_host=mosquitto.host, mqtt_port=mosquitto.port, mqtt_tls=False, mqtt_shared_group="fleet"
    )
    with redis.Redis.from_url(redis_server.database_url(11)) as client:
        client.flushdb()
        store = StoreLab(client)
        sessions = Sessions(settings, store.listeners, "heir", now_ms)
        batch = store.batch()
        batch.heard(Heartbeat("dead@1", now_ms() - LISTENER_LIFE_MS, 1))
        batch.heard(Heartbeat(sessions.name, now_ms(), 1))
        batch.commit()
        waiting, pings = threading.Event(), 0
        while pings < 2:  # the first may come before the subscription is confirmed, and then does not count
            pings += len(sessions.read())
            waiting.wait(0.02)

        back = BrokerConnection(settings, "dead", now_ms)
        hear(back)
        publish.single(TOPIC, b"{}", qos=1, hostname=mosquitto.host, port=mosquitto.port)
        sessions.read()
        hear(back, TOPIC)
        assert back.connected
        back.close()
        assert [beat.client_id for beat in store.listeners.all()] == ["dead", "heir"]
