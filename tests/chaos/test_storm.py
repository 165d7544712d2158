"""A fleet sends while everything fails, in random order and often at the same time; nothing may be lost."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import chaos_ledger
import pytest
from chaos_proxy import Fault

SHORT_S, LONG_S = 2.0, 8.0
FROZEN_S = 15.0
# The short form draws so many of the kinds; which ones, the seed says.
SHORT_KINDS = 12


def faults(rig, seconds):
    """Every kind of fault: its name, and what to do."""
    return {
        "listener killed": lambda: rig.end("listener", kill=True),
        "listener terminated": lambda: rig.end("listener", kill=False),
        "worker killed": lambda: rig.end("worker", kill=True),
        "worker terminated": lambda: rig.end("worker", kill=False),
        "beat killed": lambda: rig.end("beat", kill=True),
        "beat terminated": lambda: rig.end("beat", kill=False),
        "redis-server killed": rig.redis_killed,
        "redis-server frozen": lambda: rig.redis_frozen(FROZEN_S if seconds == LONG_S else seconds),
        "Redis out of memory": lambda: rig.redis_full(seconds),
        "broker restarted": rig.stack.broker.restart,
        "network to the broker cut": lambda: rig.network(seconds, frozen=False),
        "network to the broker frozen": lambda: rig.network(seconds, frozen=True),
        "Supabase answers 500": lambda: rig.supabase_faulty(seconds, Fault("answer", 500)),
        "Supabase answers 503": lambda: rig.supabase_faulty(seconds, Fault("answer", 503)),
        "Supabase answers 429": lambda: rig.supabase_faulty(seconds, Fault("answer", 429)),
        "Supabase answers 402": lambda: rig.supabase_faulty(seconds, Fault("answer", 402)),
        "Supabase hangs": lambda: rig.supabase_faulty(seconds, Fault("hang")),
        "Supabase resets": lambda: rig.supabase_faulty(seconds, Fault("reset")),
        "Supabase writes and loses its reply": lambda: rig.supabase_faulty(
            seconds, Fault("swallow", share=0.5, writes=True)
        ),
        "deploy overlap": lambda: rig.overlap(seconds),
    }


# Each of these leaves the others' targets alone, so any two of different groups may be in force at once.
GROUPS = ("Supabase", "redis", "Redis", "broker", "network", "listener", "worker", "beat")


def together(rng, kinds):
    """Draw one kind, or two of different groups that strike at the same time."""
    first = rng.choice(sorted(kinds))
    others = [name for name in sorted(kinds) if _may_join(first, name)]
    return [first, rng.choice(others)] if others and rng.random() < 0.3 else [first]


def _may_join(one, other):
    groups = [
        next((group.lower() for group in GROUPS if name.startswith(group)), None) for name in (one, other)
    ]
    # Whoever restarts processes or the broker waits for them to be ready, which needs Redis and the network.
    return None not in groups and groups[0] != groups[1] and "supabase" in groups


@pytest.mark.timeout(4 * 3600)
def test_nothing_is_lost_whatever_dies(rig, seed, is_long, storm_minutes, show):
    rng = Random(seed)
    if storm_minutes:
        _storm_for(rig, rng, seed, storm_minutes, show)
        return
    devices, images, rounds = (30, 20, 2) if is_long else (12, 4, 1)
    kinds = faults(rig, LONG_S if is_long else SHORT_S)
    number = len(kinds) if is_long else SHORT_KINDS
    order = [name for _ in range(rounds) for name in rng.sample(sorted(kinds), number)]
    with rig.restless_fleet("STORM", devices, images, seed, is_long=is_long) as fleet:
        fleet.recorder.wait_sent(2, 30)
        for name in order:
            fleet.inject(name, kinds[name])
            # The next fault comes at any moment, also in the middle of the recovery from this one.
            sent = len(fleet.recorder.sent)
            fleet.recorder.wait_sent(sent + rng.randrange(4), rng.uniform(0.1, 5.0 if is_long else 0.5))
        report = fleet.finish(900 if is_long else 120)
    tally = chaos_ledger.count(rig.stack, report.images)
    show(chaos_ledger.table(fleet.injected, fleet.recorder, tally, seed))
    assert (tally.lost, tally.duplicated) == (0, 0), "\n".join([f"seed {seed}", *tally.problems])
    assert tally.sent == devices * images


def _storm_for(rig, rng, seed, minutes, show):
    """Faults without end, sometimes two at once, over a fleet with names of its own and one that reuses them."""
    kinds, ends = faults(rig, LONG_S), time.monotonic() + 60 * minutes
    common = {
        "image_seconds": 3.0, "spread": 20.0, "chunk_size": 256, "duplicates": 0.05, "reorder": 0.2,
        "timeout": 600.0, "sleep": 20.0, "wakes": 10, "seed": seed,
    }  # fmt: skip
    images = max(4, round(1.5 * minutes))
    with (
        rig.fleet(devices=24, images=images, names_prefix="STORM", **common) as fleet,
        rig.fleet(devices=6, images=images, names_prefix="REUSE", reuse_names=True, **common) as reusing,
        ThreadPoolExecutor(2) as pool,
    ):
        fleet.recorder.wait_sent(2, 60)
        while time.monotonic() < ends:
            striking = [pool.submit(fleet.inject, name, kinds[name]) for name in together(rng, kinds)]
            for strike in striking:
                strike.result()
            sent = len(fleet.recorder.sent)
            fleet.recorder.wait_sent(sent + rng.randrange(6), rng.uniform(0.1, 20.0))
        reports = [running.finish(1800) for running in (fleet, reusing)]
    tally = chaos_ledger.count(rig.stack, [image for report in reports for image in report.images])
    show(chaos_ledger.table(fleet.injected, fleet.recorder, tally, seed))
    assert (tally.lost, tally.duplicated) == (0, 0), "\n".join([f"seed {seed}", *tally.problems])
    assert tally.sent == 30 * images
