"""What captures cost in Redis, and that nothing of them stays."""

import time

import pytest
from store_lab import StoreLab

from core.store.keys import CaptureRef
from core.wire import Metadata, parse_time

# What docs/reliability.md states for captures of 49 kB in chunks of 1 KB, in flight at once.
BYTES_PER_CAPTURE = 60_000
CHUNKS = 48


def store_on(redis, **settings):
    return StoreLab(redis, max_captures=1_000_000, **settings)


def put(store, number, chunks, held, size):
    ref = CaptureRef(f"D{number // 8}", f"image_{number}.jpg")
    taken = parse_time("2025-10-04T12:34:56Z")
    batch = store.batch()
    batch.metadata(Metadata(ref.device_id, None, ref.image_name, taken, None, chunks), store.now())
    pieces = [item for chunk in range(held) for item in (chunk, (b"%d " % number).ljust(size, b"x"))]
    batch.chunks(ref, store.now(), pieces)
    return batch.commit()[-1]


def test_captures_in_flight_fit_in_what_is_stated(database, is_long):
    number = 10_000 if is_long else 300
    store = store_on(database)
    before = database.info("memory")["used_memory"]
    for capture in range(number):
        put(store, capture, CHUNKS, CHUNKS - 1, 1024)
    used = database.info("memory")["used_memory"] - before
    print(f"{number} captures of {CHUNKS - 1} KB in flight: {used / 2**20:.0f} MB, {used // number} B each")
    assert used / number < BYTES_PER_CAPTURE
    database.flushdb()


@pytest.mark.timeout(300)
def test_nothing_stays_of_captures_finished_or_abandoned(database, is_long):
    number = 10_000 if is_long else 600
    store = store_on(
        database, capture_ttl_s=2, tombstone_ttl_s=2, capture_timeout_ms=500, retransmit_delay_ms=100
    )
    store.captures.due(store.now(), 1)  # scripts and connections are there before anything is measured
    put(store, 10**6, 2, 2, 10)
    database.flushdb()
    before = database.info("memory")["used_memory"]
    peak = 0
    for capture in range(number):
        outcome = put(store, capture, 4, 2 if capture % 3 == 0 else 4, 400)
        if outcome.status == "complete" and (claim := store.captures.claim(outcome.ref, "worker")):
            store.captures.close(claim.ref, "stored", tombstone_ttl_s=2)
        if capture % 200 == 0:
            _sweep(store)
            peak = max(peak, database.info("memory")["used_memory"] - before)
    deadline = time.monotonic() + 60
    while database.dbsize():
        assert time.monotonic() < deadline, database.keys()[:10]
        _sweep(store)
        time.sleep(0.1)
    after = database.info("memory")["used_memory"] - before
    print(
        f"{number} captures, a third abandoned: Redis {peak / 1024:.0f} KB more at its peak, {after / 1024:.0f} KB after"
    )
    assert after < 512 * 1024


def _sweep(store):
    now = store.now()
    for ref in store.captures.due(now, 10_000):
        if store.captures.review(ref, now, now).action == "timed_out":
            store.captures.settle_timeout(ref)
