"""MQTT_TOPIC_ROOT: what goes to the broker and comes from there has it, and nothing of another fleet passes for one's own."""

import pytest

from core import mqtt
from core.errors import WireError
from core.settings import SettingsError, SubscriberSettings, load
from core.wire import split_topic
from listener.connection import client_id


@pytest.fixture
def settings():
    def make(**more):
        known = {"mqtt_host": "h", "mqtt_username": "u", "mqtt_password": "p"}
        return SubscriberSettings(**{**known, **more})

    return make


def test_every_topic_begins_with_the_root(settings):
    trial = settings(mqtt_topic_root="TRIAL", mqtt_shared_group="fleet")
    topics = [*mqtt.subscriptions(settings(mqtt_topic_root="TRIAL")), mqtt.ping_topic(trial, "me"),
              mqtt.topic(trial, "AABB", "ack")]  # fmt: skip
    assert {topic.split("/")[0] for topic in topics} == {"TRIAL"}
    assert all("/TRIAL/+/" in topic for topic in mqtt.subscriptions(trial))
    assert mqtt.topic(settings(), "AABB", "ack") == "ESP32CAM/AABB/ack"


def test_no_two_fleets_have_a_session_or_a_group_in_common(settings):
    """A session of before the change of root would bring what was sent below the other one."""
    one, other = settings(), settings(mqtt_topic_root="TRIAL")
    assert mqtt.secret_name(one, "fleet") != mqtt.secret_name(other, "fleet")
    open_broker = {"mqtt_username": None, "mqtt_password": None}
    names = {mqtt.secret_name(settings(mqtt_topic_root=root, **open_broker), "fleet")
             for root in ("ESP32CAM", "TRIAL", "TEST")}  # fmt: skip
    assert len(names) == 3
    assert client_id(one, "host") == mqtt.secret_name(one, "fleet")


@pytest.mark.parametrize(
    ("root", "at_broker", "device"),
    [
        ("ESP32CAM", "ESP32CAM/AABB/data", "AABB"),
        ("TRIAL", "TRIAL/AABB/data", "AABB"),
        ("TRIAL", "ESP32CAM/AABB/data", None),
        ("ESP32CAM", "TRIAL/AABB/data", None),
        ("TRIAL", "TRIALS/AABB/data", None),
        ("TRIAL", "TRIAL", None),
    ],
)
def test_only_what_comes_below_the_root_is_a_devices(settings, root, at_broker, device):
    known = mqtt.as_known(settings(mqtt_topic_root=root), at_broker)
    if device is None:
        with pytest.raises(WireError):
            split_topic(known)
    else:
        assert split_topic(known) == (device, "data")


@pytest.mark.parametrize("root", ["", "A/B", "+", "#", "fleet", "x" * 33, "$share"])
def test_a_root_that_is_none_is_refused(monkeypatch, root):
    monkeypatch.setenv("MQTT_HOST", "h")
    monkeypatch.setenv("MQTT_TOPIC_ROOT", root)
    if root == "":
        assert load(SubscriberSettings).mqtt_topic_root == "ESP32CAM"
    else:
        with pytest.raises(SettingsError, match="MQTT_TOPIC_ROOT"):
            load(SubscriberSettings)


def test_home_assistant_is_told_by_one_fleet_alone(monkeypatch):
    for name, value in {"MQTT_HOST": "h", "MQTT_TOPIC_ROOT": "TRIAL", "HOME_ASSISTANT_PREFIX": "ha"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="HOME_ASSISTANT_PREFIX needs MQTT_TOPIC_ROOT=ESP32CAM"):
        load(SubscriberSettings)
