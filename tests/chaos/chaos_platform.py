"""What a platform does for the service: it starts its processes, and starts anew what has ended."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from local.process import Process
from local.services import START_SECONDS, STOP_SECONDS, Services

RESTART_AFTER_S = 1.0


class _Site:
    """A place with directories and settings of its own, as `Services` expects it of a stack."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self.logs = directory / "logs"
        self._environment = dict(environment)

    def environment(self) -> dict[str, str]:
        return self._environment


class Platform:
    """Runs any number of listeners, workers and beats with one set of settings, until it is closed.

    `name` is `listener`, `worker` or `beat`, and a number from the second on: `worker2`.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._services: dict[str, Services] = {}
        self._wanted: set[str] = set()
        self._ended: dict[str, float] = {}
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self.restarts: list[tuple[str, int | None]] = []
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def start(self, *names: str) -> None:
        """Start processes side by side, and wait until each is ready."""
        for name in names:
            self.launch(name)
        for name in names:
            self.wait_ready(name)

    def launch(self, name: str, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        """Start a process without waiting for it; at its first start it may have settings of its own."""
        with self._lock:
            if name not in self._services:
                site = _Site(self._directory / name, {**self._environment, **settings})
                self._services[name] = Services(site, only={_kind(name)})
                (site.directory / "services").mkdir(parents=True, exist_ok=True)
            self.process(name).launch()
            self._wanted.add(name)

    def wait_ready(self, name: str) -> None:
        """Wait until a process, which the platform may be about to start anew, is ready to work."""
        deadline = time.monotonic() + START_SECONDS
        while not self.process(name).running and time.monotonic() < deadline:
            time.sleep(0.05)
        self._services[name].wait_ready(_kind(name))

    def process(self, name: str) -> Process:
        """Give a process."""
        return self._services[name].processes[_kind(name)]

    def log(self, name: str) -> str:
        """Give all that a process has written, over its restarts."""
        path = self.process(name).log
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self, *names: str) -> None:
        """End processes as a crash would; they are started anew."""
        with self._lock:
            for name in names:
                self.process(name).kill()

    def terminate(self, name: str) -> None:
        """Ask a process to end, as a platform does before it starts it anew."""
        with self._lock:
            self.process(name).terminate()

    def retire(self, name: str) -> None:
        """Stop a process for good."""
        with self._lock:
            self._wanted.discard(name)
        self.process(name).stop(STOP_SECONDS)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Let a process stand still."""
        group = self.process(name).pid
        assert group is not None
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def close(self) -> None:
        """Stop everything."""
        self._closing.set()
        self._thread.join()
        for service in self._services.values():
            for process in service.processes.values():
                process.terminate()
        for service in self._services.values():
            service.stop()

    def _supervise(self) -> None:
        while not self._closing.wait(0.1):
            with self._lock:
                for name in sorted(self._wanted):
                    process = self.process(name)
                    if process.running:
                        self._ended.pop(name, None)
                        continue
                    ended = self._ended.setdefault(name, time.monotonic())
                    if time.monotonic() - ended >= RESTART_AFTER_S:
                        popen = process._popen
                        self.restarts.append((name, popen.returncode if popen else None))
                        process.stop(1)
                        process.launch()


def _kind(name: str) -> str:
    return name.rstrip("0123456789")
