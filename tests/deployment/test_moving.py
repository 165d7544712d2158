"""The bridge of docs/runbooks.md: the fleet is at one broker, the service at another."""

import re
import threading

import pytest
from wire import rows

from local.mqtt_broker import Mosquitto
from local.part import REPOSITORY
from local.services import Services
from simulator import Fleet, FleetOptions


class Bridged(Mosquitto):
    """A new broker that is joined to an old one, by the lines of the runbook, without TLS and logins."""

    def __init__(self, directory, old):
        super().__init__(directory)
        self._old = old

    def prepare(self):
        super().prepare()
        (lines,) = re.findall(
            r"```conf\n(.*?)```", (REPOSITORY / "docs" / "runbooks.md").read_text(), re.DOTALL
        )
        kept = [line.strip() for line in lines.splitlines() if not re.match(r" *(bridge_|remote_)", line)]
        bridge = "\n".join(kept).replace("<old broker>:8883", f"{self._old.mqtt_host}:{self._old.mqtt_port}")
        with (self.directory / "mosquitto.conf").open("a") as file:
            file.write(f"\n{bridge}\n")


@pytest.fixture
def moved(mosquitto_stack, tmp_path):
    """The service at a new broker, which is joined to that of the stack."""
    new = Bridged(tmp_path, mosquitto_stack)
    new.start()
    settings = {
        "MQTT_PORT": str(new.port), "REDIS_URL": mosquitto_stack.redis.database_url(11),
        "CELERY_BROKER_URL": mosquitto_stack.redis.database_url(12),
    }  # fmt: skip
    try:
        with Services(mosquitto_stack, only={"listener", "worker", "beat"}, settings=settings):
            yield new
    finally:
        new.stop()


def play(host, port, prefix):
    fleet = Fleet(
        FleetOptions(
            host=host, port=port, devices=3, images=2, names_prefix=prefix, timeout=60, loss=0.05, seed=5
        )
    )
    return fleet.run()


def test_devices_at_either_broker_are_served(mosquitto_stack, moved):
    reports = {}
    places = {
        "MOVEOLD": (mosquitto_stack.mqtt_host, mosquitto_stack.mqtt_port),
        "MOVENEW": (moved.host, moved.port),
    }
    playing = [
        threading.Thread(target=lambda prefix=prefix, place=place: reports.update({prefix: play(*place, prefix)}))
        for prefix, place in places.items()
    ]  # fmt: skip
    for one in playing:
        one.start()
    for one in playing:
        one.join(120)
    for prefix in places:
        assert reports[prefix].ok, prefix
        assert reports[prefix].totals.not_acked == 0
        assert (
            len(rows(mosquitto_stack, "captures", device_id=f"like.{prefix}*", ingest_status="eq.stored"))
            == 6
        )
