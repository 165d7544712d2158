"""The reference firmware on a computer against the whole service: broker, Redis, workers and database are real."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

import httpx
import pytest

from local.mqtt_broker import Mosquitto, mosquitto_binary
from local.part import REPOSITORY
from local.ports import free_port

PHOTOS = sorted((REPOSITORY / "simulator" / "photos").glob("*.jpg"))
BUCKET = "gxp-captures"
_numbers = count(1)


class Slept(NamedTuple):
    """How a wake went: what the device heard, and what it says of itself."""

    heard: list[dict]
    online: bool
    wakes_at: int
    acknowledged: int
    kept: int
    data_messages: int

    def commands(self):
        return [
            message for message in self.heard if "ACK_OK" not in message and "missing_chunks" not in message
        ]


class Device:
    """A device of its own name, with its card."""

    def __init__(self, program, broker, card):
        self.name = f"F1A5{next(_numbers):08X}"
        self.card = card
        self._program, self._host, self._port = program, broker.host, broker.port

    def wake(self, *options, camera=(), port=None, password=None):
        photos = [word for photo in camera for word in ("--camera", photo)]
        login = {} if password is None else {"MQTT_USERNAME": self.name, "MQTT_PASSWORD": password}
        done = subprocess.run(
            [
                self._program, "--device", self.name, "--card", self.card, "--host", self._host,
                "--port", str(port or self._port), *photos, *options,
            ],
            capture_output=True, text=True, timeout=120, check=True,
            env={"PATH": os.environ["PATH"], "TZ": "UTC", **login},
        )  # fmt: skip
        *heard, end = done.stdout.splitlines()
        return Slept([json.loads(line.removeprefix("heard ")) for line in heard], **json.loads(end))

    def pictures(self):
        return {path.name: path.read_bytes() for path in self.card.glob("*.jpg")}


@pytest.fixture(scope="module")
def http(stack):
    headers = {"apikey": stack.supabase_secret_key, "authorization": f"Bearer {stack.supabase_secret_key}"}
    with httpx.Client(base_url=stack.supabase_url, headers=headers, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
def device(build, stack, services, tmp_path):
    return Device(build("{}/fleet-device"), stack.broker, tmp_path)


@pytest.fixture
def captures(http, device):
    """The device's captures that are stored, each with its picture; an ACK_OK says that they are there."""

    def read():
        query = {"device_id": f"eq.{device.name}", "ingest_status": "eq.stored", "order": "captured_at"}
        rows = http.get("/rest/v1/captures", params=query).raise_for_status().json()
        for row in rows:
            path = f"/storage/v1/object/{BUCKET}/{row['storage_path']}"
            row["picture"] = http.get(path).raise_for_status().content
        return rows

    return read


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.stem)
def test_a_picture_arrives_byte_for_byte_and_its_ack_ends_the_wake(device, captures, photo):
    slept = device.wake(camera=[photo])
    assert slept.commands() == [{"device_id": device.name, "capture_image": True}]
    [ack] = [message for message in slept.heard if "ACK_OK" in message]
    assert ack["image_name"] == "image_1.jpg"
    assert (slept.acknowledged, slept.kept) == (1, 0)
    [row] = captures()
    assert row["picture"] == photo.read_bytes()
    assert row["device_capture_id"] == "image_1.jpg"
    assert device.pictures() == {}


@pytest.mark.parametrize("lost", [2, 7])
def test_a_chunk_that_is_lost_is_asked_for_and_sent_again(device, captures, lost):
    """The second message of a picture is its first chunk."""
    slept = device.wake("--lose", str(lost), camera=PHOTOS[:1])
    nacks = [message["missing_chunks"] for message in slept.heard if "missing_chunks" in message]
    assert nacks and all(asked == [lost - 2] for asked in nacks)
    planned = 1 + -(-PHOTOS[0].stat().st_size // 1024)
    assert planned < slept.data_messages <= planned + len(nacks)
    assert (slept.acknowledged, slept.kept) == (1, 0)
    assert [row["picture"] for row in captures()] == [PHOTOS[0].read_bytes()]


def test_lost_metadata_are_survived_by_the_next_wake(device, captures):
    slept = device.wake("--lose", "1", "--patience-ms", "1000", camera=PHOTOS[:1])
    assert (slept.acknowledged, slept.kept) == (0, 1)
    slept = device.wake()
    assert (slept.acknowledged, slept.kept) == (1, 0)
    assert [row["picture"] for row in captures()] == [PHOTOS[0].read_bytes()]


def test_a_picture_whose_ack_is_lost_is_offered_again_and_is_no_other(device, captures):
    slept = device.wake("--lose-ack", "--patience-ms", "10000", camera=PHOTOS[:1])
    assert (slept.acknowledged, slept.kept) == (0, 1)
    assert device.pictures() == {"image_1.jpg": PHOTOS[0].read_bytes()}
    [before] = captures()
    slept = device.wake(camera=PHOTOS[1:2])
    assert {"device_id": device.name, "send_image": "image_1.jpg"} in slept.commands()
    assert slept.kept == 0
    rows = {row["device_capture_id"]: row for row in captures()}
    assert len(rows) == slept.acknowledged
    assert rows["image_1.jpg"]["capture_id"] == before["capture_id"]
    assert rows["image_1.jpg"]["picture"] == PHOTOS[0].read_bytes()


def test_a_backlog_of_wakes_without_network_arrives(device, captures):
    for photo in PHOTOS[:3]:
        assert not device.wake(camera=[photo], port=free_port()).online
    assert len(device.pictures()) == 3
    slept = device.wake(camera=PHOTOS[3:4])
    asked = [command.get("send_image") for command in slept.commands()]
    assert asked[:3] == ["image_1.jpg", "image_2.jpg", "image_3.jpg"]
    assert slept.kept == 0
    stored = {row["device_capture_id"]: row["picture"] for row in captures()}
    for number, photo in enumerate(PHOTOS[:3], 1):
        assert stored[f"image_{number}.jpg"] == photo.read_bytes()


def test_the_schedule_that_an_ack_tells_is_kept(device, http):
    assert http.post("/rest/v1/devices", json={"device_id": device.name}).is_success
    row = {"device_id": device.name, "interval_minutes": 240, "wake_spread_s": 0}
    assert http.post("/rest/v1/device_configs", json=row).is_success
    slept = device.wake(camera=PHOTOS[:1])
    [ack] = [message for message in slept.heard if "ACK_OK" in message]
    wakes = datetime.fromtimestamp(slept.wakes_at, UTC)
    assert ack["ACK_OK"]["next_wake_time"] == f"{wakes.hour % 12 or 12}:{wakes:%M%p}"
    [known] = http.get("/rest/v1/devices", params={"device_id": f"eq.{device.name}"}).json()
    due = datetime.fromisoformat(known["next_wake_at"])
    assert timedelta() <= wakes - due < timedelta(minutes=1)


def test_commands_are_obeyed(device, http, captures):
    """A picture that was asked for, and the time of a wake that an operator has set."""
    # It has not been heard before: to a device that was just awake they would be told at once, wherever it is.
    assert http.post("/rest/v1/devices", json={"device_id": device.name}).is_success
    wakes = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    told = f"{wakes:%Y-%m-%dT%H:%M:%SZ}"
    rows = [
        {"device_id": device.name, "type": "capture_image"},
        {"device_id": device.name, "type": "next_wake", "payload": {"next_wake": told}},
    ]
    for row in rows:
        assert http.post("/rest/v1/device_commands", json=row).is_success
    slept = device.wake(camera=PHOTOS[1:2])
    assert {"device_id": device.name, "capture_image": True} in slept.commands()
    assert {"device_id": device.name, "next_wake": told} in slept.commands()
    assert PHOTOS[1].read_bytes() in [row["picture"] for row in captures()]
    assert slept.wakes_at == wakes.timestamp()


def test_a_camera_that_fails_is_recorded_and_the_device_sleeps(device, http):
    slept = device.wake()
    assert (slept.acknowledged, slept.kept) == (1, 0)
    errors = http.get("/rest/v1/device_errors", params={"device_id": f"eq.{device.name}"}).json()
    assert [error["error_code"] for error in errors] == [1001]


class Guarded(Mosquitto):
    """Mosquitto with TLS, a login for each device, and the rights of broker/rights."""

    def prepare(self):
        super().prepare()
        config = self.directory / "mosquitto.conf"
        text = config.read_text().replace("allow_anonymous true", "allow_anonymous false")
        files = {"certfile": "cert.pem", "keyfile": "key.pem", "password_file": "users", "acl_file": "rights"}
        config.write_text(text + "".join(f"{what} {self.directory / name}\n" for what, name in files.items()))


def certificate(folder):
    folder.mkdir(parents=True, exist_ok=True)
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(["openssl", *words.split(), *names], check=True, capture_output=True, cwd=folder)
    return folder / "cert.pem"


def test_a_broker_is_trusted_by_its_certificate_alone(build, tmp_path):
    """With another CA, or the wrong password, nothing is said, and the picture is kept."""
    if mosquitto_binary() is None or shutil.which("openssl") is None:
        pytest.skip("no mosquitto, or no openssl, on PATH")
    broker = Guarded(tmp_path / "broker")
    ours, others = certificate(broker.directory), certificate(tmp_path / "others")
    card = tmp_path / "card"
    card.mkdir()
    device = Device(build("{}/fleet-device"), broker, card)
    shutil.copy(REPOSITORY / "broker" / "rights", broker.directory)
    users = str(broker.directory / "users")
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", users, device.name, "open-up"], check=True, capture_output=True
    )
    broker.start()
    try:
        waits = ("--answer-ms", "300")
        assert device.wake("--ca-cert", ours, *waits, camera=PHOTOS[:1], password="open-up").online
        assert not device.wake("--ca-cert", others, camera=PHOTOS[:1], password="open-up").online
        assert not device.wake("--ca-cert", ours, camera=PHOTOS[:1], password="open sesame").online
        assert not device.wake(camera=PHOTOS[:1], password="open-up").online
    finally:
        broker.stop()
    assert len(device.pictures()) == 4
