"""A fleet sends while everything fails, in random order and often at the same time; nothing may be lost."""

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
        "Supabase hangs": lambda: rig.supabase_faulty(seconds, Fault("hang")),
        "Supabase resets": lambda: rig.supabase_faulty(seconds, Fault("reset")),
        "Supabase writes and loses its reply": lambda: rig.supabase_faulty(
            seconds, Fault("swallow", share=0.5, writes=True)
        ),
        "deploy overlap": lambda: rig.overlap(seconds),
    }


@pytest.mark.timeout(3600)
def test_nothing_is_lost_whatever_dies(rig, seed, is_long, show):
    rng = Random(seed)
    devices, images, rounds = (30, 20, 2) if is_long else (12, 4, 1)
    kinds = faults(rig, LONG_S if is_long else SHORT_S)
    number = len(kinds) if is_long else SHORT_KINDS
    order = [name for _ in range(rounds) for name in rng.sample(sorted(kinds), number)]
    with rig.fleet(
        devices=devices,
        images=images,
        names_prefix="STORM",
        chunk_size=256,
        image_seconds=3.0 if is_long else 1.5,
        spread=3.0,
        duplicates=0.05,
        reorder=0.2,
        timeout=300.0,
        sleep=20.0 if is_long else 6.0,
        seed=seed,
    ) as fleet:
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
