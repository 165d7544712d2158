"""What the servers of the stack have in common: a port, a process, being started and killed and restarted."""

import os
from collections.abc import Mapping
from pathlib import Path

from local.ports import accepts, check_free, free_port, is_free
from local.process import Process, StartError

REPOSITORY = Path(__file__).resolve().parent.parent
# A service or server of the stack takes nothing from the settings of the caller's own environment.
_SETTINGS = ("MQTT_", "REDIS_", "CELERY_", "SUPABASE_", "CAPTURE_", "RETRANSMIT_", "FLOWER_")


def clean_environment() -> dict[str, str]:
    """The environment of this process without what would configure the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


class Part:
    """A server of the stack on a loopback port, with its data under `directory / name`.

    Port and data stay the same over `kill`, `stop` and `restart`. Without `port` a free one is chosen.
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
        """Write what the server reads at its start; called before each start."""

    def ready(self) -> bool:
        """Whether the server answers."""
        return accepts(self.port)

    @property
    def running(self) -> bool:
        """Whether the server's process lives."""
        return self.process is not None and self.process.running

    def check_port(self) -> None:
        """Raise PortInUseError if the port is taken and was asked for; choose another if it was not."""
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
        """Wait until the launched server answers; replace a chosen port that another process has taken."""
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
                self._fixed = True  # clients know it now
                return

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """End the server in its own way, and by force when that takes too long."""
        if self.process is not None:
            self.process.stop(self.stop_timeout)

    def kill(self) -> None:
        """End the server as a crash would."""
        if self.process is not None:
            self.process.kill()

    def restart(self) -> None:
        """Start the server again on the same port with the data it has kept, after stopping it if it runs."""
        self.stop()
        self.start()

    def _title(self) -> str:
        return f"{self.title} on port {self.port}"
