import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import guard
from local.ports import is_free
from local.process import Process, StartError

# Starts a child of its own, and says both process ids.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("ready", os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def process(tmp_path: Path, code: str) -> Process:
    return Process(
        "sample",
        [sys.executable, "-c", code],
        log=tmp_path / "logs" / "sample.log",
        environment=os.environ,
        cwd=tmp_path,
    )


def start(sample: Process) -> int:
    sample.launch()
    sample.wait_ready(lambda: "ready" in sample.output(), 10)
    assert sample.pid is not None
    return sample.pid


@pytest.mark.parametrize("end", [Process.stop, Process.kill])
def test_an_end_takes_the_whole_group_along(tmp_path, end):
    sample = process(tmp_path, PARENT)
    group = start(sample)
    _, _, child = sample.output().split()
    assert os.getpgid(int(child)) == group

    end(sample)

    assert not sample.running
    assert not guard.group_alive(group)


def test_what_ignores_sigterm_is_killed_in_the_end(tmp_path):
    sample = process(tmp_path, STUBBORN)
    group = start(sample)

    sample.stop(timeout=0.2)

    assert not guard.group_alive(group)


def test_a_process_that_ends_at_once_is_named_with_the_end_of_its_log(tmp_path):
    sample = process(tmp_path, "print('no such setting: COLOUR'); raise SystemExit(3)")
    sample.launch()
    with pytest.raises(StartError, match=r"sample ended with status 3 .*(?s:.*)no such setting: COLOUR"):
        sample.wait_ready(lambda: False, 10)
    sample.stop()


def test_a_process_that_stays_silent_is_named(tmp_path):
    sample = process(tmp_path, PARENT)
    sample.launch()
    with pytest.raises(StartError, match=r"sample was not ready after 0\.1 s"):
        sample.wait_ready(lambda: False, 0.1)
    sample.stop()


def test_output_is_that_of_the_last_start(tmp_path):
    sample = process(tmp_path, PARENT)
    first = start(sample)
    sample.kill()
    second = start(sample)
    assert sample.output().split()[1] == str(second)
    sample.stop()
    assert f"ready {first}" in sample.log.read_text(), "the log goes on over restarts"


def test_the_guard_ends_what_a_killed_owner_has_left(tmp_path):
    owner = f"""
import sys, time
from pathlib import Path
from local import guard
from local.stack import temporary_directory
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_process
directory = temporary_directory()
print("directory", directory, flush=True)
sample = test_process.process(directory, test_process.PARENT)
print("group", test_process.start(sample), flush=True)
time.sleep(600)
"""
    popen = subprocess.Popen([sys.executable, "-c", owner], stdout=subprocess.PIPE, text=True)
    with popen:
        assert popen.stdout is not None
        directory = Path(popen.stdout.readline().split()[1])
        group = int(popen.stdout.readline().split()[1])
        assert directory.exists() and guard.group_alive(group)
        popen.send_signal(signal.SIGKILL)
    until(lambda: not guard.group_alive(group))
    until(lambda: not directory.exists())


def test_a_chosen_port_is_outside_the_range_of_outgoing_connections():
    from local.ports import free_port

    port = free_port()
    assert port < 32_768
    assert is_free(port)
