"""The two commands of the README as subprocesses: what they end with, and that nothing of theirs stays."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

from local.part import REPOSITORY
from local.ports import LOOPBACK

RUNS = "in chunks of 1 KB on a bad line"


class Command:
    """A `python -m local …` whose processes, however deep, can be told by a mark in their environment."""

    def __init__(self, *arguments, under=(sys.executable, "-m", "local")):
        self.mark = uuid.uuid4().hex
        self.popen = subprocess.Popen(
            [*under, *arguments],
            cwd=REPOSITORY,
            env={**os.environ, "FLEET_TEST_MARK": self.mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self._arrived:
                self.lines.append(line)
                self._arrived.notify_all()

    @property
    def output(self):
        return "".join(self.lines)

    def wait_for(self, text, seconds=60):
        with self._arrived:
            assert self._arrived.wait_for(lambda: text in self.output, seconds), self.output

    def wait(self, seconds=90):
        status = self.popen.wait(seconds)
        self._reader.join(10)
        return status

    def processes(self):
        """The living processes with the mark."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                marked = self.mark.encode() in (folder / "environ").read_bytes()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marked and state not in "ZX":
                found.append(
                    (int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
                )
        return found

    def close(self):
        self.popen.kill()
        self.popen.wait()
        self._reader.join(10)
        self.popen.stdout.close()

    def assert_nothing_left(self, seconds=5):
        # The guard ends itself, a moment after its owner.
        deadline = time.monotonic() + seconds
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.processes() == []
        assert not list((REPOSITORY / ".local").glob(f"stack-{self.popen.pid}-*"))


@pytest.fixture
def command():
    if not Path("/proc/self/environ").exists():
        pytest.skip("processes are told apart by /proc")
    started = []

    def run(*arguments, **options):
        started.append(Command(*arguments, **options))
        return started[-1]

    yield run
    for each in started:
        each.close()


def test_the_demo_stores_every_capture_and_stops_everything(command):
    demo = command("demo")
    status = demo.wait()
    assert status == 0, demo.output
    assert "10 of 10 captures are stored byte for byte as sent and acknowledged" in demo.output
    assert len(demo.lines) <= 25 and max(map(len, demo.lines)) <= 81, demo.output
    sheet = Path(re.search(r"all thumbnails on one sheet: (\S+)", demo.output)[1])
    assert sheet.read_bytes().startswith(b"\x89PNG")
    demo.assert_nothing_left()


def test_what_the_database_tells_an_operator_is_shown_if_asked_for(command):
    demo = command("demo", "--verbose", "--devices", "1", "--images", "1")
    assert demo.wait() == 0, demo.output
    assert "1 device takes 1 photograph and sends it" in demo.output
    assert "1 of 1 capture is stored byte for byte" in demo.output
    assert re.search(r"last chunk to its ACK: \d+ ms$", demo.output, re.M)
    assert "  the thumbnail: " in demo.output
    assert "What went over the wire?" in demo.output


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH")
def test_ctrl_c_is_no_error_of_make(command):
    demo = command("demo", under=["make", "-o", "setup", f"BIN={Path(sys.executable).parent}"])
    demo.wait_for(RUNS)
    os.killpg(demo.popen.pid, signal.SIGINT)  # as a terminal does
    demo.wait()
    assert "everything is stopped" in demo.output
    assert "***" not in demo.output
    demo.assert_nothing_left()


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("Redis, MQTT broker", signal.SIGINT),
        ("listener, worker", signal.SIGINT),
        (RUNS, signal.SIGINT),
        (RUNS, signal.SIGTERM),
    ],
)
def test_a_signal_at_any_moment_stops_everything(command, number, moment):
    demo = command("demo")
    demo.wait_for(moment)
    assert demo.processes()
    demo.popen.send_signal(number)
    assert demo.wait() == 128 + number, demo.output
    assert "everything is stopped" in demo.output
    assert "Traceback" not in demo.output
    demo.assert_nothing_left()


def test_a_second_signal_does_not_cut_the_stopping_short(command):
    demo = command("demo")
    demo.wait_for(RUNS)
    while demo.popen.poll() is None:
        demo.popen.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert demo.wait() == 130, demo.output
    demo.assert_nothing_left()


def test_killing_the_demo_stops_everything_too(command):
    demo = command("demo")
    demo.wait_for(RUNS)
    demo.popen.kill()
    demo.popen.wait()
    demo.assert_nothing_left(seconds=20)


def test_a_process_that_dies_ends_the_demo_with_an_error(command):
    demo = command("demo")
    demo.wait_for(RUNS)
    for pid, line in demo.processes():
        if "celery --app tasks worker" in line:
            os.kill(pid, signal.SIGKILL)
    assert demo.wait() == 1
    assert "worker has ended by itself; the end of" in demo.output
    assert "the logs are in" in demo.output
    demo.assert_nothing_left()


def ports(count):
    from local.ports import free_port

    return [str(free_port()) for _ in range(count)]


def test_up_stays_with_its_addresses_until_ctrl_c(command, tmp_path):
    mqtt, redis, supabase, flower, smtp, console = ports(6)
    options = [
        "--mqtt-port",
        mqtt,
        "--redis-port",
        redis,
        "--supabase-port",
        supabase,
        "--flower-port",
        flower,
        "--smtp-port",
        smtp,
        "--console-port",
        console,
        "--mailbox",
        str(tmp_path / "mailbox"),
    ]
    environment = tmp_path / "env"
    up = command("up", "--no-fleet", "--no-alert", "--env-file", str(environment), *options)
    up.wait_for("Ctrl-C stops everything, and all data goes; DATA=dir keeps it")
    for port in (mqtt, redis, supabase, flower, smtp, console):
        assert port in up.output
    shell = f". {environment} && echo $MQTT_HOST:$MQTT_PORT $SUPABASE_URL"
    said = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True).stdout
    assert said == f"127.0.0.1:{mqtt} http://127.0.0.1:{supabase}\n"
    assert environment.stat().st_mode & 0o077 == 0

    up.popen.send_signal(signal.SIGINT)

    assert up.wait() == 130, up.output
    up.assert_nothing_left()
    assert not environment.exists()


def test_up_for_cameras_says_what_is_kept_and_what_is_wrong(command, tmp_path):
    for words, said in (
        (["--host", "fritz.box"], "host: 'fritz.box' is no IPv4 address"),
        (["--data", str(tmp_path / "env" / "x")], "data: Not a directory"),
    ):
        (tmp_path / "env").touch()
        up = command("up", *words)
        assert up.wait() == 1
        assert said in up.output
        assert "Traceback" not in up.output


PORTS = ["--mqtt-port", "--redis-port", "--supabase-port", "--flower-port", "--smtp-port", "--console-port"]


@pytest.mark.parametrize("option", PORTS)
def test_up_names_a_port_in_use(command, option, tmp_path):
    chosen = dict(zip(PORTS, ports(len(PORTS)), strict=True))
    with socket.create_server((LOOPBACK, int(chosen[option]))):
        words = [word for pair in chosen.items() for word in pair]
        up = command("up", "--mailbox", str(tmp_path / "mailbox"), *words)
        assert up.wait() == 1
    assert f"port {chosen[option]} on 127.0.0.1 is already in use" in up.output
    assert f"ARGS='{option} " in up.output
    assert "Traceback" not in up.output
    up.assert_nothing_left()
