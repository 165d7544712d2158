"""Fixtures of the deployment tests: a secured broker, and the service's processes with settings of one's own."""

import os
import sys
from pathlib import Path

import pytest
from secured_broker import Authority, SecuredMosquitto

from core.settings import EverySetting
from local.mqtt_broker import mosquitto_binary
from local.part import REPOSITORY, clean_environment
from local.ports import accepts
from local.process import Process
from local.redis_server import RedisServer
from operate.run import procfile_lines

# The receivers on loopback serve the channels too.
sys.path.append(str(Path(__file__).parent.parent / "channels"))


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def secured(tmp_path):
    """Starts a secured broker: `secured(certificate=…, rights=…)`."""
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH")
    started = []

    def start(**options):
        broker = SecuredMosquitto(tmp_path / f"broker{len(started)}", **options)
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def environment(tmp_path):
    """The environment of a process without settings, with this environment's `python` and `celery`."""
    names = {name.upper() for name in EverySetting.model_fields}
    bare = {name: value for name, value in clean_environment().items() if name not in names}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        **bare,
        "PATH": path,
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(tmp_path),
        "NO_PROXY": "127.0.0.1,localhost",
    }


@pytest.fixture
def run(environment, tmp_path):
    """Starts one process of the Procfile, with further options: `run("worker", "--pool=solo", **settings)`."""
    started = []

    def start(name, *options, **settings):
        process = Process(
            name,
            ["/bin/sh", "-c", " ".join(["exec", procfile_lines()[name], *options])],
            log=tmp_path / f"{name}{len(started)}.log",
            environment={**environment, **settings},
            cwd=REPOSITORY,
        )
        started.append(process)
        process.launch()
        return process

    yield start
    for process in started:
        process.terminate()
    for process in started:
        process.stop(15)


class OtherRedis(RedisServer):
    """A Redis with other lines in its configuration."""

    def __init__(self, directory, *, lines):
        super().__init__(directory, appendonly=False)
        self.lines = lines

    def prepare(self):
        super().prepare()
        with (self.directory / "redis.conf").open("a") as config:
            config.write(self.lines)

    def ready(self):
        return accepts(self.port)


@pytest.fixture
def other_redis(tmp_path):
    """Starts a Redis with more lines in its configuration."""
    started = []

    def start(lines):
        server = OtherRedis(tmp_path / f"redis{len(started)}", lines=lines)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
