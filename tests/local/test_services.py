import os
import urllib.request
from pathlib import Path

import pytest

from local import guard
from local.process import StartError
from local.services import Services
from operate.run import procfile_lines


def test_the_lines_of_the_procfile_are_what_is_started(stack):
    services = Services(stack)
    assert set(services.processes) == set(procfile_lines()) == {"listener", "worker", "beat", "flower"}
    for name, line in procfile_lines().items():
        assert services.processes[name].command == ["/bin/sh", "-c", line]


def test_each_process_has_a_group_of_its_own_and_comes_back_after_a_kill(services):
    pids = {name: process.pid for name, process in services.processes.items()}
    assert {os.getpgid(pid) for pid in pids.values()} == set(pids.values())

    services.kill("worker")
    assert not guard.group_alive(pids["worker"])
    services.restart("worker")

    assert services.processes["worker"].pid != pids["worker"]
    assert all(process.running for process in services.processes.values())


def test_flower_answers_on_its_port_and_on_loopback_only(stack):
    with Services(stack, only={"flower"}) as services:
        with urllib.request.urlopen(f"{services.flower_url}/healthcheck", timeout=10) as answer:
            assert answer.read() == b"OK"
        table = Path("/proc/net/tcp")
        if not table.exists():
            pytest.skip("no /proc")
        listening = {line.split()[1] for line in table.read_text().splitlines() if line.split()[3] == "0A"}
        assert f"0100007F:{services.flower_port:04X}" in listening
        assert f"00000000:{services.flower_port:04X}" not in listening


def test_a_bad_setting_is_named_and_the_others_are_stopped(stack):
    services = Services(stack, only={"listener", "worker", "beat"}, settings={"RETRANSMIT_MAX": "many"})
    with pytest.raises(StartError, match=r"(?s)ended with status .*RETRANSMIT_MAX"):
        services.start()
    assert not any(process.running for process in services.processes.values())


def test_settings_of_the_caller_do_not_reach_the_processes(stack, monkeypatch):
    for name in ("MQTT_USERNAME", "CAPTURE_TTL_S", "LOG_LEVEL", "MAX_IMAGE_BYTES", "FLOWER_BASIC_AUTH"):
        monkeypatch.setenv(name, "of the caller")
    monkeypatch.setenv("MQTT_HOST", "broker.example")
    services = Services(stack, only={"listener"})
    environment = services.processes["listener"].environment
    assert environment["MQTT_HOST"] == "127.0.0.1"
    assert "of the caller" not in environment.values()
