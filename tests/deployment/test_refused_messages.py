"""A broker that refuses a message to a device: nothing is taken for delivered, and an operator is called."""

from types import SimpleNamespace

import pytest
from pydantic import SecretStr
from secured_broker import ALL_TOPICS, PASSWORD, USER
from wire import Device, photograph, rows, until

from core.clock import now_ms
from core.errors import AccessDenied, Transient
from core.settings import MqttSettings
from core.store.connection import connect
from core.store.streams import Streams
from local.services import Services
from operate import metrics
from tasks.publish import Publisher

WITHOUT_ACK = "".join(f"topic readwrite ESP32CAM/+/{kind}\n" for kind in ("status", "data", "ping", "cmd"))


def refusals():
    return metrics.REFUSALS._value.get()


@pytest.fixture
def publisher(secured, redis_server):
    broker = secured(rights=WITHOUT_ACK)
    settings = MqttSettings(
        mqtt_host=broker.host, mqtt_port=broker.port, mqtt_tls=False, mqtt_username=USER,
        mqtt_password=PASSWORD,
    )  # fmt: skip
    redis = connect(SecretStr(redis_server.url))
    publisher = Publisher(settings, "refused", Streams(redis), now_ms)
    until(lambda: publisher.connected)
    yield broker, publisher
    publisher.close()
    redis.close()


def test_a_refused_message_is_an_error_and_counted(publisher, caplog):
    broker, publisher = publisher
    before = refusals()
    for _ in range(2):
        # Mosquitto closes the connection after such a PUBACK.
        until(lambda: delivered(publisher, "cmd"))
        with pytest.raises(AccessDenied, match="ESP32CAM/AABB/ack: Not authorized"):
            publisher.send("AABB", "ack", b"{}")
    assert refusals() == before + 2
    assert caplog.text.count("ALARM: the broker refuses messages to devices: Not authorized") == 1
    until(lambda: delivered(publisher, "cmd"))
    broker.grant(ALL_TOPICS)
    until(lambda: delivered(publisher, "ack"))


def delivered(publisher, kind):
    """Send a message; it may meet the broker's closing of the connection."""
    try:
        publisher.send("AABB", kind, b"{}")
    except Transient:
        return False
    return True


def test_a_capture_whose_ack_is_refused_is_kept(stack, secured):
    broker = secured(rights=WITHOUT_ACK)
    urls = {"REDIS_URL": stack.redis.database_url(9), "CELERY_BROKER_URL": stack.redis.database_url(10)}
    settings = {**broker.settings, **urls, "MQTT_VERSION": "5"}
    with Services(stack, only={"listener", "worker"}, settings=settings) as services:
        place = SimpleNamespace(mqtt_host=broker.host, mqtt_port=broker.port, broker=broker)
        device = Device(place, "REFUSED1", auth={"username": USER, "password": PASSWORD})
        image = photograph(1)
        device.metadata("image_1.jpg", image)
        device.send("image_1.jpg", image)
        worker = services.processes["worker"]
        until(lambda: "the broker refuses a message to ESP32CAM/REFUSED1/ack" in worker.output())
        assert "ALARM: the broker refuses messages to devices" in worker.output()
        assert rows(stack, "captures", device_id="eq.REFUSED1", ingest_status="eq.stored")
        with connect(SecretStr(urls["REDIS_URL"])) as redis:
            assert len(redis.keys("*:capture:REFUSED1/image_1.jpg/*")) == 1, (
                "kept until its device has the ACK"
            )
