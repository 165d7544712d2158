"""The sessions of listeners at the broker, with the settings that render.yaml gives them.

One listener is the blueprint as it is. Two are the change that it names: `numInstances: 2` with
MQTT_SHARED_GROUP. What devices send while a listener is dead arrives, and nobody is asked to send it again.
"""

import itertools
import os
import signal
import threading

import pytest
from pydantic import SecretStr
from wire import Device, Ear, rows, until

from core.clock import now_ms
from core.store.connection import connect
from core.store.listeners import Listeners
from local.part import REPOSITORY
from local.services import Services
from simulator import Fleet, FleetOptions

DEVICES = 10
NUMBERS = itertools.count()
SUBSCRIBED = "Subscribed to topics"


def blueprint():
    """The values that render.yaml gives the listener, apart from the version of Python."""
    yaml = pytest.importorskip("ruamel.yaml").YAML(typ="safe")
    services = yaml.load((REPOSITORY / "render.yaml").read_text())["services"]
    (listener,) = [service for service in services if service["name"] == "fleet-listener"]
    given = {
        variable["key"]: str(variable["value"]) for variable in listener["envVars"] if "value" in variable
    }
    del given["PYTHON_VERSION"]
    return listener["numInstances"], given


class Site:
    """A worker and beat on a Redis of their own, and the listeners of the blueprint."""

    def __init__(self, stack, run, version):
        self.stack, self._run = stack, run
        number = next(NUMBERS)
        self.urls = {
            "REDIS_URL": stack.redis.database_url(9),
            "CELERY_BROKER_URL": stack.redis.database_url(10),
        }
        self.prefix = f"SESSION{number}N"
        self._settings = {
            **stack.environment(), **self.urls, **blueprint()[1], "MQTT_VERSION": version,
            "MQTT_CLIENT_ID": f"sessions{number}", "LOG_FORMAT": "text",
        }  # fmt: skip
        self.redis = connect(SecretStr(self.urls["REDIS_URL"]))
        self.redis.flushdb()
        self.listeners = Listeners(self.redis)

    def listener(self, member="", **login):
        """Start a listener; `member` makes it one of two or more, as render.yaml says."""
        # A group of each test's own: the broker keeps the sessions of the tests before, and this Redis forgets them.
        more = {"MQTT_SHARED_GROUP": f"fleet{self.prefix}", "RENDER_INSTANCE_ID": member} if member else {}
        process = self._run("listener", **self._settings, **more, **login)
        process.wait_ready(lambda: SUBSCRIBED in process.output(), 40)
        return process

    def nobody_alive(self):
        """Whether the last heartbeat is so old that every listener counts as dead."""
        return self.listeners.heard_until(now_ms()) is None

    def play(self, *steps, images=1, **options):
        """Play a fleet; run each step, in order, once a quarter more of its chunks are sent. Give the report."""
        reports, sent, half = [], itertools.count(1), threading.Event()

        def watch(event):
            if event.kind == "chunk" and next(sent) == DEVICES * 10:
                half.set()

        fleet = Fleet(
            FleetOptions(host=self.stack.mqtt_host, port=self.stack.mqtt_port, devices=DEVICES, images=images,
                         names_prefix=self.prefix, image_seconds=4, timeout=90, wakes=1, conversation=False,
                         **options),
            on_event=watch,
        )  # fmt: skip
        playing = threading.Thread(target=lambda: reports.append(fleet.run()))
        playing.start()
        try:
            assert half.wait(60)
            for step in steps:
                step()
        finally:
            playing.join(180)
        return reports[0]

    def all_arrived(self, report, images=1):
        """Every picture is stored and acknowledged at its first offer, and none was asked for again."""
        totals = report.totals
        assert report.ok
        assert (totals.hung, totals.not_acked, totals.nacks) == (0, 0, 0)
        stored = rows(self.stack, "captures", device_id=f"like.{self.prefix}*", ingest_status="eq.stored")
        assert len(stored) == DEVICES * images


@pytest.fixture(params=["5", "3.1.1"])
def site(request, mosquitto_stack, run):
    place = Site(mosquitto_stack, run, request.param)
    with Services(mosquitto_stack, only={"worker", "beat"}, settings=place.urls):
        yield place


def test_one_listener_is_killed_and_comes_back_much_later(site):
    first = site.listener()

    waiting = Device(site.stack, f"{site.prefix}HELLO")

    def die_and_come_back():
        first.kill()
        waiting.hello()
        until(site.nobody_alive)
        site.listener()

    with Ear(site.stack, waiting.name) as ear:
        site.all_arrived(site.play(die_and_come_back))
        assert ear.hear(lambda message: message.keys() & {"next_wake", "capture_image"})
    number, given = blueprint()
    assert number == 1
    assert "MQTT_SHARED_GROUP" not in given


def test_one_listener_over_the_overlap_of_a_deployment(site):
    old = site.listener()

    def deploy():
        new = site.listener()
        until(lambda: "standing by" in old.output())
        # Both run for a while, as on Render: neither takes the session from the other again.
        beat = site.listeners.all()
        until(lambda: min(later.written_ms for later in site.listeners.all()) > beat[0].written_ms + 5_000)
        old.stop(20)
        assert new.output().count(SUBSCRIBED) == old.output().count(SUBSCRIBED) == 1

    site.all_arrived(site.play(deploy, images=3), images=3)


@pytest.mark.parametrize("overlap", [True, False], ids=["old and new overlap", "the old one ends first"])
def test_the_password_of_the_broker_changes(site, overlap):
    """The name of the session depends on the password. What the broker keeps under the old name is read."""
    old = site.listener(MQTT_USERNAME="fleet", MQTT_PASSWORD="old")

    def rotate():
        if not overlap:
            old.stop(20)
        new = site.listener(MQTT_USERNAME="second", MQTT_PASSWORD="new")
        if overlap:
            old.stop(20)
        until(lambda: "taken over" in new.output())

    site.all_arrived(site.play(rotate))
    assert len(site.listeners.all()) == 1


def test_what_a_killed_one_of_two_held_is_taken_by_the_other(site):
    first, second = (site.listener(name) for name in ("a1", "b2"))

    def freeze_and_kill():
        # It has messages of half the fleet, and acknowledges none of them.
        os.killpg(first.pid, signal.SIGSTOP)
        until(lambda: now_ms() - min(beat.written_ms for beat in site.listeners.all()) > 2_000)
        first.kill()
        until(lambda: "taken over" in second.output())

    site.all_arrived(site.play(freeze_and_kill))
    assert len(site.listeners.all()) == 1


def test_a_group_that_is_all_dead_for_a_while_loses_nothing(site):
    listeners = [site.listener(name) for name in ("a1", "b2")]

    def die_and_come_back():
        for listener in listeners:
            listener.kill()
        until(site.nobody_alive)
        for name in ("c3", "d4"):
            site.listener(name)

    site.all_arrived(site.play(die_and_come_back))
