"""`python -m simulator` as people and scripts use it."""

import inspect
import json
import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from scripted_service import ScriptedService, free_port

from simulator.__main__ import simulate
from simulator.options import FleetOptions

ROOT = Path(__file__).parents[2]


def command(*arguments):
    return [sys.executable, "-W", "error", "-m", "simulator", *map(str, arguments)]


def run(*arguments, **env):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MQTT_")} | env
    return subprocess.run(
        command(*arguments),
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


def test_success_is_status_0_and_json_on_standard_output(broker):
    with ScriptedService(broker.port) as service:
        done = run("--port", broker.port, "--devices", 2, "--loss", 0.05, "--json", "-", "--seed", 9)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["ok"] is True
        assert report["seed"] == 9
        assert {i["sha256"] for i in report["images"]} == set(service.stored.values())
        assert report["totals"]["acked"] == 2
        assert "everything acknowledged" in done.stderr


def test_the_same_seed_names_the_same_devices(broker, tmp_path):
    with ScriptedService(broker.port):
        found = []
        for name in ("a.json", "b.json"):
            done = run("--port", broker.port, "--devices", 2, "--seed", 5, "-q", "--json", tmp_path / name)
            assert done.returncode == 0, done.stderr
            found.append(json.loads((tmp_path / name).read_text())["devices"])
    assert found[0] == found[1]
    assert len(set(found[0])) == 2


def test_conditions_of_devices_from_the_command_line(broker):
    with ScriptedService(broker.port) as service:
        done = run(
            *(
                "--port",
                broker.port,
                "--images",
                3,
                "--sleep",
                0.1,
                "--chunk-size",
                8192,
                "--dialect",
                "newer",
            ),
            *(
                "--battery-from",
                40,
                "--battery-to",
                5,
                "--drift",
                "temperature=+0.5",
                "--drift",
                "humidity=-2",
            ),
        )
        assert done.returncode == 0, done.stderr
        (hellos,) = service.hellos.values()
        told = [body for _, _, body in service.messages if body.get("image_size")]
        assert [hello["battery_percent"] for hello in hellos] == [40, 22, 5]
        assert [(m["temperature"], m["humidity"]) for m in told] == [(21, 50), (21.5, 48), (22, 46)]


def test_an_unanswered_fleet_is_status_1(broker):
    done = run("--port", broker.port, "--timeout", 0.3, "--wakes", 1)
    assert done.returncode == 1
    assert "not acknowledged (1 offers)" in done.stdout
    assert "NOT everything acknowledged" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--los", "0.1"], "No such option: --los"),
        (["--loss", "2"], "loss is a share from 0 to 1"),
        (["--devices", "many"], "Invalid value for '--devices'"),
        (["--dialect", "klingon"], "dialect must be one of standard"),
        (["--photos", "/nowhere/at/all"], "photos: no such folder"),
        (["--clock-start", "yesterday"], "clock-start is not an ISO 8601 time"),
        (["--json", "/nowhere/at/all.json"], "json: no such folder"),
        (["--drift", "temperature"], "drift is SENSOR=STEP, as in temperature=+0.5, not 'temperature'"),
        (["--drift", "mood=1"], "drift: a sensor is one of temperature, humidity, pressure, gas_resistance"),
        (["--battery-from", "40"], "battery_from needs a dialect that reports it: newer, newer-mv"),
        (["--tls", "--ca-cert", "/nowhere.pem"], "ca_cert cannot be used"),
        (["--port", "PORT"], "cannot reach the broker at 127.0.0.1:"),
    ],
)
def test_mistakes_are_status_2_and_one_line(arguments, said):
    done = run(*(str(free_port()) if argument == "PORT" else argument for argument in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_too_few_open_files_are_named_at_the_start():
    limited = ["bash", "-c", 'ulimit -n 300; exec "$@"', "limited", *command("--devices", 100)]
    done = subprocess.run(limited, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "100 connections need 356 open files, the system allows 300" in done.stderr


def test_interruption_prints_the_summary_so_far(broker):
    with ScriptedService(broker.port):
        process = subprocess.Popen(
            command("--port", broker.port, "--images", 1000, "--sleep", 0.05),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert "acknowledged" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "stopped before the end" in out
    assert err == ""


def test_a_password_comes_from_the_environment():
    shown = run("--help", MQTT_PASSWORD="sesame")
    assert shown.returncode == 0
    assert "MQTT_PASSWORD" in shown.stdout
    assert "sesame" not in shown.stdout


def test_the_command_line_has_every_option_with_its_default():
    parameters = inspect.signature(simulate).parameters
    defaults = {field.name: field.default for field in fields(FleetOptions)}
    renamed = {"device_ids": "device_id"}
    special = {"port", "device_ids", "drift"}
    for name, default in defaults.items():
        parameter = parameters[renamed.get(name, name)]
        if name not in special:
            assert parameter.default == default, name
