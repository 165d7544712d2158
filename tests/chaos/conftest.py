"""The fault suite: short by default, `--chaos=long` for all of it, `--chaos-seed` to repeat a run."""

import secrets
import shutil
import sys
from pathlib import Path
from random import Random

import pytest
from chaos_rig import Rig

from local.mqtt_broker import mosquitto_binary
from local.part import REPOSITORY

# The generator of hostile messages serves the tests of the wire too.
sys.path.append(str(Path(__file__).parent.parent / "hostile"))
TABLES = pytest.StashKey[list[str]]()


def pytest_addoption(parser):
    parser.addoption(
        "--chaos", choices=("short", "long"), default="short", help="how much of the fault suite"
    )
    parser.addoption(
        "--storm-minutes", type=float, default=0, help="let the storm rage for so long, beyond its long form"
    )
    parser.addoption("--chaos-seed", type=int, default=None, help="repeat the run with this seed")


def pytest_terminal_summary(terminalreporter, config):
    for text in config.stash.get(TABLES, []):
        terminalreporter.write_line("")
        terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def is_long(pytestconfig):
    """Whether the long form was asked for."""
    return pytestconfig.getoption("--chaos", default="short") == "long"


@pytest.fixture(scope="session")
def storm_minutes(pytestconfig):
    """For how long faults shall go on; 0 for each kind once or twice."""
    return pytestconfig.getoption("--storm-minutes", default=0)


@pytest.fixture(scope="session")
def seed(pytestconfig):
    """The seed of the run; it stands in every table and in every failure."""
    given = pytestconfig.getoption("--chaos-seed", default=None)
    return secrets.randbelow(2**31) if given is None else given


@pytest.fixture(scope="session")
def show(pytestconfig):
    """Print a table at the end of the session."""
    return pytestconfig.stash.setdefault(TABLES, []).append


@pytest.fixture(scope="session")
def rig(request, tmp_path_factory, seed):
    """The stack on Mosquitto, with listener, worker and beat."""
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH: the fault suite is about sessions that outlive their connection")
    rig = Rig(tmp_path_factory.mktemp("chaos"), Random(seed))
    try:
        rig.platform.start("listener", "worker", "beat")
        yield rig
    finally:
        if request.session.testsfailed:
            kept = REPOSITORY / ".local" / "test-logs" / "chaos"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(
                rig.stack.directory,
                kept,
                ignore=lambda _, names: [n for n in names if n in ("supabase", "redis")],
            )
        rig.close()
