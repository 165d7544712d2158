"""Hosts whose clocks differ: listener, worker and beat on one Redis, each with a time of its own (faketime)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from chaos_wire import Picture, photograph

PROCESSES = ("listener", "worker", "beat")
# By the number of the set of processes: how far the host of each is ahead of Redis (s).
SKEWS = {7: (25, -20, -30), 8: (-25, 20, 30)}


def faketime(name: str, seconds: int) -> dict[str, str]:
    """The settings of a process whose host is ahead.

    With the monotonic clock left alone faketime breaks `time.sleep`, on which beat waits; with that clock moved
    too it breaks the waits of threads, of which beat has none.
    """
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{seconds:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "0" if name.startswith("beat") else "1",
    }


LITTLE = timedelta(seconds=5)


@pytest.fixture(params=SKEWS)
def skewed(rig, request):
    """The service on three hosts with these clocks; afterwards on one again."""
    if not list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")):
        pytest.skip("no faketime on this machine (Debian: faketime)")
    others = [f"{name}{request.param}" for name in PROCESSES]
    for name in PROCESSES:
        rig.platform.retire(name)
    for name, seconds in zip(others, SKEWS[request.param], strict=True):
        rig.platform.launch(name, faketime(name, seconds))
    for name in others:
        rig.platform.wait_ready(name)
    yield rig, f"SKEW{request.param}"
    for name in others:
        rig.platform.retire(name)
    rig.platform.start(*PROCESSES)


def test_clocks_that_differ_change_nothing(skewed, seed):
    (rig, device), rng = skewed, Random(f"{seed}/clocks")
    wire = rig.wire(device)
    whole, torn = (Picture(name, photograph(rng)) for name in ("whole.jpg", "torn.jpg"))
    began = datetime.now(UTC)
    wire.offer(whole)
    wire.wait_ack(whole.name)
    assert not wire.nacks(whole.name)

    wire.describe(torn)
    wire.send(torn, *range(1, len(torn.chunks)))
    assert wire.wait(lambda: wire.nacks(torn.name)), (
        "a listener that lives counts as dead, or the sweep never runs"
    )
    assert wire.nacks(torn.name)[0][1] == [0]
    wire.send(torn, 0)
    wire.wait_ack(torn.name)

    wire.publish("status", {"device_id": device, "status": "alive", "pendingImg": 0})
    assert wire.wait(
        lambda: any("next_wake" in message or "capture_image" in message for _, message in wire.heard)
    )
    wire.close()
    with rig.http() as http:
        [row] = http.get(f"/rest/v1/devices?device_id=eq.{device}").raise_for_status().json()
    assert began - LITTLE < datetime.fromisoformat(row["last_seen_at"]) < datetime.now(UTC) + LITTLE
