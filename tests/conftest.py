"""Options, and fixtures for the tests that need real servers: the embedded stack and the service on it.

The fault suite and the generated input are short by default. `--chaos=long` is all of it, `--chaos-seed` repeats a run,
and `--fuzz-messages` says how much is generated. `--postgres-bin` runs the database tests on another PostgreSQL.
"""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from measured import count_them
from started import started

from local.mqtt_broker import Mosquitto, mosquitto_binary
from local.part import REPOSITORY
from local.redis_cluster import RedisCluster
from local.redis_server import RedisServer
from local.services import Services
from local.stack import Stack
from tasks.decoders import Decoders

FIGURES = pytest.StashKey[list[str]]()

# What the tests of a folder need beside Python, cheapest first; `pytest -m quick` runs one of them.
TIERS = {
    "quick": {"unit", "contract", "mutation", "supply"},
    "database": {"sql"},
    "servers": {"channels", "deployment", "firmware", "hostile", "integration", "local", "simulator"},
    "browser": {"console"},
    "alone": {"benchmarks", "chaos", "system"},
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the fault suite and of the generated input."""
    parser.addoption(
        "--chaos", choices=("short", "long"), default="short", help="how much of the fault suite"
    )
    parser.addoption(
        "--storm-minutes", type=float, default=0, help="let the storm rage for so long, beyond its long form"
    )
    parser.addoption("--chaos-seed", type=int, help="repeat the run with this seed")
    parser.addoption(
        "--fuzz-messages",
        type=int,
        help="how many messages are generated; a hundredth of that images, commands",
    )
    parser.addoption(
        "--postgres-bin", type=Path, help="a folder with the initdb and postgres to take before those on PATH"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Put the binaries of another PostgreSQL first, and let processes be counted where lines are."""
    count_them()
    folder: Path | None = config.getoption("--postgres-bin")
    if folder is None:
        return
    if not (folder / "postgres").exists():
        raise pytest.UsageError(f"--postgres-bin: there is no postgres in {folder}")
    os.environ["PATH"] = f"{folder.resolve()}{os.pathsep}{os.environ['PATH']}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the marker of its folder's tier."""
    tiers = {folder: tier for tier, folders in TIERS.items() for folder in folders}
    for item in items:
        folder = item.path.relative_to(REPOSITORY / "tests").parts[0]
        item.add_marker(tiers[folder])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what the tests have measured."""
    for text in config.stash.get(FIGURES, []):
        terminalreporter.write_line("")
        terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def is_long(pytestconfig: pytest.Config) -> bool:
    """Whether the long form was asked for."""
    return bool(pytestconfig.getoption("--chaos") == "long")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of the run; it stands in every table and in every failure."""
    given: int | None = pytestconfig.getoption("--chaos-seed")
    return secrets.randbelow(2**31) if given is None else given


@pytest.fixture(scope="session")
def storm_minutes(pytestconfig: pytest.Config) -> float:
    """For how long faults shall go on; 0 for each kind once or twice."""
    return float(pytestconfig.getoption("--storm-minutes"))


@pytest.fixture(scope="session")
def fuzz_messages(pytestconfig: pytest.Config, is_long: bool) -> int:
    """How many messages are generated."""
    return pytestconfig.getoption("--fuzz-messages") or (100_000 if is_long else 5_000)


@pytest.fixture(scope="session")
def show(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Print a table or a line at the end of the session."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


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


@pytest.fixture(scope="module")
def services(stack: Stack) -> Iterator[Services]:
    """Listener, worker and beat on the session's stack.

    They end with the module: their periodic tasks would take what other tests have laid out for their own.
    """
    with Services(stack, only={"listener", "worker", "beat"}) as running:
        yield running


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real redis-server and nothing else: `redis_server.url`, `redis_server.database_url(3)`."""
    with started(RedisServer(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """A Redis Cluster of three primaries and nothing else: `redis_cluster.url`."""
    with started(RedisCluster(tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster


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
    with started(Mosquitto(tmp_path)) as server:
        yield server


@pytest.fixture(scope="session")
def mosquitto_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Like `stack`, with Mosquitto as its broker."""
    _need_mosquitto()
    yield from _running(Stack(broker="mosquitto"), request)
