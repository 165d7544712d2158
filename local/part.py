"""The base class of the stack's servers: each has a port and a process, and can be started and stopped."""

import os
from collections.abc import Mapping
from pathlib import Path

from local.ports import accepts, check_free, free_port, is_free
from local.process import Process, StartError

REPOSITORY = Path(__file__).resolve().parent.parent
# Settings in the caller's environment that begin like this must not reach the stack's processes.
_SETTINGS = ("MQTT_", "REDIS_", "CELERY_", "SUPABASE_", "CAPTURE_", "RETRANSMIT_", "FLOWER_", "ALERT_")


def clean_environment() -> dict[str, str]:
    """Return this process's environment without the variables that would configure the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


class Part:
    """A server of the stack on a loopback port, with its data under `directory / name`.

    Port and data survive `kill`, `stop` and `restart`. Without `port`, the server gets a free port. The
    timeouts are in seconds.
    """

    name = "part"
    title = "part"
    start_timeout = 30.0
    stop_timeout = 10.0

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory / self.name
        self._fixed = port is not None
        self.port = port if port is not None else free_port()
        self.log = directory / "logs" / f"{self.name}.log"
        self.process: Process | None = None

    def command(self) -> list[str]:
        """The command line of the server."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """The environment of the server."""
        return clean_environment()

    def prepare(self) -> None:
        """Write the files that the server reads when it starts; called before each start."""

    def ready(self) -> bool:
        """Whether the server answers."""
        return accepts(self.port)

    @property
    def running(self) -> bool:
        """Whether the server's process is running."""
        return self.process is not None and self.process.running

    def check_port(self) -> None:
        """Raise PortInUseError if a requested port is taken; replace a taken port that was chosen freely."""
        if self._fixed:
            check_free(self.title, self.port)
        elif not is_free(self.port):
            self.port = free_port()

    def launch(self) -> None:
        """Start the process without waiting for it."""
        self.check_port()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self.process = Process(
            self._title(), self.command(), log=self.log, environment=self.environment(), cwd=self.directory
        )
        self.process.launch()

    def wait_ready(self) -> None:
        """Wait until the launched server answers; raise StartError if it ends or does not become ready.

        If another process has taken a freely chosen port, launch the server again on another port.
        """
        while True:
            assert self.process is not None, "launch() comes first"  # noqa: S101
            try:
                self.process.wait_ready(self.ready, self.start_timeout)
            except StartError:
                taken = not self.process.running and not is_free(self.port)
                self.stop()
                if not taken:
                    raise
                self.launch()
            else:
                self._fixed = True  # clients may use the port from now on, so it must not change
                return

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """End the server with SIGTERM, and with SIGKILL after `stop_timeout` seconds."""
        if self.process is not None:
            self.process.stop(self.stop_timeout)

    def kill(self) -> None:
        """End the server with SIGKILL, as in a crash."""
        if self.process is not None:
            self.process.kill()

    def restart(self) -> None:
        """Stop the server if it runs, and start it again on the same port with its data."""
        self.stop()
        self.start()

    def _title(self) -> str:
        return f"{self.title} on port {self.port}"
