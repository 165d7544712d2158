"""Listener and worker over many captures, a third of them abandoned half-way: they end where they began."""

import base64
import json
import time
from pathlib import Path
from random import Random

import pytest
from chaos_rig import Rig
from chaos_wire import Wire, photograph

from core.store import keys
from local.mqtt_broker import mosquitto_binary

# What a burst of captures that time out together takes at its peak, the allocator keeps: the first one warms up.
BURST, MANY = 5_000, 10_000
REDIS_BOUND_MB = 2
RSS_BOUND_MB = 24
SETTINGS = {
    "CAPTURE_TIMEOUT_MS": "8000",
    "CAPTURE_TTL_S": "20",
    "TOMBSTONE_TTL_S": "20",
    "ERRORS_PER_MINUTE": "1",
    "SUPABASE_TIMEOUT_S": "10",
}


def resident_mb(platform, name):
    """The resident memory of a process and its children in MB."""
    group = platform.process(name).pid
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            pages += int(fields[21])
    return pages * 4096 / 2**20


class Load:
    """Captures of a few chunks from many devices over one connection."""

    def __init__(self, port, rng):
        self._wire = Wire(port, "MEMORYWATCH")
        self._client = self._wire._client
        self._rng = rng
        self.number = 0

    def send(self, captures):
        for _ in range(captures):
            self.number += 1
            data = photograph(self._rng, 12)
            chunks = [data[at : at + 300] for at in range(0, len(data), 300)]
            topic = f"ESP32CAM/MEMORY{self.number % 500}/data"
            name = f"image_{self.number}.jpg"
            metadata = {"image_name": name, "total_chunk_count": len(chunks), "image_size": len(data)}
            metadata["capture_timeStamp"] = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}"
            self._client.publish(topic, json.dumps(metadata), qos=1)
            if self.number % 3 == 0:
                chunks = chunks[: len(chunks) // 2]
            last = None
            for chunk_id, chunk in enumerate(chunks):
                payload = base64.b64encode(chunk).decode()
                body = {"image_name": name, "chunk_id": chunk_id, "payload": payload}
                last = self._client.publish(topic, json.dumps(body), qos=1)
            if self.number % 50 == 0 and last is not None:
                last.wait_for_publish(60)

    def close(self):
        self._wire.close()


@pytest.mark.timeout(1800)
def test_memory_stays_flat(tmp_path, seed, is_long, show):
    if not is_long:
        pytest.skip("part of the long form: make chaos")
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH")
    rig = Rig(tmp_path, Random(seed), SETTINGS)
    load = Load(rig.stack.mqtt_port, Random(seed))
    try:
        rig.platform.start("listener", "worker", "beat")
        load.send(BURST)
        _settle(rig.redis)
        samples = [{name: resident_mb(rig.platform, name) for name in ("listener", "worker")}]
        used = peak = int(rig.redis.info("memory")["used_memory"])
        for _ in range(MANY // BURST):
            for _ in range(BURST // 100):
                load.send(100)
                peak = max(peak, int(rig.redis.info("memory")["used_memory"]))
            _settle(rig.redis)
            samples.append({name: resident_mb(rig.platform, name) for name in samples[0]})
        grown = int(rig.redis.info("memory")["used_memory"]) - used
        show(
            f"{MANY} captures, a third abandoned: Redis {(peak - used) / 2**20:+.1f} MB at its peak and "
            f"{grown / 2**20:+.1f} MB after; "
            + "; ".join(
                f"{name} {' '.join(f'{sample[name]:.0f}' for sample in samples)} MB" for name in samples[0]
            )
        )
        assert grown < REDIS_BOUND_MB * 2**20
        for name, first in samples[0].items():
            assert samples[-1][name] - first < RSS_BOUND_MB, (name, samples)
        assert rig.platform.restarts == []
    finally:
        load.close()
        rig.close()


def _settle(redis):
    """Wait until no capture, no tombstone and no record is left."""
    deadline = time.monotonic() + 900
    while True:
        left = [key for key in redis.scan_iter("fleet:*", count=10_000) if key.startswith(b"fleet:{")]
        left = [
            key for key in left if b":wake:" not in key
        ]  # the last known wake of a device stays for 30 days
        if not left and not redis.xlen(keys.LOG) and not redis.xlen(keys.ERRORS):
            return
        assert time.monotonic() < deadline, left[:10]
        time.sleep(1)
