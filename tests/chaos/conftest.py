"""The fault suite, on the real processes."""

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
