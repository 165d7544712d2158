"""Redis is nearly full, or full: hellos are answered, chunks are turned away, and no picture is lost."""

import itertools
from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from wire import Device, Ear, photograph, rows, until

from core.clock import now_ms
from core.errors import OutOfMemory
from core.settings import MqttSettings
from core.store.connection import connect, transient
from core.store.listeners import Listeners
from core.store.memory import FULL
from core.store.streams import Streams
from local.services import Services
from tasks.publish import Publisher

NUMBERS = itertools.count()


class Memory:
    """A Redis whose share in use a test decides, by what it puts in."""

    def __init__(self, url):
        self.redis = connect(SecretStr(url))
        self.redis.setrange("ballast", 20 * 2**20, b"x")  # next to it the buffers of connections are nothing

    def use(self, share):
        """Set the limit so that this share of it is in use; above 1 Redis refuses every write."""
        self.redis.config_set("maxmemory", int(int(self.redis.info("memory")["used_memory"]) / share))

    def is_full(self):
        """Whether Redis refuses to write."""
        try:
            with transient():
                self.redis.set("more", 1)
        except OutOfMemory:
            return True
        return False


@pytest.fixture
def site(mosquitto_stack, other_redis):
    """Listener, worker and beat on a Redis with a limit."""
    server = other_redis("maxmemory 64mb\nmaxmemory-policy noeviction\n")
    urls = {"REDIS_URL": server.database_url(0), "CELERY_BROKER_URL": server.database_url(1)}
    settings = {**urls, "MQTT_CLIENT_ID": f"memory{next(NUMBERS)}"}
    with Services(mosquitto_stack, only={"listener", "worker", "beat"}, settings=settings) as services:
        yield SimpleNamespace(
            stack=mosquitto_stack,
            memory=Memory(urls["REDIS_URL"]),
            listener=services.processes["listener"],
            store=connect(SecretStr(urls["REDIS_URL"])),
        )


def mosquitto_at(broker):
    """The place where devices find a broker of the test's own."""
    return SimpleNamespace(mqtt_host=broker.host, mqtt_port=broker.port, broker=broker)


def chunks_stored(site, name):
    return sum(site.store.hlen(key) for key in site.store.scan_iter(f"*:chunks:{name}/*"))


def turned_away(site):
    return Listeners(site.store).turned_away_until()


def test_a_hello_is_answered_and_chunks_are_turned_away(site):
    name = f"GATE{next(NUMBERS)}"
    device, image = Device(site.stack, name), photograph(5)
    half = range(len(device.chunks(image)) // 2)
    with Ear(site.stack, name) as ear:
        device.metadata("image_1.jpg", image)
        device.send("image_1.jpg", image, only=half)
        until(lambda: chunks_stored(site, name) == len(half))
        site.memory.use(FULL + 0.05)
        until(lambda: "chunks are turned away" in site.listener.output())
        device.send("image_1.jpg", image)
        for _ in range(2):
            # Nothing is asked of a device whose chunks would be turned away: it goes to sleep.
            device.hello()
            assert ear.hear(bool).keys() == {"device_id", "next_wake"}
            # The gate stays closed for longer than the silence after which chunks are asked for.
            later = turned_away(site) + 5_000
            until(lambda later=later: turned_away(site) >= later)
        assert chunks_stored(site, name) == len(half)
        assert "ALARM: Redis is full" in site.listener.output()
        site.memory.use(0.3)
        until(lambda: "Redis has room again" in site.listener.output())
        asked = ear.hear(lambda message: "missing_chunks" in message)
        assert asked["missing_chunks"] == [n for n in range(len(device.chunks(image))) if n not in half]
        device.send("image_1.jpg", image, only=asked["missing_chunks"])
        assert ear.ack("image_1.jpg")
    [row] = rows(site.stack, "captures", device_id=f"eq.{name}")
    assert row["ingest_status"] == "stored"
    # The hello is recorded too.
    until(lambda: rows(site.stack, "device_status", device_id=f"eq.{name}"))


def test_a_redis_that_refuses_every_write(site):
    name = f"FULL{next(NUMBERS)}"
    device, image = Device(site.stack, name), photograph(6)
    site.memory.use(1.5)
    until(site.memory.is_full)
    until(lambda: "Redis refuses to write" in site.listener.output())
    with Ear(site.stack, name) as ear:
        device.metadata("image_1.jpg", image)
        device.send("image_1.jpg", image)
        device.hello()
        # The listener itself answers: no task can be enqueued.
        assert ear.hear(bool).keys() == {"device_id", "next_wake"}
        assert chunks_stored(site, name) == 0
        site.memory.use(0.3)
        until(lambda: "Redis has room again" in site.listener.output())
        # Its metadata was kept, so what is missing is asked for; and the device has the picture still.
        asked = ear.hear(lambda message: "missing_chunks" in message)
        assert asked["missing_chunks"] == list(range(len(device.chunks(image))))
        device.metadata("image_1.jpg", image)
        device.send("image_1.jpg", image)
        assert ear.ack("image_1.jpg")
    [row] = rows(site.stack, "captures", device_id=f"eq.{name}")
    assert row["ingest_status"] == "stored"


def test_a_full_redis_of_celery(mosquitto, other_redis, run):
    """Only the listener runs: nothing can be enqueued, and the hello is answered all the same."""
    chunks, tasks = other_redis(""), other_redis("maxmemory 1\n")
    listener = run(
        "listener", MQTT_HOST=mosquitto.host, MQTT_PORT=str(mosquitto.port), MQTT_TLS="false",
        REDIS_URL=chunks.url, CELERY_BROKER_URL=tasks.url,
    )  # fmt: skip
    listener.wait_ready(lambda: "Subscribed to topics" in listener.output(), 40)
    place = mosquitto_at(mosquitto)
    device, image = Device(place, "TASKS1"), photograph(7)
    with Ear(place, "TASKS1") as ear, connect(SecretStr(chunks.url)) as redis:
        device.hello()
        assert ear.hear(bool).keys() == {"device_id", "next_wake"}
        device.metadata("image_1.jpg", image)
        until(lambda: redis.keys("*:capture:TASKS1/image_1.jpg"))


def test_a_message_is_sent_though_its_log_has_no_room(mosquitto, other_redis):
    settings = MqttSettings(mqtt_host=mosquitto.host, mqtt_port=mosquitto.port, mqtt_tls=False)
    with (
        connect(SecretStr(other_redis("maxmemory 1\n").url)) as redis,
        Ear(mosquitto_at(mosquitto), "LOG1") as ear,
    ):
        publisher = Publisher(settings, "full", Streams(redis), now_ms)
        until(lambda: publisher.connected)
        for sent in (publisher.send, lambda *message: publisher.send_all([message])):
            sent("LOG1", "cmd", b'{"capture_image": true}')
            assert ear.hear(bool) == {"capture_image": True}
        publisher.close()
