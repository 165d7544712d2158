"""`python -m operate.status` on a running service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wire import Device, photograph, until

from local.part import REPOSITORY, clean_environment
from operate.overview import ranges


def status(settings, *arguments):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**clean_environment(), **settings, "PATH": path, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, "-m", "operate.status", *arguments],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([3], "3"), ([1, 2], "1–2"), ([0, 1, 2, 5, 7, 8], "0–2, 5, 7–8")],
)
def test_missing_chunks_are_named_in_short(numbers, text):
    assert ranges(numbers) == text


def test_the_state_at_a_glance(stack, services):
    device = Device(stack, "STATUS001")
    image = photograph(1)
    total = device.metadata("half.jpg", image)
    device.send("half.jpg", image, only=[0, 2, 3, total - 1])
    device.publish(
        "data", {"device_id": device.name, "image_name": "../escape.jpg", "chunk_id": 0, "payload": "AA=="}
    )

    def half_arrived():
        answer = status(stack.environment(), "--json", "--limit", "100")
        overview = json.loads(answer.stdout)
        found = [capture for capture in overview["captures"] if capture["device"] == device.name]
        told = [error for error in overview["errors"] if error["device_id"] == device.name]
        return found and found[0]["chunks"] == 4 and told and (answer, overview, found[0], told[0])

    answer, overview, capture, error = until(half_arrived)
    assert answer.returncode == 0, answer.stderr
    assert capture["total"] == total
    assert capture["missing"] == f"1, 4–{total - 2}"
    assert capture["state"] == "arriving"
    assert error["error_code"] == 2104
    assert overview["in_flight"] >= 1
    assert [queue["name"] for queue in overview["queues"]] == [
        "control", "captures", "alerts", "keeping", "timelapse",
    ]  # fmt: skip
    assert "fleet" in [listener["name"] for listener in overview["listeners"]]
    assert overview["workers"]
    assert overview["troubles"] == []

    plain = status(stack.environment())
    assert plain.returncode == 0
    assert "\x1b" not in plain.stdout
    for word in (device.name, "half.jpg", f"4/{total}", "control", "worker celery@", "2104"):
        assert word in plain.stdout

    device.send("half.jpg", image)
    until(lambda: device.name not in status(stack.environment(), "--json").stdout.split('"errors"')[0])


def test_at_rest_no_listener_is_behind(stack, services):
    """What docs/scaling.md takes for a sign that listeners are short."""

    def at_rest():
        answer = status(stack.environment(), "--json")
        told = {each["name"]: each["busy"] for each in json.loads(answer.stdout)["listeners"]}
        return told.get("fleet") == "keeps up with the broker"

    until(at_rest)


def test_it_says_what_is_not_alive(redis_server):
    settings = {"REDIS_URL": redis_server.url}
    answer = status(settings)
    assert answer.returncode == 1
    assert "✗ no listener is alive" in answer.stdout
    assert "✗ no worker is alive" in answer.stdout


def test_it_reads_a_cluster_and_the_redis_of_celery(redis_cluster, redis_server):
    answer = status({"REDIS_URL": redis_cluster.url, "CELERY_BROKER_URL": redis_server.database_url(1)})
    assert "✗ no listener is alive" in answer.stdout
    assert "Redis: " not in answer.stdout
    answer = status({"REDIS_URL": redis_cluster.url})
    assert answer.stderr.startswith("settings: CELERY_BROKER_URL is needed where REDIS_URL is a cluster")


def test_it_says_what_it_cannot_ask():
    answer = status({"REDIS_URL": "redis://127.0.0.1:1/0"})
    assert answer.returncode == 1
    assert "✗ Redis: " in answer.stdout
    assert "Traceback" not in answer.stderr
    answer = status({"REDIS_URL": "localhost:6379"})
    assert answer.returncode == 1
    assert (
        answer.stderr.strip()
        == "settings: REDIS_URL: must be redis://host:port/database, or rediss:// for TLS"
    )
