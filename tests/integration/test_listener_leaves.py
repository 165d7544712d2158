"""A listener of a group: when it beats, and that nothing is lost which it has not stored when it stops."""

import logging
import threading

import pytest
from paho.mqtt import publish
from pydantic import SecretStr
from store_lab import StoreLab

from core.clock import now_ms
from core.dispatch import Dispatcher, make_app
from core.settings import ListenerSettings
from core.store.connection import connect
from core.store.keys import CaptureRef
from core.store.listeners import Heartbeat
from listener.connection import BrokerConnection
from listener.listen import Listener
from local.ports import LOOPBACK
from local.redis_server import RedisServer

LEAVER, OTHER = "leaver", "other"
TOPIC = "ESP32CAM/LEAVES001/data"
CHUNK = b'{"image_name": "i.jpg", "chunk_id": 0, "payload": "AAAA"}'
A_MINUTE = 600
HOUR_MS = 3_600_000
NOBODY = 1


class Running:
    """A listener of a group in this process, on a Redis that can go away."""

    def __init__(self, broker_port, redis_url):
        self.settings = ListenerSettings(
            mqtt_host=LOOPBACK, mqtt_port=broker_port, mqtt_tls=False, mqtt_shared_group="fleet"
        )
        self.redis = connect(SecretStr(redis_url))
        self.store = StoreLab(self.redis)
        self.ahead_ms = 0
        self.connection = BrokerConnection(self.settings, LEAVER, self.now)
        dispatcher = Dispatcher(make_app(), self.now)
        listener = Listener(self.settings, self.connection, self.redis, dispatcher, self.now)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=listener.run, args=[self.stopping], daemon=True)
        self.thread.start()

    def now(self):
        """The time that it goes by."""
        return now_ms() + self.ahead_ms

    def other_beats(self, heard_until_ms):
        """Write the heartbeat of another listener of the group, and wait until this one has seen it."""
        batch, now = self.store.batch(), now_ms()
        batch.heard(Heartbeat(f"{OTHER}@1", now, heard_until_ms))
        batch.commit()
        until(lambda: self.beat().written_ms > now + 1_500)

    def beat(self):
        """Its last heartbeat."""
        return next(beat for beat in self.store.listeners.all() if beat.client_id == LEAVER)

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def left(self):
        """What the broker still keeps for it."""
        heir = BrokerConnection(self.settings, LEAVER, now_ms, inherits=True)
        found = []
        while not heir.heard_until_ms:
            found += [message.payload for message in heir.read(0.25) if message.topic == TOPIC]
        heir.close()
        return found


def until(condition):
    waiting = threading.Event()
    for _ in range(A_MINUTE):
        if condition():
            return
        waiting.wait(0.1)
    pytest.fail("it did not happen within a minute")


@pytest.fixture
def redis_server_of_its_own(tmp_path):
    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def running(mosquitto, redis_server_of_its_own):
    running = Running(mosquitto.port, redis_server_of_its_own.url)
    until(lambda: running.connection.heard_until_ms)
    yield running
    running.stopping.set()


def send(running):
    publish.single(TOPIC, CHUNK, qos=1, hostname=running.settings.mqtt_host, port=running.settings.mqtt_port)


def test_what_it_could_not_store_stays_for_the_others(running, redis_server_of_its_own, caplog):
    caplog.set_level(logging.WARNING)
    running.other_beats(now_ms())
    redis_server_of_its_own.stop()
    send(running)
    until(lambda: "no PUBACK yet" in caplog.text)
    running.stop()
    assert running.left() == [CHUNK]


def test_what_it_has_stored_it_takes_with_it(running):
    running.other_beats(now_ms())
    send(running)
    running.stop()
    assert running.left() == []
    assert running.store.captures.chunks(CaptureRef("LEAVES001", "i.jpg"))
    assert [beat.client_id for beat in running.store.listeners.all()] == [OTHER]


def test_it_leaves_nothing_to_one_that_the_broker_has_not_served(running):
    running.other_beats(0)
    running.stop()
    send(running)
    assert running.left() == [CHUNK]


def test_it_beats_on_when_the_clock_is_set_back(running):
    running.ahead_ms = -HOUR_MS
    until(lambda: running.beat().written_ms < now_ms() - HOUR_MS / 2)
    until(lambda: running.beat().heard_until_ms < now_ms() - HOUR_MS / 2)


def test_one_that_cannot_log_in_does_not_beat(redis_server_of_its_own, caplog):
    """Else one before it with its client id would leave it the session, and no chunks would be asked for."""
    running = Running(NOBODY, redis_server_of_its_own.url)
    until(lambda: caplog.text.count("cannot reach the broker") == 3)
    assert running.store.listeners.all() == []
    running.stop()
