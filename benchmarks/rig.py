"""The rig: Mosquitto, redis-server, the Supabase stub and the service's processes, all separate processes.

The service's processes are started with the command lines of the Procfile and, except for the addresses,
with the settings of a deployment. Everything listens on separate loopback ports and ends with the rig.
"""

import os
import sys
import tempfile
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from string import digits
from types import TracebackType
from typing import Any, Final, Self

import orjson
from redis import Redis

from benchmarks.processes import cpu_seconds, resident_mb
from local.mqtt_broker import Mosquitto
from local.part import REPOSITORY, Part, clean_environment
from local.ports import LOOPBACK
from local.process import Process
from local.redis_server import RedisServer
from operate.run import procfile_lines

_READY: Final = {
    "listener": ("Worker started - processing messages", "Subscribed to topics"),
    "worker": (" ready.",),
    "beat": ("beat: Starting",),
}
_START_S: Final = 60.0
_STOP_S: Final = 20.0


class SupabaseStub(Part):
    """The Supabase stub as a server of the rig."""

    name = "stub"
    title = "Supabase stub"

    def command(self) -> list[str]:
        """Run the stub on the port."""
        return [sys.executable, "-m", "benchmarks.supabase_stub", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        """Return an environment in which Python finds this package from any working directory."""
        return {**clean_environment(), "PYTHONPATH": str(REPOSITORY)}

    def delay(self, milliseconds: float) -> None:
        """Delay every answer by `milliseconds` from now on."""
        self._request("PUT", f"/stub/{milliseconds}")

    def answer(self, function: str, result: Any) -> None:
        """Let a database function answer this from now on."""
        self._request("PUT", f"/stub/answer/{function}/{urlsafe_b64encode(orjson.dumps(result)).decode()}")

    def counts(self) -> dict[str, int]:
        """Return the number of requests of each kind since the stub's start."""
        counts: dict[str, int] = orjson.loads(self._request("GET", "/stub/counts"))
        return counts

    def _request(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(f"http://{LOOPBACK}:{self.port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            body: bytes = answer.read()
        return body


class SupabaseOnPostgres(SupabaseStub):
    """A stub whose functions are those of a real database."""

    def __init__(self, directory: Path, database_url: str) -> None:
        super().__init__(directory)
        self._database_url = database_url

    def command(self) -> list[str]:
        """Run it on the port."""
        return [
            sys.executable, "-m", "benchmarks.supabase_on_postgres", str(self.port), self._database_url,
        ]  # fmt: skip


class Rig:
    """A context manager that starts the servers; `start` then starts processes of the service.

    `settings` override the service's settings. With a `database_url` the functions of that database are
    called, and the stub stands for Storage alone.
    """

    def __init__(
        self,
        *,
        settings: Mapping[str, str] | None = None,
        database_url: str | None = None,
        broker: type[Mosquitto] = Mosquitto,
    ) -> None:
        self._stack = ExitStack()
        self.directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-")))
        self.broker = broker(self.directory)
        self.redis_server = RedisServer(self.directory)
        self.stub = (
            SupabaseOnPostgres(self.directory, database_url) if database_url else SupabaseStub(self.directory)
        )
        self._settings = dict(settings or {})
        self._processes: dict[str, Process] = {}

    def __enter__(self) -> Self:
        try:
            for part in (self.broker, self.redis_server, self.stub):
                self._stack.callback(part.stop)
                part.start()
            self.redis = self._stack.enter_context(Redis.from_url(self.redis_server.url))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop(*self._processes)
        self._stack.close()

    def environment(self, **settings: Any) -> dict[str, str]:
        """Return the environment for a process of the service on this rig."""
        addresses = {
            "MQTT_HOST": LOOPBACK,
            "MQTT_PORT": self.broker.port,
            "MQTT_TLS": "false",
            # A few devices stand for many.
            "CAPTURES_PER_MINUTE": "1000000",
            "BYTES_PER_MINUTE": "1000000000000",
            "REDIS_URL": self.redis_server.url,
            "CELERY_BROKER_URL": self.redis_server.database_url(1),
            "SUPABASE_URL": f"http://{LOOPBACK}:{self.stub.port}",
            "SUPABASE_SERVICE_ROLE": "sb_secret_benchmark",
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": self.directory,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        }
        overrides = {name.upper(): value for name, value in settings.items()}
        named = {**addresses, **self._settings, **overrides}
        return {**clean_environment(), **{name: str(value) for name, value in named.items()}}

    def start(self, *names: str, **settings: Any) -> None:
        """Start processes of the Procfile and wait until each is ready."""
        lines = procfile_lines()
        for name in names:
            self.launch(name, lines[name], **settings)
        for name in names:
            self.wait_ready(name)

    def launch(self, name: str, line: str, **settings: Any) -> None:
        """Start a command line under a name of the Procfile, and return at once.

        One of several has a number after its name: `listener2`.
        """
        self._processes[name] = Process(
            name,
            ["/bin/sh", "-c", f"exec {line}"],
            log=self.directory / "logs" / f"{name}.log",
            environment=self.environment(**settings),
            cwd=REPOSITORY,
        )
        self._processes[name].launch()

    def wait_ready(self, name: str) -> None:
        """Wait until a process has logged that it is ready; raise StartError after 60 s."""
        process = self._processes[name]
        process.wait_ready(
            lambda: all(line in process.output() for line in _READY[name.rstrip(digits)]), _START_S
        )

    def stop(self, *names: str) -> None:
        """Stop processes of the Procfile."""
        for name in names:
            self._processes[name].terminate()
        for name in names:
            self._processes.pop(name).stop(_STOP_S)

    def groups(self) -> dict[str, int]:
        """Return the process group of every running process: {name: group id}."""
        parts = {
            "mosquitto": self.broker.process,
            "redis": self.redis_server.process,
            "stub": self.stub.process,
        }
        return {
            name: process.pid
            for name, process in {**self._processes, **parts}.items()
            if process is not None and process.pid is not None
        }

    def log(self, name: str) -> str:
        """Return what a process has written since its start."""
        return self._processes[name].output()

    def resident_mb(self, name: str) -> float:
        """Return the resident memory of a process in MB (10⁶ bytes)."""
        return resident_mb(self.groups()[name])

    def cpu_seconds(self) -> dict[str, float]:
        """Return the CPU time in seconds that each process has used so far."""
        return {name: cpu_seconds(group) for name, group in self.groups().items()}
