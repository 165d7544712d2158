"""Flower, started as a deployment starts it: never open to others than those with the password."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from redis import Redis
from wire import Device, photograph, until

from core.dispatch import ACKNOWLEDGE_AGAIN, CONTROL_QUEUE, STORE_CAPTURE
from local.part import REPOSITORY, clean_environment
from local.ports import LOOPBACK, accepts, free_port
from local.process import Process
from operate.queues import QUEUES
from operate.run import procfile_lines
from tasks.app import app

CREDENTIALS = ("operator", "a-long-password")


@pytest.fixture
def flower(redis_server, tmp_path):
    started = []
    line = procfile_lines()["flower"]
    environment = {
        **clean_environment(),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "REDIS_URL": redis_server.url,
    }

    def start(arguments="", **settings):
        process = Process(
            "flower",
            ["/bin/sh", "-c", f"exec {line} {arguments}"],
            log=tmp_path / f"flower{len(started)}.log",
            environment={**environment, **settings},
            cwd=REPOSITORY,
        )
        started.append(process)
        process.launch()
        return process

    yield start
    for process in started:
        process.stop(5)


def listening_on(port):
    """The local addresses of whoever listens on the port, as the kernel tells it."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, at = local.split(":")
            if state == "0A" and int(at, 16) == port:
                found.add(address)
    return found


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc")
@pytest.mark.parametrize("secret", [{}, {"FLOWER_BASIC_AUTH": ""}], ids=["unset", "empty"])
def test_without_a_password_it_listens_on_loopback_alone(flower, secret):
    port = free_port()
    process = flower(PORT=str(port), **secret)
    process.wait_ready(lambda: accepts(port), 30)
    assert listening_on(port) == {"0100007F"}


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ("--address=0.0.0.0", {}),
        ("", {"FLOWER_ADDRESS": "0.0.0.0"}),
        ("--address=0.0.0.0", {"FLOWER_BASIC_AUTH": ""}),
        ("", {"FLOWER_ADDRESS": "::"}),
        ("", {"FLOWER_BASIC_AUTH": "operator"}),
        ("", {"FLOWER_BASIC_AUTH": "operator:"}),
        ("", {"FLOWER_BASIC_AUTH": "operator:password,other"}),
    ],
)
def test_it_refuses_to_be_open(flower, arguments, settings):
    process = flower(arguments, PORT=str(free_port()), **settings)
    with pytest.raises(Exception, match="FLOWER_BASIC_AUTH"):
        process.wait_ready(lambda: False, 30)


def test_with_a_password_it_asks_for_it_everywhere(flower):
    port = free_port()
    process = flower("--address=0.0.0.0", PORT=str(port), FLOWER_BASIC_AUTH=":".join(CREDENTIALS))
    process.wait_ready(lambda: accepts(port), 30)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as http:
        assert http.get("/healthcheck").status_code == 200
        for page in ("/", "/tasks", "/broker", "/api/workers", "/api/tasks"):
            assert http.get(page).status_code == 401, page
            assert http.get(page, auth=("operator", "wrong")).status_code == 401, page
            assert http.get(page, auth=("", "")).status_code == 401, page
        assert http.get("/tasks", auth=CREDENTIALS).status_code == 200
        assert http.get("/api/workers", auth=CREDENTIALS).status_code == 200


def test_nobody_sends_a_task_not_even_with_the_password(flower, redis_server):
    """A task could be an ACK for a picture that is not stored; its device would delete it."""
    port = free_port()
    process = flower("--address=0.0.0.0", PORT=str(port), FLOWER_BASIC_AUTH=":".join(CREDENTIALS))
    process.wait_ready(lambda: accepts(port), 30)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False, auth=CREDENTIALS) as http:
        for way in ("send-task", "async-apply", "apply"):
            answer = http.post(f"/api/task/{way}/{ACKNOWLEDGE_AGAIN}", json={"args": ["AABB", "i.jpg"]})
            assert answer.status_code == 404, way
        assert http.get("/api/task/types").status_code != 404, "the rest of its interface is there"
    queue = Redis.from_url(redis_server.database_url(1))
    assert not queue.exists(CONTROL_QUEUE), "and nothing waits in the queue"


def test_every_queue_stands_in_its_tab_also_those_that_nobody_serves(flower):
    port = free_port()
    process = flower(PORT=str(port))
    process.wait_ready(lambda: accepts(port), 30)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as http:
        page = http.get("/broker").text
    assert [name for name in QUEUES if name not in page] == []
    assert len(QUEUES) == 5


def test_it_remembers_what_devices_do_and_not_what_beat_sends(flower, stack, services):
    """At several a second that would push every capture out of `max_tasks` within the hour."""
    device, port = Device(stack, "FLOWER001"), free_port()
    process = flower(**stack.environment(), PORT=str(port), FLOWER_BASIC_AUTH=":".join(CREDENTIALS))
    process.wait_ready(lambda: accepts(port), 30)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", trust_env=False, auth=CREDENTIALS) as http:

        def names():
            return {task["name"] for task in http.get("/api/tasks?limit=5000").json().values()}

        # A worker that it has heard of by an event.
        until(lambda: any(worker["status"] for worker in http.get("/workers?json=1").json()["data"]))
        image = photograph(5)
        device.metadata("seen.jpg", image)
        device.send("seen.jpg", image)
        until(lambda: STORE_CAPTURE in names())
        periodic = {each["task"] for each in app.conf.beat_schedule.values()}
        assert names() & periodic == set()


def test_the_folder_of_the_configuration_is_the_one_it_is_started_in():
    """Celery finds `tasks` only from there, so no start misses the guard."""
    answer = subprocess.run(
        [sys.executable, "-m", "celery", "--app", "tasks", "flower"],
        cwd="/",
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode != 0
    assert "tasks" in answer.stderr
