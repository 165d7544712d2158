"""The rig: the stack with proxies before Supabase and the broker, the service on a platform, and the faults."""

import io
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx
import redis as redis_client
from chaos_ledger import Injected, Recorder
from chaos_platform import Platform
from chaos_proxy import Fault, HttpProxy, TcpProxy
from chaos_wire import Wire
from PIL import Image

from local.stack import Stack
from simulator import Fleet, FleetOptions, FleetReport

SETTINGS = {
    "RETRANSMIT_DELAY_MS": "2000",
    "CAPTURE_TIMEOUT_MS": "12000",
    "SUPABASE_TIMEOUT_S": "3",
    "MQTT_KEEPALIVE_S": "5",
}


class Rig:
    """Everything that is up, and what can be done to it."""

    def __init__(self, directory: Path, rng: Random, settings: Mapping[str, str] = {}) -> None:
        self.rng = rng
        self.stack = Stack(broker="mosquitto", redis_appendonly=True)
        self.photos = _photos(directory, rng)
        self.stack.start()
        self.mqtt = TcpProxy(self.stack.mqtt_port)
        self.mqtt.heal()
        self.supabase = HttpProxy(self.stack.supabase.port, rng)
        environment = self.stack.environment() | SETTINGS | dict(settings)
        environment |= {"MQTT_PORT": str(self.mqtt.port), "SUPABASE_URL": self.supabase.url}
        self.environment = environment
        self.platform = Platform(self.stack.directory / "platform", environment)
        self.redis = redis_client.Redis(port=self.stack.redis.port)

    def close(self) -> None:
        """Stop everything."""
        self.mqtt.heal()
        self.supabase.set(None)
        self.platform.close()
        self.mqtt.cut()
        self.supabase.close()
        self.redis.close()
        self.stack.stop()

    def wire(self, device_id: str) -> Wire:
        """A device on the broker itself, which no fault on the service's line reaches."""
        return Wire(self.stack.mqtt_port, device_id)

    def http(self) -> httpx.Client:
        """A client to Supabase itself with the service's key, not through the proxy."""
        key = self.stack.supabase_secret_key
        headers = {"apikey": key, "authorization": f"Bearer {key}"}
        return httpx.Client(base_url=self.stack.supabase_url, headers=headers, timeout=30, trust_env=False)

    @contextmanager
    def fleet(self, **options: object) -> Iterator["Running"]:
        """Run a fleet beside the block, which may end before the fleet does."""
        running = Running(
            FleetOptions(host=self.stack.mqtt_host, port=self.stack.mqtt_port, photos=self.photos, **options)
        )
        running.start()
        try:
            yield running
        finally:
            running.stop()

    def restless_fleet(
        self, prefix: str, devices: int, images: int, seed: int, *, is_long: bool
    ) -> AbstractContextManager["Running"]:
        """Run a fleet whose chunks come twice and out of order, with time for faults while it sends and sleeps."""
        return self.fleet(
            devices=devices,
            images=images,
            names_prefix=prefix,
            chunk_size=256,
            image_seconds=3.0 if is_long else 1.5,
            spread=3.0,
            duplicates=0.05,
            reorder=0.2,
            timeout=300.0,
            sleep=20.0 if is_long else 6.0,
            seed=seed,
        )

    # Faults. Each returns when the fault is over and what it needs is up again.

    @contextmanager
    def group_frozen(self, pid: int | None) -> Iterator[None]:
        """Let a server stand still."""
        assert pid is not None
        os.killpg(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(pid, signal.SIGCONT)

    def end(self, name: str, *, kill: bool) -> None:
        """End a process with SIGKILL or SIGTERM; the platform starts it anew."""
        (self.platform.kill if kill else self.platform.terminate)(name)

    def redis_killed(self) -> None:
        """SIGKILL redis-server, and start it again with its append-only file."""
        self.stack.redis.kill()
        self.stack.redis.start()

    def redis_frozen(self, seconds: float) -> None:
        """Let redis-server stand still."""
        with self.group_frozen(self.stack.redis.process.pid):
            time.sleep(seconds)

    def redis_full(self, seconds: float) -> None:
        """Let Redis be out of memory."""
        self.redis.config_set("maxmemory", "1mb")
        try:
            time.sleep(seconds)
        finally:
            self.redis.config_set("maxmemory", "0")

    def network(self, seconds: float, *, frozen: bool) -> None:
        """Cut the line between the service and the broker, or freeze it."""
        (self.mqtt.freeze if frozen else self.mqtt.cut)()
        try:
            time.sleep(seconds)
        finally:
            self.mqtt.heal()

    def supabase_faulty(self, seconds: float, fault: Fault) -> None:
        """Let Supabase misbehave."""
        self.supabase.set(fault)
        try:
            time.sleep(seconds)
        finally:
            self.supabase.set(None)

    def overlap(self, seconds: float) -> None:
        """Deploy: a second set of processes starts, both work, the first set is stopped; and back again."""
        self.platform.start("listener2", "worker2", "beat2")
        time.sleep(seconds)
        for name in ("listener", "worker", "beat"):
            self.platform.retire(name)
        self.platform.start("listener", "worker", "beat")
        for name in ("listener2", "worker2", "beat2"):
            self.platform.retire(name)


@dataclass
class Running:
    """A fleet in a thread of its own."""

    options: FleetOptions
    recorder: Recorder = field(default_factory=Recorder)
    injected: list[Injected] = field(default_factory=list)
    report: FleetReport | None = None

    def start(self) -> None:
        """Let the devices begin."""
        self._fleet = Fleet(self.options, self.recorder.on_event)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.report = self._fleet.run()

    def finish(self, timeout: float) -> FleetReport:
        """Wait until every device has done what it was asked to, and give the report."""
        self._thread.join(timeout)
        self.stop()
        assert self.report is not None
        return self.report

    def stop(self) -> None:
        """End the fleet where it stands."""
        self._fleet.stop()
        self._thread.join(20)

    def inject(self, name: str, fault: Callable[[], object]) -> Injected:
        """Carry out a fault and note when it was."""
        began = time.monotonic()
        fault()
        injected = Injected(name, began, time.monotonic())
        self.injected.append(injected)
        return injected


def _photos(directory: Path, rng: Random) -> Path:
    """Small pictures: what is tested is how many get through, and not how large they are."""
    folder = directory / "photos"
    folder.mkdir(exist_ok=True)
    for number in range(4):
        data = io.BytesIO()
        Image.frombytes("RGB", (48, 36), rng.randbytes(48 * 36 * 3)).save(data, "JPEG", quality=80)
        (folder / f"{number}.jpg").write_bytes(data.getvalue())
    return folder
