"""The whole system under watch: what Flower, Prometheus and the logs show, and that no secret is among it."""

import json
import ssl
import subprocess
import sys

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from secured_broker import PASSWORD, USER
from wire import Device, photograph, rows, until

from local.part import REPOSITORY
from local.ports import LOOPBACK, accepts, free_port

FLOWER = ("operator", "flowers-own-password")
REDIS_PASSWORD = "redis-own-password"


@pytest.fixture
def settings(stack, secured, authority, other_redis):
    """TLS, users and passwords everywhere."""
    broker = secured(certificate=authority.issue("127.0.0.1"))
    redis = other_redis(f"requirepass {REDIS_PASSWORD}\n")
    url = f"redis://:{REDIS_PASSWORD}@{LOOPBACK}:{redis.port}"
    return {
        **stack.environment(),
        **broker.settings,
        "MQTT_CA_CERT": str(authority.file),
        "MQTT_VERSION": "5",
        "REDIS_URL": f"{url}/0",
        "CELERY_BROKER_URL": f"{url}/1",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "DEBUG",
        "METRICS_PORT": str(free_port()),
        "PORT": str(free_port()),
        "FLOWER_BASIC_AUTH": ":".join(FLOWER),
        "RETRANSMIT_DELAY_MS": "1000",
    }


@pytest.fixture
def processes(run, settings):
    started = {name: run(name, **settings) for name in ("listener", "worker", "beat", "flower")}
    ready = {"listener": "Subscribed to topics", "worker": " ready.", "beat": "beat: Starting"}
    for name, text in ready.items():
        started[name].wait_ready(lambda p=started[name], text=text: text in p.output(), 60)
    started["flower"].wait_ready(lambda: accepts(int(settings["PORT"])), 60)
    return started


@pytest.fixture
def device(stack, settings, authority):
    class At:
        """Where the device finds the broker."""

        mqtt_host, mqtt_port = settings["MQTT_HOST"], int(settings["MQTT_PORT"])

        class broker:  # noqa: N801
            mqtt_version = "5"

    login = {"username": USER, "password": PASSWORD}
    return Device(
        At, f"WATCHED{free_port()}", auth=login, tls=ssl.create_default_context(cafile=authority.file)
    )


@pytest.fixture
def flower(settings):
    address = f"http://{LOOPBACK}:{settings['PORT']}"
    with httpx.Client(base_url=address, auth=FLOWER, trust_env=False, timeout=20) as http:
        until(lambda: http.get("/healthcheck").status_code == 200)
        yield http


def scrape(port):
    """Every sample of one process: (name, labels…) → value."""
    text = httpx.get(f"http://{LOOPBACK}:{port}/metrics", trust_env=False).text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def check_flower(flower, device):
    """One row for each capture, with device and image; the queues by their names. Gives the rows."""

    def captures_in_flower():
        found = flower.get("/api/tasks", params={"taskname": "captures.process"}).json().values()
        mine = [task for task in found if device.name in task["args"]]
        return mine if all(task["state"] == "SUCCESS" for task in mine) and len(mine) == 2 else None

    tasks = until(captures_in_flower)
    assert sorted(
        name for name in ("watched.jpg", "broken.jpg") for task in tasks if name in task["args"]
    ) == [
        "broken.jpg",
        "watched.jpg",
    ]
    assert all(len(task["args"]) < 200 for task in tasks)
    (worker,) = flower.get("/api/workers?refresh=true").json().values()
    assert {queue["name"] for queue in worker["active_queues"]} == {
        "control",
        "captures",
        "alerts",
        "keeping",
        "timelapse",
    }
    return tasks


def check_metrics(settings, total):
    """Listener and worker serve theirs on two ports, the first of which is the setting's. Gives the ports."""
    port = int(settings["METRICS_PORT"])
    until(lambda: accepts(port) and accepts(port + 1))
    samples = scrape(port) | {key: value for key, value in scrape(port + 1).items() if value}
    assert samples["fleet_messages_total", "chunk"] == total + 1
    assert samples["fleet_messages_total", "metadata"] == 2
    assert samples["fleet_captures_total", "complete"] == 2
    assert samples["fleet_captures_total", "stored"] == 1
    assert samples["fleet_captures_total", "failed"] == 1
    assert samples["fleet_nacks_total",] >= 1
    assert samples["fleet_chunks_asked_for_total",] >= 1
    assert samples["fleet_errors_total", "2203"] == 1
    until(lambda: sum(scrape(at)["fleet_errors_total", "2104"] for at in (port, port + 1)) == 1)
    assert samples["fleet_ack_seconds_count",] == 1
    for gauge in ("fleet_queue_length", "fleet_queue_age_seconds"):
        assert (gauge, "captures") in scrape(port)
    assert ("fleet_captures_in_flight",) in scrape(port)
    return port, port + 1


def check_logs(worker, device):
    """JSON, with device, capture and task."""
    lines = [json.loads(line) for line in worker.output().splitlines() if line.startswith("{")]
    (told,) = [line for line in lines if line["message"] == "acknowledged"]
    assert told["device"] == device.name
    assert told["capture"] == "watched.jpg"
    assert "task_id" in told


def check_secrets(settings, environment, processes, flower, tasks, ports):
    """Whatever can be read anywhere, to the last line of every process: no secret is in it."""
    pages = ["/", "/tasks", "/broker", "/api/tasks", "/api/workers?refresh=true", "/metrics",
             *(f"/worker/{name}" for name in flower.get("/api/workers").json())]  # fmt: skip
    texts = {page: flower.get(page).text for page in pages}
    texts |= {task["uuid"]: flower.get(f"/task/{task['uuid']}").text for task in tasks}
    texts |= {
        f"metrics {at}": httpx.get(f"http://{LOOPBACK}:{at}/metrics", trust_env=False).text for at in ports
    }
    for module in ("operate.status", "operate.doctor"):
        answer = subprocess.run(
            [sys.executable, "-m", module],
            cwd=REPOSITORY,
            env={**environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout
        texts[module] = answer.stdout + answer.stderr
    for process in processes.values():
        process.terminate()
    for name, process in processes.items():
        until(lambda process=process: not process.running, 200)
        texts[name] = process.output()
        assert len(texts[name]) > 100
    secrets = [PASSWORD, REDIS_PASSWORD, FLOWER[1], settings["SUPABASE_SERVICE_ROLE"]]
    for place, text in texts.items():
        for secret in secrets:
            assert secret not in text, f"{secret} in {place}"


def test_a_capture_under_watch(stack, environment, settings, processes, device, flower):
    image = photograph(3)
    until(lambda: flower.get("/api/workers?refresh=true").json())
    total = device.metadata("watched.jpg", image)
    device.send("watched.jpg", image, only=range(1, total))
    until(lambda: "asking for 1 chunks" in processes["worker"].output())
    device.send("watched.jpg", image, only=[0])
    until(lambda: '"acknowledged"' in processes["worker"].output())
    device.metadata("broken.jpg", b"no JPEG at all")
    device.send("broken.jpg", b"no JPEG at all")
    until(lambda: rows(stack, "captures", device_id=f"eq.{device.name}", ingest_status="eq.failed"))
    device.publish(
        "data", {"device_id": device.name, "image_name": "../up.jpg", "chunk_id": 0, "payload": "AA=="}
    )
    device.hello()
    tasks = check_flower(flower, device)
    ports = check_metrics(settings, total)
    check_logs(processes["worker"], device)
    check_secrets(settings, environment, processes, flower, tasks, ports)


def test_a_failure_is_readable_in_flower(settings, processes, run, device, flower):
    """A capture that cannot be stored is tried again, and says why."""
    processes["worker"].stop(30)
    away = settings | {"SUPABASE_URL": f"http://{LOOPBACK}:{free_port()}"}
    worker = run("worker", **away)
    worker.wait_ready(lambda: " ready." in worker.output(), 60)
    until(lambda: flower.get("/api/workers?refresh=true").json())
    image = photograph(4, (160, 120))
    device.metadata("away.jpg", image)
    device.send("away.jpg", image)

    def told():
        found = flower.get("/api/tasks", params={"taskname": "captures.process"}).json().values()
        return next((task for task in found if "away.jpg" in task["args"] and task["exception"]), None)

    task = until(told)
    assert task["state"] == "FAILURE"
    assert "Supabase: ConnectError" in task["exception"]
    assert device.name in task["args"]
