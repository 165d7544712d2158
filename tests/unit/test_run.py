"""Each process of the Procfile gets the settings that it uses, and no others."""

import subprocess
import sys

import pytest

from core.settings import EverySetting, ListenerSettings, WorkerSettings
from operate import run

SAID = {
    **{name.upper(): "x" for name in EverySetting.model_fields},
    "DATABASE_URL": "postgres://owner",
    "FLOWER_BASIC_AUTH": "a:b",
    "SUPABASE_JWT_SECRET": "signs what it likes",
}
INHERITED = {"PATH": "/usr/bin", "HOME": "/root", "DATABASE_URL": "also here", "MQTT_HOST": "there"}


def given(name):
    return run.environment_of(name, SAID, INHERITED)


def test_there_is_a_list_for_each_process():
    assert set(run.procfile_lines()) == set(run.NEEDS)


@pytest.mark.parametrize("name", run.NEEDS)
def test_each_process_gets_what_it_needs_and_what_is_no_setting(name):
    environment = given(name)
    assert environment["HOME"] == "/root"
    assert environment["PATH"].endswith(":/usr/bin")
    assert set(environment) - {"HOME", "PATH"} <= run.NEEDS[name]
    assert "REDIS_URL" in environment
    assert not {"DATABASE_URL", "SUPABASE_JWT_SECRET"} & set(environment)


def test_keys_are_where_they_are_used():
    assert {name for name in run.NEEDS if "SUPABASE_SERVICE_ROLE" in given(name)} == {"worker"}
    assert {name for name in run.NEEDS if "MQTT_PASSWORD" in given(name)} == {"worker", "listener"}
    assert {name for name in run.NEEDS if "FLOWER_BASIC_AUTH" in given(name)} == {"flower"}
    assert {name.upper() for name in ListenerSettings.model_fields} == run.NEEDS["listener"]
    assert {name.upper() for name in WorkerSettings.model_fields} == run.NEEDS["worker"]


def test_what_the_environment_says_counts_before_the_file():
    assert given("listener")["MQTT_HOST"] == "there"
    assert given("listener")["MQTT_PORT"] == "x"


# Runs lines as `python -m operate.run` does, with a signal to itself right after each call of one function.
SIDE_BY_SIDE = """
import os, signal, subprocess, sys
from operate import run

def signalled(call):
    def wrapped(*args, **kwargs):
        answer = call(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGTERM)
        return answer
    return wrapped

for module, name in ((subprocess, "Popen"), (os, "wait")):
    if name == sys.argv[1]:
        setattr(module, name, signalled(getattr(module, name)))
lines = dict(line.split("=") for line in sys.argv[2:])
sys.exit(run._side_by_side(lines, dict.fromkeys(lines, os.environ)))
"""


def side_by_side(*words):
    return subprocess.run(
        [sys.executable, "-c", SIDE_BY_SIDE, *words], cwd=run.ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_a_signal_while_a_process_is_started_ends_that_one_too():
    answer = side_by_side("Popen", "worker=sleep 20", "beat=sleep 20")
    assert answer.stdout.splitlines() == ["worker has ended with status -15"], answer.stderr
    assert answer.returncode == 0


def test_a_signal_while_a_process_ends_ends_the_others():
    answer = side_by_side("wait", "beat=true", "worker=sleep 20")
    assert answer.stdout.splitlines() == [
        "beat has ended with status 0",
        "worker has ended with status -15",
    ], answer.stderr
    assert answer.returncode == 0


def test_what_cannot_be_started_ends_the_others():
    answer = side_by_side("no signal", "worker=sleep 20", "beat=no-such-program")
    assert answer.stdout.splitlines() == [
        "beat cannot be started: No such file or directory", "worker has ended with status -15",
    ]  # fmt: skip
    assert answer.returncode == 1
