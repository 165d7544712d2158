"""A worker whose decoders run long, hang or are killed: nobody's ACK waits for them, and none is left over."""

import io
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from celery import Celery
from PIL import Image
from wire import Device, Ear, photograph, rows, until

from local.ports import LOOPBACK

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")


def costly():
    """A progressive image of noise that takes far more than 20 ms of CPU."""
    output = io.BytesIO()
    Image.effect_noise((2400, 2000), 100).save(output, "JPEG", progressive=True, quality=50)
    return output.getvalue()


@pytest.fixture
def place(stack, mosquitto):
    """A broker and a Redis of the test's own, beside the session's Supabase."""
    return SimpleNamespace(
        mqtt_host=LOOPBACK,
        mqtt_port=mosquitto.port,
        broker=SimpleNamespace(mqtt_version="5"),
        settings={
            **stack.environment(),
            "MQTT_HOST": LOOPBACK,
            "MQTT_PORT": str(mosquitto.port),
            "MQTT_VERSION": "5",
        },
    )


@pytest.fixture
def start(other_redis, place, run):
    """Starts the service with settings of one's own, and gives its worker."""
    redis = other_redis("")

    def call(**settings):
        urls = {"REDIS_URL": redis.url, "CELERY_BROKER_URL": redis.database_url(1)}
        ready = {"listener": "Subscribed to topics", "worker": " ready.", "beat": "beat: Starting"}
        processes = {name: run(name, **place.settings | urls | settings) for name in ready}
        for name, text in ready.items():
            process = processes[name]
            process.wait_ready(lambda process=process, text=text: text in process.output(), 60)
        return processes["worker"]

    return call


def decoders(worker):
    """The ids of a worker's decoders that run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if (
                int(group) == worker
                and state not in "ZX"
                and b"decoder.py" in (folder / "cmdline").read_bytes()
            ):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def row_of(stack, device):
    return rows(stack, "captures", device_id=f"eq.{device}")


def test_images_that_cost_too_much_are_stored_undecoded_and_hold_nobody(stack, place, start):
    worker = start(DECODE_PROGRESSIVE="true", DECODE_CPU_S="0.02", DECODERS="1")
    pid, bomb = worker.pid, costly()
    hostile, honest = Device(place, "DECODESLONG1", chunk_size=60_000), Device(place, "DECODESWELL1")
    names = [f"image_{number}.jpg" for number in range(6)]
    with Ear(place, hostile.name) as warned, Ear(place, honest.name) as ear:
        os.kill(pid, signal.SIGSTOP)  # so that all of them wait when it goes on
        for name in names:
            hostile.metadata(name, bomb)
            hostile.send(name, bomb)
        image = photograph(1)
        honest.metadata("good.jpg", image)
        honest.send("good.jpg", image)
        os.kill(pid, signal.SIGCONT)
        ear.ack("good.jpg")
        answered = set()
        while answered < set(names):
            answered.add(warned.hear(lambda message: "ACK_OK" in message)["image_name"])
    [good] = row_of(stack, honest.name)
    assert good["thumbnail_path"] is not None
    stored = row_of(stack, hostile.name)
    assert {(row["ingest_status"], row["damaged"], row["thumbnail_path"]) for row in stored} == {
        ("stored", False, None)
    }
    assert {(row["width"], row["height"]) for row in stored} == {(2400, 2000)}
    errors = rows(stack, "device_errors", device_id=f"eq.{hostile.name}")
    assert [(error["error_code"], error["message"]) for error in errors] == [
        (2206, "no thumbnail: it takes more than 0.02 s of CPU")
    ] * len(names)
    assert worker.running and worker.pid == pid


def test_a_decode_that_hangs_holds_nobody_and_is_done_again_once_it_is_killed(stack, place, start):
    worker = start()
    [first] = decoders(worker.pid)
    os.kill(first, signal.SIGSTOP)
    devices = [Device(place, name) for name in ("DECODEHANGS1", "DECODEHANGS2")]
    with Ear(place, devices[0].name) as one, Ear(place, devices[1].name) as other:
        for number, device in enumerate(devices):
            image = photograph(number)
            device.metadata("a.jpg", image)
            device.send("a.jpg", image)
        until(lambda: row_of(stack, devices[0].name) or row_of(stack, devices[1].name))
        recorded = [len(row_of(stack, device.name)) for device in devices]
        assert sorted(recorded) == [0, 1]
        ears = (one, other)
        ears[recorded.index(1)].ack("a.jpg")
        os.kill(first, signal.SIGKILL)
        ears[recorded.index(0)].ack("a.jpg")
    for device in devices:
        [row] = row_of(stack, device.name)
        assert row["thumbnail_path"] is not None
        assert not rows(stack, "device_errors", device_id=f"eq.{device.name}")


def told_by_its_queue(worker):
    Celery(broker=worker.environment["CELERY_BROKER_URL"]).control.shutdown()


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda worker: os.kill(worker.pid, signal.SIGTERM), 0),
        (lambda worker: os.killpg(worker.pid, signal.SIGTERM), 0),
        (told_by_its_queue, 0),
        (lambda worker: os.kill(worker.pid, signal.SIGKILL), -signal.SIGKILL),
    ],
    ids=["SIGTERM", "SIGTERM to all", "Flower", "SIGKILL"],
)
def test_a_worker_that_ends_leaves_no_decoder(start, end, status):
    worker = start()
    pid = worker.pid
    assert decoders(pid)
    end(worker)
    until(lambda: not worker.running)
    assert worker._popen.returncode == status
    until(lambda: not decoders(pid))
