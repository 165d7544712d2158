"""Where a worker's time goes: the stations of a capture, run in one thread without Celery.

Each station is timed in the thread that runs it, so waiting does not count; the time of the decoders is that
of `decode`. What the worker of the whole system uses beyond the sum is Celery, and the price of many threads.

    python -m benchmarks.stations CAPTURES      with the settings of a worker in the environment
"""

import argparse
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from benchmarks.photograph import device_ids, payloads
from benchmarks.processes import process_seconds
from core import wire
from core.clock import now_ms
from core.settings import ArrivalSettings, WorkerSettings, load
from core.store.keys import CaptureRef
from core.wire import Chunk, Limits, Metadata
from listener.batch import Batches
from tasks import pipeline
from tasks.resources import Resources, open_resources

# Functions of tasks.pipeline, and methods of what it uses, by the name of their station.
FUNCTIONS: Final = {
    "assemble": "assemble",
    "verify": "assemble",
    "decode": "decode",
    "upload": "upload",
    "persist": "persist",
}
STORE: Final = {"claim": "claim", "chunks": "read chunks", "note": "note", "close": "close"}


class Clock:
    """Sums CPU time by station; a station inside another counts for itself alone."""

    def __init__(self) -> None:
        self.cpu_s: defaultdict[str, float] = defaultdict(float)

    def timed(self, station: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function so that its time counts for `station`."""

        def call(*arguments: Any, **options: Any) -> Any:
            begun = time.thread_time()
            try:
                return function(*arguments, **options)
            finally:
                self.cpu_s[station] += time.thread_time() - begun

        return call


def fill(batches: Batches, device_id: str, captures: int) -> list[CaptureRef]:
    """Put captures into the store as the listener does, and return those that are complete."""
    limits = Limits(64 * 2**10, 2**20)
    topic = wire.topic(device_id, "data")
    refs = []
    for number in range(captures):
        batch, name = batches.begin(), f"image_{number:06d}.jpg"
        pieces: list[bytes | int] = []
        for payload in payloads(device_id, name):
            message = wire.decode(topic, payload, limits)
            if isinstance(message, Metadata):
                batch.metadata(message, now_ms())
            elif isinstance(message, Chunk):
                pieces += [message.chunk_id, message.data]
        batch.chunks(CaptureRef(device_id, name), now_ms(), pieces)
        refs += [outcome.ref for outcome in batch.commit() if outcome.status == "complete"]
    return refs


def run(resources: Resources, captures: int) -> dict[str, float]:
    """Run the pipeline of captures and return the CPU time of each station in ms per capture.

    `between` is the CPU time outside all stations.
    """
    clock, store = Clock(), resources.store.captures
    batches = Batches(resources.store.redis, ArrivalSettings())
    refs = [ref for device_id in device_ids(captures // 10) for ref in fill(batches, device_id, 10)]
    for name, station in FUNCTIONS.items():
        setattr(pipeline, name, clock.timed(station, getattr(pipeline, name)))
    for name, station in STORE.items():
        setattr(store, name, clock.timed(station, getattr(store, name)))
    send = clock.timed("acknowledge", resources.publisher.send)
    resources.publisher.send = send  # type: ignore[method-assign]
    begun, decoders_s = time.process_time(), sum(map(process_seconds, resources.decoders.pids))
    for ref in refs:
        claim = store.claim(ref, "benchmark")
        assert claim is not None  # noqa: S101 - nobody else works here
        pipeline.run(resources, claim)
    decoders_s = sum(map(process_seconds, resources.decoders.pids)) - decoders_s
    whole = time.process_time() - begun + decoders_s
    clock.cpu_s["decode"] += decoders_s
    spent = {name: 1000 * seconds / len(refs) for name, seconds in clock.cpu_s.items()}
    return {**spent, "between": 1000 * whole / len(refs) - sum(spent.values())}


def main() -> None:
    """Print the CPU time by station as one line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("captures", type=int)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    resources = open_resources(load(WorkerSettings))
    try:
        print(json.dumps(run(resources, asked.captures)), flush=True)
    finally:
        resources.close()


if __name__ == "__main__":
    main()
