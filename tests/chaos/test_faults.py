"""One fault at a time, at the worst moment for it. The long form of the suite; the storm has the short one."""

import os
import subprocess
import sys
import time
from binascii import crc32
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from chaos_ledger import rows_of
from chaos_platform import Platform
from chaos_proxy import Fault, TcpProxy
from chaos_wire import Picture, photograph

from core.store import memory
from local.part import REPOSITORY

BOUND_S = 30.0
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(autouse=True)
def _long_only(is_long):
    if not is_long:
        pytest.skip("part of the long form: make chaos")


@pytest.fixture
def rng(seed, request):
    return Random(f"{seed}/{request.node.name}")


@pytest.fixture
def wire(rig, request):
    wire = rig.wire(f"FAULT{crc32(request.node.name.encode()):08X}")
    yield wire
    wire.close()


def stored(rig, wire, pictures):
    """Assert that each picture has its one row."""
    with rig.http() as http:
        rows = rows_of(http, wire.device_id)
    found = sorted(row["image_sha256"] for row in rows if row["ingest_status"] == "stored")
    assert found == sorted(picture.sha256 for picture in pictures), rows


STATIONS = {
    "before the upload": ("/object/gxp-captures/captures/", False),
    "after the upload": ("/object/gxp-captures/captures/", True),
    "before the thumbnail": ("/object/gxp-captures/thumbnails/", False),
    "after the thumbnail": ("/object/gxp-captures/thumbnails/", True),
    "before the row": ("/rpc/record_capture", False),
    "after the row": ("/rpc/record_capture", True),
    "at the ACK": (b"ACK_OK", False),
}


@pytest.mark.parametrize("station", STATIONS)
def test_a_worker_killed_in_a_station(rig, wire, rng, show, station):
    part, after = STATIONS[station]
    killed = []

    def kill():
        killed.append(time.monotonic())
        rig.platform.kill("worker")

    if isinstance(part, bytes):
        rig.mqtt.watch(part, kill)
    else:
        rig.supabase.watch(part, kill, after=after)
    picture = Picture("image_1.jpg", photograph(rng))
    wire.offer(picture)
    wire.wait_ack(picture.name, timeout=60)
    recovery = wire.acks(picture.name)[-1] - killed[0]
    show(f"worker killed {station}: acknowledged {recovery:.1f} s later")
    assert recovery < BOUND_S
    stored(rig, wire, [picture])
    rig.platform.wait_ready("worker")


def test_all_workers_killed_again_and_again(rig, wire, rng):
    rig.platform.start("worker2")
    pictures = [Picture(f"image_{number}.jpg", photograph(rng)) for number in range(30)]
    for number, picture in enumerate(pictures):
        wire.offer(picture)
        if number % 10 == 5:
            rig.platform.kill("worker", "worker2")
    for picture in pictures:
        wire.wait_ack(picture.name, timeout=90)
    rig.platform.retire("worker2")
    stored(rig, wire, pictures)


def test_a_capture_that_kills_its_worker_is_put_aside_and_the_others_go_on(rig, wire, rng, monkeypatch):
    rig.platform.retire("worker")
    services = Platform(
        rig.stack.directory / "poisoned",
        {**rig.environment, "PYTHONPATH": f"{Path(__file__).parent}:{Path.cwd()}"},
    )
    monkeypatch.setattr(
        "local.services.procfile_lines",
        lambda: {
            "worker": "celery --app poisoned_worker worker --queues control,captures,alerts --concurrency 16 "
            "--without-gossip --without-mingle"
        },
    )
    try:
        services.start("worker")
        poison = Picture("poison.jpg", photograph(rng), location="poison")
        pictures = [Picture(f"image_{number}.jpg", photograph(rng)) for number in range(12)]
        wire.offer(poison)
        for picture in pictures:
            wire.offer(picture)
        for picture in pictures:
            wire.wait_ack(picture.name, timeout=120)
        deadline = time.monotonic() + 150
        row: dict = {}
        with rig.http() as http:
            while row.get("ingest_status") != "failed" and time.monotonic() < deadline:
                time.sleep(0.5)
                rows = rows_of(http, wire.device_id)
                row = next((row for row in rows if row["device_capture_id"] == poison.name), row)
        assert (row["ingest_status"], row["error_code"]) == ("failed", 2200)
        assert len([name for name, _ in services.restarts if name == "worker"]) >= 5
        assert wire.acks(poison.name) == []
        stored(rig, wire, pictures)
    finally:
        services.close()
        monkeypatch.undo()
        rig.platform.start("worker")
    # Redis has kept it: a worker that does not die of it stores it, once an operator says so.
    subprocess.run(
        [sys.executable, "-m", "operate.requeue", wire.device_id, poison.name, "--code", "2200"],
        cwd=REPOSITORY, env={**os.environ, **rig.environment}, check=True,
    )  # fmt: skip
    wire.wait_ack(poison.name, timeout=30)
    stored(rig, wire, [*pictures, poison])


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refusal_keeps_the_data_and_raises_an_alarm(rig, wire, rng, status):
    picture = Picture("image_1.jpg", photograph(rng))
    rig.platform.wait_ready("worker")  # one that starts with a refused key exits
    rig.supabase.set(Fault("answer", status))
    try:
        before = len(rig.supabase.requests)
        wire.offer(picture)
        deadline = time.monotonic() + 30
        while f"ALARM: Supabase answered {status}" not in rig.platform.log("worker"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        time.sleep(10)
        mine = [path for path, _ in rig.supabase.requests[before:] if wire.device_id in path]
        assert len(mine) <= 2, "it is tried on slowly"
    finally:
        rig.supabase.set(None)
    wire.wait_ack(picture.name, timeout=120)
    stored(rig, wire, [picture])


def test_supabase_away_for_minutes(rig, wire, rng, show):
    pictures = [Picture(f"image_{number}.jpg", photograph(rng)) for number in range(25)]
    rig.supabase.set(Fault("reset"))
    try:
        for picture in pictures:
            wire.offer(picture)
        time.sleep(150)
        assert wire.heard == []
    finally:
        rig.supabase.set(None)
    began = time.monotonic()
    for picture in pictures:
        wire.wait_ack(picture.name, timeout=90)
    show(f"Supabase away for 150 s: all 25 acknowledged {time.monotonic() - began:.1f} s after its return")
    stored(rig, wire, pictures)


def test_no_chunk_on_its_way_is_asked_for(rig, wire, rng):
    picture = Picture("image_1.jpg", photograph(rng))
    half = len(picture.chunks) // 2
    for hindrance in ("redis frozen", "listener down"):
        picture = Picture(f"{hindrance[:5]}.jpg", photograph(rng))
        wire.describe(picture)
        wire.send(picture, *range(half))
        if hindrance == "redis frozen":
            with rig.group_frozen(rig.stack.redis.process.pid):
                wire.send(picture, *range(half, len(picture.chunks)))
                time.sleep(15)
        else:
            rig.platform.retire("listener")
            wire.send(picture, *range(half, len(picture.chunks)))
            time.sleep(10)
            rig.platform.start("listener")
        wire.wait_ack(picture.name, timeout=60)
        assert wire.nacks(picture.name) == []


def test_two_of_each_ask_once_per_silence(rig, wire, rng):
    rig.platform.start("worker2", "beat2", "listener2")
    picture = Picture("image_1.jpg", photograph(rng))
    wire.describe(picture)
    wire.send(picture, 0)
    assert wire.wait(lambda: len(wire.nacks(picture.name)) >= 3, 40)
    wire.wait(lambda: len(wire.nacks(picture.name)) > 3, 6)
    times = [at for at, _ in wire.nacks(picture.name)]
    assert len(times) == 3
    assert min(later - earlier for earlier, later in pairwise(times)) >= 1.9
    wire.send(picture, *range(1, len(picture.chunks)))
    wire.wait_ack(picture.name)
    for name in ("worker2", "beat2", "listener2"):
        rig.platform.retire(name)
    stored(rig, wire, [picture])


def test_a_frozen_line_is_left_by_the_keepalive_and_nobody_exits(rig, show):
    line = TcpProxy(rig.stack.mqtt_port)
    line.heal()
    platform = Platform(
        rig.stack.directory / "frozen",
        {
            **rig.environment,
            "MQTT_PORT": str(line.port),
            "MQTT_CLIENT_ID": "frozen",
            "MQTT_DEAF_AFTER_S": "15",
            "REDIS_URL": rig.stack.redis.database_url(3),
            "CELERY_BROKER_URL": rig.stack.redis.database_url(4),
        },
    )
    try:
        platform.start("listener", "worker")
        line.freeze()
        began = time.monotonic()
        for name in ("listener", "worker"):
            while "connection to the broker lost" not in platform.log(name):
                assert time.monotonic() - began < 60, platform.log(name)
                time.sleep(0.1)
        show(f"listener and worker left the frozen line after {time.monotonic() - began:.1f} s")
        while time.monotonic() - began < 40:
            time.sleep(0.1)
        healed = {name: len(platform.log(name)) for name in ("listener", "worker")}
        line.cut()
        line.heal()
        for name, start in healed.items():
            while "MQTT connected successfully" not in platform.log(name)[start:]:
                assert time.monotonic() - began < 120, platform.log(name)
                time.sleep(0.1)
        assert platform.restarts == []
    finally:
        line.heal()
        platform.close()
        line.cut()


def share_used(rig, share):
    """Set the limit of Redis so that this share of it is in use; 0 for no limit."""
    used = int(rig.redis.info("memory")["used_memory"])
    rig.redis.config_set("maxmemory", int(used / share) if share else 0)


def logged(rig, name, text, after, timeout=40):
    """Wait until a process has written a line, after so many characters of its log."""
    deadline = time.monotonic() + timeout
    while text not in rig.platform.log(name)[after:]:
        assert time.monotonic() < deadline, f"{name} did not write: {text}"
        time.sleep(0.1)


def test_a_full_redis_closes_the_gate_and_the_connection_stays(rig, wire, rng):
    picture = Picture("image_1.jpg", photograph(rng))
    begun = len(rig.platform.log("listener"))
    try:
        share_used(rig, 0.85)
        logged(rig, "listener", "chunks are turned away", begun)
        wire.offer(picture)
        wire.publish("status", {"device_id": wire.device_id, "status": "Alive", "pendingImg": 1})
        assert wire.wait(lambda: any("next_wake" in message for _, message in wire.heard))
        time.sleep(12)  # longer than the keepalive and its answer
        assert wire.acks(picture.name) == wire.nacks(picture.name) == []
    finally:
        share_used(rig, 0)
    assert wire.wait(lambda: wire.nacks(picture.name))
    [(_, asked)] = wire.nacks(picture.name)
    assert asked == list(range(len(picture.chunks)))
    wire.send(picture, *asked)
    wire.wait_ack(picture.name, timeout=60)
    assert "MQTT connected" not in rig.platform.log("listener")[begun:]
    stored(rig, wire, [picture])


def test_what_timed_out_makes_room(rig, wire, rng):
    halves = [Picture(f"half_{number}.jpg", photograph(rng, 200)) for number in range(30)]
    for half in halves:
        wire.describe(half)
        wire.send(half, *range(1, len(half.chunks)))
    deadline = time.monotonic() + 60
    with rig.http() as http:
        while len([row for row in rows_of(http, wire.device_id) if row["error_code"] == 2201]) < len(halves):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    picture = Picture("image_1.jpg", photograph(rng))
    try:
        share_used(rig, memory.FULL + 0.05)
        logged(rig, "worker", "room made in Redis: dropped", 0)
        # The gate may have closed before; it is open again within a second or two.
        for _ in range(10):
            wire.offer(picture)
            if wire.wait(lambda: wire.acks(picture.name), 5):
                break
        assert wire.acks(picture.name)
    finally:
        share_used(rig, 0)
    # A device still has what was dropped, and offers it again.
    wire.offer(halves[0])
    wire.wait_ack(halves[0].name)
    stored(rig, wire, [picture, halves[0]])
