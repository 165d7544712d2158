"""The broker is away for longer than MQTT_DEAF_AFTER_S: nobody exits, what is complete is stored, ACKs wait."""

import os
import signal
import time
from types import SimpleNamespace

import pytest
from mute_broker import MuteBroker
from pydantic import SecretStr
from wire import Device, Ear, photograph, rows, until

from core.store.connection import connect
from local.process import StartError
from local.services import Services

DEAF_AFTER_S = 10


def test_an_hour_without_the_broker_ends_nothing(stack, mosquitto):
    urls = {"REDIS_URL": stack.redis.database_url(9), "CELERY_BROKER_URL": stack.redis.database_url(10)}
    settings = {
        "MQTT_PORT": str(mosquitto.port), "MQTT_VERSION": "5", "MQTT_DEAF_AFTER_S": str(DEAF_AFTER_S), **urls
    }  # fmt: skip
    place = SimpleNamespace(mqtt_host=mosquitto.host, mqtt_port=mosquitto.port, broker=mosquitto)
    device, image = Device(place, "AWAY1"), photograph(3)
    with (
        Services(stack, only={"listener", "worker", "beat"}, settings=settings) as services,
        connect(SecretStr(urls["REDIS_URL"])) as redis,
    ):
        running = {name: services.processes[name].pid for name in ("listener", "worker")}
        os.killpg(running["worker"], signal.SIGSTOP)
        device.metadata("image_1.jpg", image)
        device.send("image_1.jpg", image)
        until(lambda: redis.keys("*:capture:AWAY1/image_1.jpg/*"))
        mosquitto.stop()
        began = time.monotonic()
        os.killpg(running["worker"], signal.SIGCONT)
        until(lambda: rows(stack, "captures", device_id="eq.AWAY1", ingest_status="eq.stored"))
        until(lambda: time.monotonic() > began + DEAF_AFTER_S + 6)
        assert {name: services.processes[name].pid for name in running} == running
        assert all(services.processes[name].running for name in running)
        assert len(redis.keys("*:capture:AWAY1/image_1.jpg/*")) == 1
        mosquitto.start()
        with Ear(place, "AWAY1") as ear:
            assert ear.ack("image_1.jpg")
            until(lambda: not redis.keys("*:capture:AWAY1/image_1.jpg/*"))
        second = photograph(4)
        with Ear(place, "AWAY1") as ear:
            device.metadata("image_2.jpg", second)
            device.send("image_2.jpg", second)
            assert ear.ack("image_2.jpg")
        assert all(services.processes[name].running for name in running)
    [row] = rows(stack, "captures", device_id="eq.AWAY1", device_capture_id="eq.image_1.jpg")
    assert row["ingest_status"] == "stored"


def test_a_broker_that_is_there_and_delivers_nothing_ends_both(stack, run):
    with MuteBroker() as broker:
        settings = {
            **stack.environment(), "MQTT_PORT": str(broker.port), "MQTT_VERSION": "5", "MQTT_KEEPALIVE_S": "5",
            "MQTT_DEAF_AFTER_S": "10", "REDIS_URL": stack.redis.database_url(9),
            "CELERY_BROKER_URL": stack.redis.database_url(10),
        }  # fmt: skip
        for process in [run(name, **settings) for name in ("listener", "worker")]:
            with pytest.raises(StartError, match="ended with status 1"):
                process.wait_ready(lambda: False, 60)
            assert "no answer from the broker" in process.output()
