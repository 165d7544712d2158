"""A broker of one's own with TLS: what one command makes, in a real Mosquitto as the compose file starts it."""

import queue
import socket
import ssl
import stat
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from ruamel.yaml import YAML
from secured_broker import ComposedMosquitto

from core.settings import SubscriberSettings
from local.mqtt_broker import mosquitto_binary
from local.part import REPOSITORY
from operate.checks.broker import check_broker
from operate.logins import hashed

REFUSED = ReasonCode(PacketTypes.PUBACK, "Not authorized")
DEVICE = uuid.uuid4().hex[:12].upper()


@pytest.fixture
def make(tmp_path):
    def run(*hosts):
        command = [sys.executable, "-m", "operate.certificates", *hosts]
        folders = ["--broker", tmp_path / "broker", "--authority", tmp_path / "authority"]
        return subprocess.run(
            [*command, *folders], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def broker(make, tmp_path):
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH")
    assert make("127.0.0.1", "localhost").returncode == 0
    folder = tmp_path / "broker"
    (folder / "rights").write_text((REPOSITORY / "broker" / "rights").read_text())
    (folder / "passwords").write_text(hashed(DEVICE, "secret of the device"))
    compose = YAML(typ="safe").load((REPOSITORY / "docker-compose.yml").read_text())
    server = ComposedMosquitto(tmp_path / "data", compose, folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def join(broker):
    joined = []

    def connect(host, authority, password="secret of the device"):
        answers = queue.Queue()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.tls_set_context(ssl.create_default_context(cafile=authority))
        client.username_pw_set(DEVICE, password)
        client.on_connect = lambda _c, _d, _f, code, _p: answers.put(code)
        client.on_publish = lambda _c, _d, _m, code, _p: answers.put(code)
        client.connect(host, broker.tls_port)
        client.loop_start()
        joined.append(client)
        return client, answers

    yield connect
    for client in joined:
        client.disconnect()
        client.loop_stop()


def test_a_device_trusts_the_broker_and_speaks_as_itself_alone(broker, join, tmp_path):
    authority = tmp_path / "authority" / "ca.pem"
    for host in ("127.0.0.1", "localhost"):
        client, answers = join(host, authority)
        assert answers.get(timeout=10) == 0
        client.publish(f"ESP32CAM/{DEVICE}/status", b"{}", qos=1)
        assert not answers.get(timeout=10).is_failure
        client.publish("ESP32CAM/AABBCCDDEEFF/status", b"{}", qos=1)
        assert answers.get(timeout=10) == REFUSED
    _, answers = join("localhost", authority, password="wrong")
    assert answers.get(timeout=10).is_failure


@pytest.mark.parametrize(
    ("name", "trusted", "said"),
    [
        ("localhost", False, "unable to get local issuer certificate"),
        ("other.example", True, "Hostname mismatch"),
    ],
)
def test_who_asks_for_another_broker_or_knows_no_authority_does_not_come(
    broker, tmp_path, name, trusted, said
):
    context = ssl.create_default_context(cafile=tmp_path / "authority" / "ca.pem" if trusted else None)
    with (
        socket.create_connection((broker.host, broker.tls_port)) as connection,
        pytest.raises(ssl.SSLCertVerificationError, match=said),
    ):
        context.wrap_socket(connection, server_hostname=name)


def test_the_service_may_use_it_too(broker, tmp_path):
    settings = broker.settings | {
        "MQTT_TLS": "true", "MQTT_PORT": str(broker.tls_port), "MQTT_CA_CERT": str(tmp_path / "authority" / "ca.pem"),
    }  # fmt: skip
    found = check_broker(SubscriberSettings(**{name.lower(): value for name, value in settings.items()}))
    assert {check.name: check.grade for check in found}["publishing"] == "ok"


def test_once_more_is_a_new_certificate_that_devices_trust_as_before(broker, make, join, tmp_path):
    files = {
        name: (tmp_path / name).read_bytes()
        for name in ("authority/ca.pem", "authority/ca.key", "broker/broker.pem")
    }
    told = make("localhost")
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "authority/ca.pem").read_bytes() == files["authority/ca.pem"]
    assert (tmp_path / "authority/ca.key").read_bytes() == files["authority/ca.key"]
    assert (tmp_path / "broker/broker.pem").read_bytes() != files["broker/broker.pem"]
    broker.restart()
    _, answers = join("localhost", tmp_path / "authority" / "ca.pem")
    assert answers.get(timeout=10) == 0

    made = x509.load_pem_x509_certificate((tmp_path / "broker/broker.pem").read_bytes())
    assert f"until {made.not_valid_after_utc:%Y-%m-%d}: run this again before" in told.stdout
    authority = x509.load_pem_x509_certificate(files["authority/ca.pem"])
    assert timedelta(days=700) < made.not_valid_after_utc - datetime.now(UTC) < timedelta(days=826)
    assert made.not_valid_after_utc < authority.not_valid_after_utc


def test_keys_are_for_their_owner_alone_and_the_broker_has_none_of_the_authority(make, tmp_path):
    assert make("fleet.example.org").returncode == 0
    modes = {
        str(file.relative_to(tmp_path)): stat.S_IMODE(file.stat().st_mode)
        for folder in ("broker", "authority")
        for file in (tmp_path / folder).iterdir()
    }
    assert modes == {
        "broker/broker.pem": 0o644, "broker/broker.key": 0o600, "authority/ca.pem": 0o644, "authority/ca.key": 0o600,
    }  # fmt: skip


def test_boards_find_an_address_among_the_names_and_their_clock_may_be_behind(make, tmp_path):
    assert make("192.168.1.20").returncode == 0
    made, authority = (
        x509.load_pem_x509_certificate((tmp_path / name).read_bytes())
        for name in ("broker/broker.pem", "authority/ca.pem")
    )
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["192.168.1.20", "192.168.1.20"]
    assert {type(name) for name in names} == {x509.IPAddress, x509.DNSName}
    for certificate in (made, authority):
        assert certificate.not_valid_before_utc < datetime.now(UTC) - timedelta(hours=12)
    # Whoever has the broker's key makes no authority of it, and the authority none below it.
    limits = [
        each.extensions.get_extension_for_class(x509.BasicConstraints).value for each in (made, authority)
    ]
    assert [(each.ca, each.path_length) for each in limits] == [(False, None), (True, 0)]


@pytest.mark.parametrize("host", ["", "a b", "https://x.example", "fleet..org", "käse.example"])
def test_what_is_no_host_is_refused_in_a_line(make, tmp_path, host):
    answer = make(host)
    assert answer.returncode == 2
    assert "no names or addresses of a host" in answer.stderr
    assert not (tmp_path / "authority").exists()


def test_an_authority_without_its_key_is_not_replaced(make, tmp_path):
    make("fleet.example.org")
    (tmp_path / "authority" / "ca.key").unlink()
    answer = make("fleet.example.org")
    assert answer.returncode == 1
    assert "ca.key" in answer.stderr and "Traceback" not in answer.stderr
