"""Any bytes on any topic: nothing stops, each message is acknowledged, and what it costs is bounded.

`--fuzz-messages=1000000` is the long form, `make fuzz`; a failure tells the seed, and `--chaos-seed` repeats it.
"""

import json
from random import Random

import pytest
from hostile_lab import Enqueued, listen
from hostile_messages import message
from hostile_meter import Memory, Meter
from hostile_workers import Workers

from core.clock import now_ms
from core.store import keys

BATCH = 200
# The time until the next batch: a busy fleet, a silence after which chunks are asked for, one that ends captures.
PAUSES_MS = (300,) * 20 + (3_500,) * 4 + (70_000,)
UNBOUNDED = {"errors_per_minute": 10**6, "messages_per_minute": 10**9, "captures_per_minute": 10**6}
# What this process may grow by, whatever comes.
MEMORY_MB = 100


class Clock:
    """The time of a run, which goes on between the batches."""

    def __init__(self):
        self.now = now_ms()

    def __call__(self):
        return self.now


@pytest.mark.timeout(7200)
def test_no_message_stops_the_listener_or_a_worker(database, seed, fuzz_messages, show):
    rng, clock, enqueued = Random(seed), Clock(), Enqueued()
    workers, meter, effort, memory = Workers(database, rng, clock), Meter(database), Meter(database), Memory()
    errors = 0

    def batches():
        nonlocal errors
        for _ in range(fuzz_messages // BATCH):
            batch = [message(rng) for _ in range(BATCH)]
            size = sum(len(topic) + len(payload) for topic, payload in batch)
            meter.begin(BATCH, size)
            yield batch
            meter.end()
            effort.begin(BATCH, size)
            workers.work(enqueued.tasks)
            workers.sweep()
            effort.end()
            errors += check_errors(workers.store.streams)
            clock.now += rng.choice(PAUSES_MS)

    line, *_ = listen(database, batches(), clock, enqueued, **UNBOUNDED)
    assert line.acknowledged == fuzz_messages // BATCH * BATCH, f"seed {seed}"
    assert errors and workers.stored and workers.failed and workers.reported, f"seed {seed}"
    grown = memory.grown_mb()
    show(f"messages: {meter.figures()}; {grown:.0f} MB more at its peak\nworkers: {effort.figures()}")
    assert grown < MEMORY_MB
    for key in database.scan_iter():
        assert database.ttl(key) > 0, f"{key} would stay for ever; seed {seed}"


def check_errors(streams):
    """Take the error records out of Redis; give how many there are."""
    batches = streams.oldest(keys.ERRORS, 1_000)
    records = [record for batch in batches for record in batch.entries]
    for record in records:
        assert 1000 <= record["error_code"] < 2200
        assert len(json.dumps(record)) < 1_500
        assert len(record["device_id"]) <= 32
    if batches:
        streams.delete(keys.ERRORS, [batch.id for batch in batches])
    return len(records)


def test_errors_are_bounded_for_each_device_and_in_all(database):
    bad = [(f"ESP32CAM/D{number % 50}/data", b"{") for number in range(5_000)]
    _, _, errors = listen(database, [bad], errors_per_minute=3)
    assert len(errors) == 50 * (3 + 1), "the last row of each says that there are more"
    database.delete(keys.ERRORS)
    many = [(f"ESP32CAM/E{number}/data", b"{") for number in range(5_000)]
    _, _, errors = listen(database, [many], errors_per_minute=3)
    assert len(errors) == 100 * 3
