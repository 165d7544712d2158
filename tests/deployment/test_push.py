"""Metrics that are pushed: to a receiver as it should be, one that refuses, one that hangs, and a real Pushgateway."""

import base64
import logging
import shutil

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from receivers import Receiver, answers, dribbling
from wire import Device, Ear, photograph, until

from local.ports import LOOPBACK, accepts, free_port
from local.process import Process
from operate.push import Push

PASSWORD = "o@pen/sesame"
LOGIN = "fleet:o%40pen%2Fsesame"


@pytest.fixture
def receiver():
    started = Receiver()
    yield started
    started.close()


@pytest.fixture
def push(receiver):
    """A push each 10 ms, as somebody who logs in."""
    pushing = Push(SecretStr(f"http://{LOGIN}@{LOOPBACK}:{receiver.port}/way/"), "listener", 0.01)
    pushing.start()
    yield pushing
    pushing.stop()


def samples(body):
    return {
        sample.name for family in text_string_to_metric_families(body.decode()) for sample in family.samples
    }


def test_what_is_pushed_is_what_is_served_and_is_taken_back_at_the_end(receiver, push):
    path, headers, body = receiver.next()
    assert path.startswith("/way/metrics/job/fleet/instance/")
    assert path.endswith("/process/listener")
    assert headers["Authorization"] == "Basic " + base64.b64encode(f"fleet:{PASSWORD}".encode()).decode()
    assert {"fleet_nacks_total", "fleet_errors_total", "fleet_ack_seconds_bucket"} <= samples(body)
    push.stop()
    left = [body]
    while not receiver.requests.empty():
        taken, _, body = receiver.next()
        assert taken == path
        left.append(body)
    assert all(left[:-1])
    assert left[-1] == b""


def test_a_refusal_is_told_once_without_the_password_and_so_is_its_end(receiver, push, caplog):
    receiver.answer = answers(503)
    with caplog.at_level(logging.INFO, "metrics"):
        until(lambda: "takes no metrics" in caplog.text)
        for _ in range(3):
            receiver.next()
        receiver.answer = answers(202)
        until(lambda: "takes metrics again" in caplog.text)
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "METRICS_PUSH_URL takes no metrics, trying on: HTTP Error 503: Service Unavailable",
        "METRICS_PUSH_URL takes metrics again",
    ]


def test_what_does_not_speak_http_is_told_and_is_no_end(receiver, push, caplog):
    receiver.answer = lambda handler: handler.wfile.write(b"220 mail.example ESMTP\r\n")
    with caplog.at_level(logging.INFO, "metrics"):
        until(lambda: "takes no metrics" in caplog.text)
        receiver.answer = answers(202)
        until(lambda: "takes metrics again" in caplog.text)


def test_nobody_at_the_address_is_no_end(caplog):
    nobody = Push(SecretStr(f"http://{LOGIN}@{LOOPBACK}:{free_port()}"), "worker", 0.01)
    nobody.start()
    until(lambda: "takes no metrics" in caplog.text)
    nobody.stop()
    assert "sesame" not in caplog.text


def test_a_receiver_that_never_comes_to_an_end_delays_no_device(receiver, run, stack):
    receiver.answer = dribbling
    settings = {
        **stack.environment(),
        "METRICS_PUSH_URL": f"http://{LOGIN}@{LOOPBACK}:{receiver.port}",
        "MQTT_CLIENT_ID": f"push{free_port()}",
    }
    listener, worker, beat = (run(name, **settings) for name in ("listener", "worker", "beat"))
    listener.wait_ready(lambda: "Subscribed to topics" in listener.output(), 60)
    worker.wait_ready(lambda: " ready." in worker.output(), 60)
    paths = {receiver.next()[0].rpartition("/")[2] for _ in range(2)}
    assert paths == {"listener", "worker"}
    device, image = Device(stack, f"PUSH{free_port()}"), photograph(5)
    with Ear(stack, device.name) as ear:
        device.metadata("hung.jpg", image)
        device.send("hung.jpg", image)
        assert ear.ack("hung.jpg")
    assert receiver.requests.empty(), "the first request of each is still under way"
    for process in (listener, worker, beat):
        process.terminate()
    for process in (listener, worker):
        until(lambda process=process: not process.running)
        assert "sesame" not in process.output()


@pytest.mark.skipif(
    shutil.which("prometheus-pushgateway") is None, reason="no prometheus-pushgateway on PATH"
)
def test_a_pushgateway_has_it_until_the_process_ends(tmp_path, environment):
    port = free_port()
    gateway = Process(
        "pushgateway",
        ["prometheus-pushgateway", f"--web.listen-address={LOOPBACK}:{port}"],
        log=tmp_path / "gateway.log",
        environment=environment,
        cwd=tmp_path,
    )
    gateway.launch()
    try:
        gateway.wait_ready(lambda: accepts(port), 30)

        def scraped():
            return httpx.get(f"http://{LOOPBACK}:{port}/metrics", trust_env=False).text

        push = Push(SecretStr(f"http://{LOOPBACK}:{port}"), "worker", 0.01)
        push.start()
        until(lambda: "fleet_nacks_total{" in scraped())
        assert 'job="fleet",process="worker"' in scraped()
        push.stop()
        assert "fleet_" not in scraped()
    finally:
        gateway.stop(15)
