"""Captures in flight, put into Redis as the listener does, for what their number costs.

python -m benchmarks.held fill CAPTURES [--chunks N]    hold so many more
python -m benchmarks.held sweep CAPTURES                hold them, then time a sweep that finds none due
"""

import argparse
import json
import statistics
import time

from redis import Redis

from benchmarks.photograph import CHUNK_BYTES, CHUNKS, IMAGE_BYTES, device_ids
from core.clock import now_ms
from core.dispatch import Dispatcher, make_app
from core.settings import ArrivalSettings, RedisSettings, WorkerSettings, load
from core.store.connection import connect
from core.store.keys import CaptureRef
from core.wire import Metadata
from listener.batch import Batches

GROUP = 200
SWEEPS = 300


def fill(redis: Redis, captures: int, chunks: int) -> None:
    """Begin one capture for each of `captures` devices: its metadata and its first `chunks` chunks."""
    batches = Batches(redis, ArrivalSettings())
    data = bytes(CHUNK_BYTES)
    devices = device_ids(captures, "CA")
    for first in range(0, captures, GROUP):
        batch, now = batches.begin(), now_ms()
        for device_id in devices[first : first + GROUP]:
            name = "image_1.jpg"
            batch.metadata(Metadata(device_id, None, name, image_bytes=IMAGE_BYTES, total_chunks=CHUNKS), now)
            if chunks:
                pieces = [piece for number in range(chunks) for piece in (number, data)]
                batch.chunks(CaptureRef(device_id, name), now, pieces)
        batch.commit()


def sweep(captures: int) -> dict[str, float]:
    """Time sweeps while `captures` captures wait and none is due; return median and 95th percentile in ms."""
    # Imported here because only the sweep needs the worker's modules; `fill` does not.
    from tasks.resources import open_resources  # noqa: PLC0415
    from tasks.sweep import sweep_once  # noqa: PLC0415

    resources, times = open_resources(load(WorkerSettings)), []
    dispatcher = Dispatcher(make_app(), resources.store.now)
    try:
        fill(resources.store.redis, captures, 0)
        for _ in range(SWEEPS):
            begun = time.perf_counter()
            sweep_once(resources, dispatcher)
            times.append((time.perf_counter() - begun) * 1000)
    finally:
        resources.close()
    return {
        "captures": captures,
        "ms": statistics.median(times),
        "p95_ms": statistics.quantiles(times, n=20)[-1],
    }


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("fill", "sweep"))
    parser.add_argument("captures", type=int)
    parser.add_argument("--chunks", type=int, default=10)
    asked = parser.parse_args()
    if asked.what == "sweep":
        print(json.dumps(sweep(asked.captures)), flush=True)
    else:
        fill(connect(load(RedisSettings).redis_url), asked.captures, asked.chunks)
        print(json.dumps({"captures": asked.captures}), flush=True)


if __name__ == "__main__":
    main()
