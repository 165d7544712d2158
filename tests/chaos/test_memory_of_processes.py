"""Listener and worker over many captures, a third of them abandoned half-way: they end where they began."""

import base64
import json
import time
from pathlib import Path
from random import Random

import pytest
import redis as redis_client
from chaos_platform import Platform
from chaos_wire import Wire, photograph

from core import keys

WARM, MANY = 1_000, 10_000
# Pools of connections, threads and the allocator's slack are there after the first thousand.
RSS_BOUND_MB = 24
TTL_S = 20


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
def test_memory_stays_flat(rig, seed, is_long, show):
    if not is_long:
        pytest.skip("part of the long form: make chaos")
    redis = redis_client.Redis(port=rig.stack.redis.port, db=5)
    settings = {
        "MQTT_CLIENT_ID": "memory",
        "REDIS_URL": rig.stack.redis.database_url(5),
        "CELERY_BROKER_URL": rig.stack.redis.database_url(6),
        "CAPTURE_TIMEOUT_MS": "8000",
        "CAPTURE_TTL_S": str(TTL_S),
        "TOMBSTONE_TTL_S": str(TTL_S),
        "ERRORS_PER_MINUTE": "1",
    }
    # The rig's own listener would take these captures too.
    for name in ("listener", "worker", "beat"):
        rig.platform.retire(name)
    platform = Platform(rig.stack.directory / "memory", {**rig.environment, **settings})
    load = Load(rig.stack.mqtt_port, Random(seed))
    try:
        platform.start("listener", "worker", "beat")
        load.send(WARM)
        _settle(redis)
        before = {name: resident_mb(platform, name) for name in ("listener", "worker")}
        used = int(redis.info("memory")["used_memory"])
        peak = 0
        for _ in range(MANY // 200):
            load.send(200)
            peak = max(peak, int(redis.info("memory")["used_memory"]))
        _settle(redis)
        after = {name: resident_mb(platform, name) for name in before}
        grown = int(redis.info("memory")["used_memory"]) - used
        show(
            f"{MANY} captures, a third abandoned: Redis {(peak - used) / 2**20:+.1f} MB at its peak and "
            f"{grown / 2**20:+.1f} MB after; "
            + ", ".join(f"{name} {before[name]:.0f} → {after[name]:.0f} MB" for name in before)
        )
        assert grown < 2 * 2**20
        assert all(after[name] - began < RSS_BOUND_MB for name, began in before.items())
        assert platform.restarts == []
    finally:
        load.close()
        platform.close()
        redis.close()
        rig.platform.start("listener", "worker", "beat")


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
