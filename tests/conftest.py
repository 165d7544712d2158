"""Fixtures for the tests that need real servers: the embedded stack and the service's processes on it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.mqtt_broker import Mosquitto, mosquitto_binary
from local.part import REPOSITORY
from local.redis_server import RedisServer
from local.services import Services
from local.stack import Stack
from tasks.decoders import Decoders


def _running(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    with stack:
        yield stack
        if request.session.testsfailed and stack.logs.exists():
            # The stack's directory goes with it; what the servers said is wanted now.
            kept = REPOSITORY / ".local" / "test-logs" / stack.broker.name
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(stack.logs, kept)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Redis, the broker aedes and Supabase Lite, one for the whole session: use device names of your own."""
    yield from _running(Stack(broker="aedes"), request)


@pytest.fixture(scope="session")
def services(stack: Stack) -> Iterator[Services]:
    """Listener, worker and beat on the session's stack."""
    with Services(stack, only={"listener", "worker", "beat"}) as running:
        yield running


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real redis-server and nothing else: `redis_server.url`, `redis_server.database_url(3)`."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def decoders() -> Iterator[Decoders]:
    """The processes in which images are decoded, as a worker has them."""
    decoders = Decoders(most=2, cpu_s=5.0)
    yield decoders
    decoders.close()


def _need_mosquitto() -> None:
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto of the test's own."""
    _need_mosquitto()
    server = Mosquitto(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def mosquitto_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Like `stack`, with Mosquitto as its broker."""
    _need_mosquitto()
    yield from _running(Stack(broker="mosquitto"), request)
