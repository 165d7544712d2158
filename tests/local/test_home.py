"""`up` for somebody's own cameras: who reaches the broker, whose the devices are, and what stays."""

import io
import threading
import uuid

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console

from local import supabase_lite
from local.company import service, visitor
from local.entry import CAMERA, SERVICE, Entry
from local.home import OWNER, Home, entry_of, held
from local.mqtt_broker import BROKERS, make_broker, mosquitto_binary
from local.news import News
from local.ports import LOOPBACK, StackError
from local.stack import MailStack

PASSWORDS = {SERVICE: "the service's", CAMERA: "the cameras'"}


@pytest.fixture(scope="module", params=BROKERS)
def broker(request, tmp_path_factory):
    if request.param == "mosquitto" and mosquitto_binary() is None:
        pytest.skip("no mosquitto on this machine")
    made = make_broker(request.param, tmp_path_factory.mktemp("broker"), entry=Entry(LOOPBACK, PASSWORDS))
    made.start()
    yield made
    made.stop()


class Client:
    """A client of the broker; `heard` has the topics of what came."""

    def __init__(self, broker, user=None, password=None):
        self.heard, self._answers, self._answered = [], {}, threading.Condition()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=uuid.uuid4().hex)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda *words: self._note("connect", words[3].is_failure)
        self._client.on_subscribe = lambda *words: self._note(words[2], words[3][0].is_failure)
        self._client.on_message = lambda *words: self._note("heard", words[2].topic)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def _note(self, what, value):
        with self._answered:
            if what == "heard":
                self.heard.append(value)
            self._answers[what] = value
            self._answered.notify_all()

    def until(self, holds):
        with self._answered:
            assert self._answered.wait_for(holds, 20)

    def is_refused(self):
        self.until(lambda: "connect" in self._answers)
        return self._answers["connect"]

    def may_hear(self, topic):
        _, number = self._client.subscribe(topic, qos=1)
        self.until(lambda: number in self._answers)
        return not self._answers[number]

    def say(self, topic):
        self._client.publish(topic, b"{}", qos=1)

    def end(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def client(broker):
    made = []

    def make(*login):
        made.append(Client(broker, *login))
        return made[-1]

    yield make
    for one in made:
        one.end()


@pytest.mark.parametrize("login", [(), (CAMERA, "wrong"), ("nobody", "x"), ("constructor", "x")])
def test_nobody_comes_in_without_a_login(client, login):
    assert client(*login).is_refused()


def test_a_camera_may_do_what_devices_do_and_no_more(client):
    ours = client(SERVICE, PASSWORDS[SERVICE])
    assert ours.may_hear("#")
    camera = client(CAMERA, PASSWORDS[CAMERA])
    assert not camera.is_refused()
    assert camera.may_hear("ESP32CAM/CAM1/ack")
    assert camera.may_hear("ESP32CAM/CAM1/cmd")

    for topic in ("ESP32CAM/CAM1/ack", "ESP32CAM/CAM1/cmd", "fleet/anything", "ESP32CAM/CAM1/data/more"):
        client(CAMERA, PASSWORDS[CAMERA]).say(topic)
    camera.say("ESP32CAM/CAM1/status")
    camera.say("ESP32CAM/CAM1/data")
    ours.say("ESP32CAM/CAM1/ack")

    ours.until(lambda: "ESP32CAM/CAM1/data" in ours.heard and ours.heard.count("ESP32CAM/CAM1/ack") == 1)
    camera.until(lambda: camera.heard == ["ESP32CAM/CAM1/ack"])
    assert sorted(ours.heard) == ["ESP32CAM/CAM1/ack", "ESP32CAM/CAM1/data", "ESP32CAM/CAM1/status"]


def test_what_a_camera_is_refused_to_hear_does_not_come(client):
    camera, ours = client(CAMERA, PASSWORDS[CAMERA]), client(SERVICE, PASSWORDS[SERVICE])
    camera.may_hear("ESP32CAM/OTHER/data")
    camera.may_hear("#")
    assert camera.may_hear("ESP32CAM/CAM2/cmd")
    ours.say("ESP32CAM/OTHER/data")
    ours.say("ESP32CAM/CAM2/cmd")
    camera.until(lambda: "ESP32CAM/CAM2/cmd" in camera.heard)
    assert camera.heard == ["ESP32CAM/CAM2/cmd"]


@pytest.mark.parametrize(
    ("host", "said"),
    [("fritz.box", "is no IPv4 address"), ("192.0.2.77", "this machine has no address 192.0.2.77")],
)
def test_a_wrong_address_is_one_line(host, said):
    with pytest.raises(StackError, match=said):
        entry_of(host, None)


def test_other_machines_need_a_login_and_it_stays(tmp_path):
    assert not entry_of(LOOPBACK, tmp_path).logins
    first = entry_of("0.0.0.0", tmp_path)
    assert set(first.logins) == {SERVICE, CAMERA}
    assert first.near == LOOPBACK
    assert entry_of("0.0.0.0", tmp_path).logins == first.logins
    assert entry_of("0.0.0.0", None).logins != first.logins
    for file in (tmp_path / "secrets").iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_two_never_use_the_same_data(tmp_path):
    folder = tmp_path / "cameras"
    with held(folder), pytest.raises(StackError, match="in use"), held(folder):
        pass
    with held(folder):
        assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="data: Not a directory"), held(tmp_path / "file" / "folder"):
        pass


def looked(home, stack):
    output = io.StringIO()
    home.look(News(Console(file=output, width=80), service(stack), stack.inbox))
    return output.getvalue()


@pytest.mark.timeout(300)
def test_devices_and_their_owner_are_there_after_a_restart_and_an_update(tmp_path, monkeypatch):
    def made():
        return MailStack(directory=tmp_path / "data", broker="aedes", mailbox=tmp_path / "mailbox")

    with made() as stack:
        home = Home(stack)
        _heard(stack, "CAM1")
        assert "CAM1 is heard for the first time" in looked(home, stack)
        assert looked(home, stack) == ""
        said = home.words()["owner"]
        password = said.split("password ")[1].split()[0]
        [device] = visitor(stack).sign_in(OWNER, password).rows("devices", select="device_id")
        assert device == {"device_id": "CAM1"}

    # A newer version of the schema comes to what is there, after one that does not apply.
    broken, newer = tmp_path / "broken.sql", tmp_path / "newer.sql"
    broken.write_text("create table public.halfway (;")
    more = "\ncreate or replace view public.newer with (security_invoker = true) as select 1 as one;\n"
    grant = "grant select on public.newer to authenticated;\n"
    newer.write_text(supabase_lite.SCHEMA.read_text() + more + grant)
    monkeypatch.setattr(supabase_lite, "SCHEMA", broken)
    with pytest.raises(StackError, match="does not apply"):
        made().start()
    monkeypatch.setattr(supabase_lite, "SCHEMA", newer)
    with made() as stack:
        home = Home(stack)
        assert home.words()["owner"] == said
        owner = visitor(stack).sign_in(OWNER, password)
        assert owner.rows("devices", select="device_id") == [{"device_id": "CAM1"}]
        assert owner.rows("newer") == [{"one": 1}]

        # With a password of their own they claim what comes next themselves.
        change = {**owner.headers, "content-type": "application/json"}
        answer = httpx.put(
            f"{stack.supabase_url}/auth/v1/user", headers=change, json={"password": "quite another"}
        )
        answer.raise_for_status()
        _heard(stack, "CAM2")
        told = looked(home, stack)
        assert "CAM2 is heard: claim it in the console with " in told
        assert looked(home, stack) == ""
        code = told.split("console with ")[1].split()[0]
        owner = visitor(stack).sign_in(OWNER, "quite another")
        assert owner.call("claim_device", p_code=code) == "CAM2"


def _heard(stack, device_id):
    """What the service writes of a device that says hello."""
    address = f"{stack.supabase_url}/rest/v1/devices"
    httpx.post(address, headers=service(stack).headers, json={"device_id": device_id}).raise_for_status()
