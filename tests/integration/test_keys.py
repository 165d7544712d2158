"""The list of keys in `core/store/keys.py` against what a run of everything leaves in Redis."""

import base64
import json
import re
import threading
from random import Random

import httpx
import pytest
import redis
from chaos_proxy import Fault, HttpProxy
from paho.mqtt import publish

from core.settings import CaptureTimes
from core.store.keys import KEYS
from local.services import Services
from simulator.fleet import Fleet
from simulator.options import FleetOptions

TIMES = {"CAPTURE_TIMEOUT_MS": "2000", "RETRANSMIT_DELAY_MS": "500", "HOME_ASSISTANT_PREFIX": "homeassistant"}
NAMES = {
    "s": r"\{\d+\}",
    "ref": r"[A-Z0-9]+/[^/]+(/[0-9a-f]+)?",
    "device": r"[A-Z0-9]+",
    "device/image": r"[A-Z0-9]+/[^/]+",
    "day": r"\d{4}/\d\d/\d\d",
    "object": r"[A-Za-z0-9._-]+",
    "name": r"[a-z_]+",
    "service": r"(storage|database)",
}
FOUND = {
    key.pattern: re.compile(re.sub(r"\{s\}|<([a-z/]+)>", lambda m: NAMES[m[1] or "s"], key.pattern))
    for key in KEYS
}
BY_PATTERN = {key.pattern: key for key in KEYS}


def pattern_of(name):
    found = [pattern for pattern, expression in FOUND.items() if expression.fullmatch(name)]
    assert len(found) == 1, f"{name} is in the list {len(found)} times"
    return found[0]


class Watch:
    """Names every key that a command touches, and looks at type and time to live of those that are there."""

    def __init__(self, url):
        self._client = redis.Redis.from_url(url)
        self.touched, self.seen = set(), {}
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self):
        self._monitor = self._client.monitor().__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._client.echo("enough")
        self._thread.join(10)
        self._monitor.__exit__(None, None, None)

    def _listen(self):
        for told in self._monitor.listen():
            if told["command"].startswith("ECHO"):
                return
            if told["db"] == 0:
                self.touched |= set(re.findall(r'fleet:[^"\s\\]+', told["command"]))

    def look(self):
        for key in self._client.scan_iter(count=1000):
            self.seen[key.decode()] = (self._client.type(key).decode(), self._client.pttl(key))


def until(condition, watch, seconds=60):
    waiting = threading.Event()
    for _ in range(int(seconds / 0.05)):
        watch.look()
        if condition():
            return
        waiting.wait(0.05)
    raise AssertionError("it did not come to pass")


@pytest.fixture
def stack(mosquitto_stack):
    redis.Redis.from_url(mosquitto_stack.redis.url).flushall()
    return mosquitto_stack


@pytest.fixture
def proxy(stack):
    proxy = HttpProxy(stack.supabase.port, Random())
    yield proxy
    proxy.close()


def test_every_key_is_in_the_list_and_stays_as_long_as_it_says(stack, proxy):
    headers = {"apikey": stack.supabase_secret_key, "authorization": f"Bearer {stack.supabase_secret_key}"}
    with (
        httpx.Client(base_url=f"{stack.supabase_url}/rest/v1", headers=headers, trust_env=False) as http,
        Watch(stack.redis.url) as watch,
        Services(stack, only={"listener", "worker", "beat"}, settings=TIMES | {"SUPABASE_URL": proxy.url}),
    ):
        # A schedule, without which no wake is known.
        http.post("/devices", json={"device_id": "KEYS001"}).raise_for_status()
        config = {"device_id": "KEYS001", "captures_per_day": 24}
        http.post("/device_configs", json=config).raise_for_status()
        fleet = Fleet(
            FleetOptions(
                host=stack.mqtt_host,
                port=stack.mqtt_port,
                names_prefix="KEYS",
                seed=7,
                devices=3,
                backlog=2,
                conversation=True,
                dialect="newer",
                time_scale=3600,
                wake_clock="service",
                timeout=30,
            )
        )
        running = threading.Thread(target=fleet.run)
        running.start()
        until(lambda: not running.is_alive(), watch)
        running.join()
        # A picture that never comes whole, and what is no message at all.
        _publish(stack, "KEYS009", b"{")
        _publish(stack, "KEYS009", b'{"image_name": "no-image", "error": 2}')
        metadata = {
            "image_name": "half.jpg",
            "total_chunk_count": 2,
            "capture_timeStamp": "2025-10-04T12:00:00Z",
        }
        _publish(stack, "KEYS009", json.dumps(metadata).encode())
        # A picture that Supabase refuses.
        proxy.set(Fault("answer", 413))
        _publish(
            stack,
            "KEYS009",
            json.dumps(metadata | {"image_name": "bad.jpg", "total_chunk_count": 1}).encode(),
        )
        chunk = {"image_name": "bad.jpg", "chunk_id": 0, "payload": base64.b64encode(b"\xff\xd8").decode()}
        _publish(stack, "KEYS009", json.dumps(chunk).encode())
        until(lambda: any(":failed" in name for name in watch.seen), watch)
        proxy.set(None)
        until(lambda: any(":abandoned" in name for name in watch.seen), watch)
    bounds = {"CAPTURE_TTL_S": CaptureTimes().capture_ttl_s}
    assert {pattern_of(name) for name in watch.touched} == set(BY_PATTERN)
    for name, (kind, ttl_ms) in watch.seen.items():
        if kind == "none":
            continue  # it went while we looked
        key = BY_PATTERN[pattern_of(name)]
        stays = bounds.get(key.stays, key.stays)
        assert kind == key.type, name
        assert ttl_ms == -2 or 0 <= ttl_ms <= stays * 1000, (name, ttl_ms)


def _publish(stack, device, payload):
    publish.single(f"ESP32CAM/{device}/data", payload, qos=1, hostname=stack.mqtt_host, port=stack.mqtt_port)
