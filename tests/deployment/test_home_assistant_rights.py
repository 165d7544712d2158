"""The rights at the broker that docs/integrations.md gives Home Assistant, on a broker that has them."""

import queue
import re
import uuid

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from secured_broker import PASSWORD, SecuredMosquitto

from core.errors import AccessDenied
from core.home_assistant import BUTTONS, topics
from core.retain import Retained
from core.settings import MqttSettings
from local.mqtt_broker import mosquitto_binary
from local.part import REPOSITORY
from operate.logins import hashed

PAGE = (REPOSITORY / "docs" / "integrations.md").read_text().partition("\n## Home Assistant\n")[2]
# The company in the page's example, and another one.
[MINE] = set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", PAGE))
OTHER = str(uuid.uuid4())


class Documented(SecuredMosquitto):
    """Mosquitto with the logins and rights of the page."""

    def prepare(self):
        super().prepare()
        (self.directory / "passwords").write_text(
            "".join(hashed(user, PASSWORD) for user in ("fleet", "homeassistant", "greenhouse"))
        )

    def _write_rights(self):
        rights = re.findall(r"^```conf\n(.*?)^```$", PAGE, re.M | re.S)
        (self.directory / "rights").write_text("\n".join(text for text in rights if "homeassistant" in text))


class Login:
    """A client with a login, which hears what it may."""

    def __init__(self, broker, user, *filters):
        self.heard, self._settled = queue.Queue(), queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(user, PASSWORD)
        self._client.on_message = lambda _c, _d, message: self.heard.put(message.topic)
        self._client.on_subscribe = lambda *_: self._settled.put(True)
        # Some brokers confirm what they refuse, others close the connection.
        self._client.on_publish = self._client.on_disconnect = lambda *_: self._settled.put(True)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        if filters:
            self._client.subscribe([(name, 1) for name in filters])
            self._settled.get(timeout=10)

    def publish(self, topic):
        """Publish, and wait until the broker has it or has refused it; the connection is of no use then."""
        self._client.publish(topic, b"PRESS", qos=1)
        self._settled.get(timeout=10)

    def next(self, number):
        return {self.heard.get(timeout=10) for _ in range(number)}

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path):
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH")
    server = Documented(tmp_path / "broker")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def login(broker):
    made = []

    def make(user, *filters):
        made.append(Login(broker, user, *filters))
        return made[-1]

    yield make
    for one in made:
        one.close()


def settings(broker, user="fleet"):
    return MqttSettings(
        mqtt_host=broker.host,
        mqtt_port=broker.port,
        mqtt_tls=False,
        mqtt_username=user,
        mqtt_password=PASSWORD,
    )


def test_each_login_sees_and_presses_what_the_page_says(broker, login):
    mine, other = (topics("homeassistant", company, "A") for company in (MINE, OTHER))
    with Retained(settings(broker), "service") as service:
        service.publish([(topic, b"{}") for its in (mine, other) for topic in its[:3]])
    listener = login("fleet", BUTTONS, "ESP32CAM/#")
    everything = "homeassistant/+/+/+/config", "fleet/#", "ESP32CAM/#"
    owner, tenant = login("homeassistant", *everything), login("greenhouse", *everything)
    assert owner.next(6) == {*mine[:3], *other[:3]}
    assert tenant.next(3) == set(mine[:3])

    login("homeassistant").publish(other.button)
    login("greenhouse").publish(other.button)
    for user in ("homeassistant", "greenhouse"):
        for topic in ("ESP32CAM/A/cmd", "ESP32CAM/A/status", mine.state, mine.config, "fleet/capture"):
            login(user).publish(topic)
    login("greenhouse").publish(mine.button)
    # The broker has gone through all of them, so whatever was let through has come before the last one.
    assert listener.next(2) == {other.button, mine.button}
    assert listener.heard.empty()
    # Who may read all hears presses too; a tenant hears its own.
    assert owner.next(2) == {other.button, mine.button}
    assert tenant.next(1) == {mine.button}


def test_who_may_not_tell_is_told_so(broker):
    with (
        Retained(settings(broker, "greenhouse"), "service") as refused,
        pytest.raises(AccessDenied, match="fleet/#"),
    ):
        refused.publish([(topics("homeassistant", MINE, "A").state, b"{}")])
