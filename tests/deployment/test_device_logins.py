"""One login for each device, made with its code, at the broker of the compose file: a device speaks as itself alone."""

import csv
import errno
import os
import queue
import subprocess
import sys
import uuid
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import typer
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from ruamel.yaml import YAML
from secured_broker import PASSWORD, USER, ComposedMosquitto

import operate.devices
from local.mqtt_broker import mosquitto_binary
from local.part import REPOSITORY

REFUSED = ReasonCode(PacketTypes.PUBACK, "Not authorized")


@pytest.fixture
def command(stack, environment):
    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "operate.devices", "codes", *words],
            cwd=REPOSITORY, env={**environment, **stack.environment()}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def devices():
    return [uuid.uuid4().hex[:12].upper() for _ in range(2)]


@pytest.fixture
def passwords(command, devices, tmp_path):
    """The passwords of both, and beside them in `folder` what the broker is given."""
    folder = tmp_path / "broker"
    folder.mkdir()
    (folder / "rights").write_text((REPOSITORY / "broker" / "rights").read_text())
    answer = command(
        *devices, "--labels", str(tmp_path / "labels.html"), "--logins", str(tmp_path / "logins.csv"),
        "--passwords", str(folder / "passwords"),
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    with (tmp_path / "logins.csv").open() as file:
        made = {row["username"]: row["password"] for row in csv.DictReader(file)}
    assert list(made) == devices
    assert not any(password in answer.stdout for password in made.values())
    return made


@pytest.fixture
def root():
    return "ESP32CAM"


@pytest.fixture
def broker(passwords, tmp_path, root):
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH")
    compose = YAML(typ="safe").load((REPOSITORY / "docker-compose.yml").read_text())
    server = ComposedMosquitto(tmp_path / "data", compose, tmp_path / "broker", root)
    server.start()
    yield server
    server.stop()


class Client:
    """Somebody at the broker; what they publish is confirmed or refused, and they hear what they may."""

    def __init__(self, broker, user, password, *filters):
        self.heard, self._answers = queue.Queue(), queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.username_pw_set(user, password)
        self._client.on_connect = self._client.on_subscribe = self._answer
        self._client.on_publish = self._answer
        self._client.on_message = lambda _c, _d, message: self.heard.put((message.topic, message.payload))
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self.connected = self._answers.get(timeout=10)
        if filters:
            self._client.subscribe([(name, 1) for name in filters])
            self._answers.get(timeout=10)

    def _answer(self, _client, _data, _what, codes, *_more):
        self._answers.put(codes)

    def publish(self, topic, payload=b"x"):
        self._client.publish(topic, payload, qos=1)
        return self._answers.get(timeout=10)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def join(broker, passwords):
    joined = []

    def make(user, *filters, password=None):
        known = {USER: PASSWORD, **passwords}
        joined.append(Client(broker, user, password or known[user], *filters))
        return joined[-1]

    yield make
    for each in joined:
        each.close()


def test_a_device_speaks_as_itself_and_cannot_publish_anothers_data_nor_an_ack(join, devices):
    mine, other = devices
    service, device = join(USER, "ESP32CAM/#"), join(mine)
    victim = join(other, f"ESP32CAM/{other}/ack", f"ESP32CAM/{other}/cmd")
    for kind in ("ack", "cmd", "data", "status"):
        # On a connection of its own each time: it may end with the refusal.
        assert join(mine).publish(f"ESP32CAM/{other}/{kind}", b"forged") == REFUSED, kind
    for topic in (f"ESP32CAM/{mine}/ack", f"ESP32CAM/{mine}/cmd", "ESP32CAM", f"ESP32CAM/{mine}/data/x", "fleet/x",
                  "homeassistant/x", f"x/{mine}/data"):  # fmt: skip
        assert join(mine).publish(topic, b"forged") == REFUSED, topic
    own = [(f"ESP32CAM/{mine}/{kind}", kind.encode()) for kind in ("status", "data")]
    for topic, payload in own:
        assert device.publish(topic, payload) != REFUSED
    assert [service.heard.get(timeout=10) for _ in own] == own, "and nothing before it"
    service.publish(f"ESP32CAM/{other}/ack", b"true")
    assert victim.heard.get(timeout=10) == (f"ESP32CAM/{other}/ack", b"true")


@pytest.mark.parametrize("root", ["TRIAL"])
def test_with_another_root_the_rights_are_below_that(join, devices):
    service = join(USER, "TRIAL/#")
    assert join(devices[0]).publish(f"ESP32CAM/{devices[0]}/data") == REFUSED
    assert join(devices[0]).publish(f"TRIAL/{devices[1]}/data") == REFUSED
    assert join(USER).publish(f"ESP32CAM/{devices[0]}/ack") == REFUSED
    join(devices[0]).publish(f"TRIAL/{devices[0]}/data", b"mine")
    assert service.heard.get(timeout=10) == (f"TRIAL/{devices[0]}/data", b"mine")


def test_a_device_hears_what_is_for_it_alone(join, devices):
    mine, other = devices
    device, service = join(mine, "ESP32CAM/#", "#", f"ESP32CAM/{other}/ack", "$SYS/#"), join(USER)
    for kind in ("ack", "cmd", "data", "status"):
        service.publish(f"ESP32CAM/{other}/{kind}", b"not for you")
    service.publish(f"ESP32CAM/{mine}/data")
    service.publish(f"ESP32CAM/{mine}/ack", b"for you")
    assert device.heard.get(timeout=10) == (f"ESP32CAM/{mine}/ack", b"for you")


def test_nobody_gets_in_with_the_password_of_another(join, devices, passwords):
    mine, other = devices
    assert join(mine).connected == ReasonCode(PacketTypes.CONNACK, "Success")
    for user, password in ((other, passwords[mine]), (USER, passwords[mine]), (mine, PASSWORD), ("new", "x")):
        assert join(user, password=password).connected == ReasonCode(PacketTypes.CONNACK, "Not authorized")


def test_a_new_login_takes_the_place_of_the_old_and_the_others_stay(command, devices, passwords, tmp_path):
    file = tmp_path / "broker" / "passwords"
    before = file.read_text().splitlines()
    words = (devices[0], "--labels", str(tmp_path / "2.html"), "--logins", str(tmp_path / "2.csv"))
    refused = command(*words, "--passwords", str(file))
    assert refused.returncode == 1
    assert file.read_text().splitlines() == before, "the device keeps its code, and so its login"
    assert not (tmp_path / "2.csv").exists()
    assert command(*words, "--passwords", str(file), "--replace").returncode == 0
    after = file.read_text().splitlines()
    assert after[0] == before[1]
    assert after[1].startswith(f"{devices[0]}:$7$")
    assert after[1] != before[0]
    assert len(after) == 2
    for secret in (file, tmp_path / "2.csv", tmp_path / "2.html"):
        assert secret.stat().st_mode & 0o077 == 0, secret


def test_the_password_file_stays_who_it_was_for(command, devices, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("service:$7$kept")  # by an editor that ends no line
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 12345, 12346)  # as the broker's user has it
    owned = file.stat()
    words = (
        "--labels",
        str(tmp_path / "1.html"),
        "--logins",
        str(tmp_path / "1.csv"),
        "--passwords",
        str(file),
    )
    answer = command(devices[0], *words)
    assert answer.returncode == 0, answer.stderr
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (owned.st_mode, owned.st_uid, owned.st_gid)
    assert [line.split("$")[0] for line in file.read_text().splitlines()] == ["service:", f"{devices[0]}:"]


@pytest.mark.parametrize(
    ("device", "content", "said"),
    [
        ("+", b"", "this is no id of a device: '+'"),
        ("%u", b"", "this is no id of a device: '%u'"),
        ("A-B", b"", "this is no id of a device: 'A-B'"),
        ("A" * 33, b"", "this is no id of a device"),
        ("A1", b"\xff\xfe", "cannot read"),
    ],
)
def test_what_will_not_do_ends_in_a_line_and_makes_nothing(command, tmp_path, device, content, said):
    file = tmp_path / "passwords"
    file.write_bytes(content)
    words = (
        "--labels",
        str(tmp_path / "1.html"),
        "--logins",
        str(tmp_path / "1.csv"),
        "--passwords",
        str(file),
    )
    answer = command(device, *words)
    assert said in answer.stderr and len(answer.stderr.splitlines()) == 1
    assert answer.returncode in (1, 2)
    assert list(tmp_path.iterdir()) == [file]
    assert file.read_bytes() == content


def test_no_two_of_its_files_may_be_one(command, devices, tmp_path):
    answer = command(
        devices[0], "--labels", str(tmp_path / "x"), "--logins", str(tmp_path / "y" / ".." / "x")
    )
    assert (answer.returncode, answer.stderr) == (
        2,
        "labels, logins and passwords each need a file of their own\n",
    )
    assert not list(tmp_path.iterdir())


def test_what_is_nowhere_else_stays_when_a_file_cannot_be_put_in_its_place(
    stack, devices, tmp_path, monkeypatch, capsys
):
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    labels, logins, passwords = (tmp_path / name for name in ("labels", "logins", "passwords"))

    def replace(draft, file, replace=Path.replace):
        if file == passwords:  # as where it is mounted into a container by itself
            raise OSError(errno.EBUSY, "Device or resource busy")
        return replace(draft, file)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(typer.Exit):
        operate.devices.codes(devices, labels=labels, logins=logins, passwords=passwords)
    draft = tmp_path / "passwords.part"
    said = f"cannot write {passwords}: Device or resource busy; what is nowhere else is in {draft}\n"
    assert capsys.readouterr().err == said
    assert sorted(tmp_path.iterdir()) == [labels, logins, draft]
    assert [line.partition(":")[0] for line in draft.read_text().splitlines()] == devices
