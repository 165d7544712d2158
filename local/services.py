"""Runs the service's own processes on an embedded stack, with the command lines of the Procfile."""

import os
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from core.settings import EverySetting
from local.part import REPOSITORY, clean_environment
from local.ports import LOOPBACK, accepts, check_free, free_port
from local.process import Process
from local.stack import Stack
from operate.run import procfile_lines

START_SECONDS = 40.0
# On SIGTERM a Celery worker first finishes its running tasks, and a task may wait for Supabase.
STOP_SECONDS = 20.0

# The log lines that show that a process is ready. The listener must have subscribed: before that the broker
# drops what devices send, because no subscription matches it.
_READY_LINES = {
    "listener": ("Worker started - processing messages", "Subscribed to topics"),
    "worker": (" ready.",),
    "beat": ("beat: Starting",),
}


class Services:
    """Listener, worker, beat and Flower as separate processes with a stack's settings; a context manager.

    `only` names the processes to start, by default all of the Procfile. `settings` override the stack's.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        only: Collection[str] | None = None,
        settings: Mapping[str, str] | None = None,
        flower_port: int | None = None,
    ) -> None:
        self._fixed_port = flower_port is not None
        self.flower_port = flower_port if flower_port is not None else free_port()
        # Beat writes its schedule into the temporary directory, so each stack needs its own.
        self._temporary = stack.directory / "services"
        environment = self._environment({**stack.environment(), **(settings or {})})
        self.processes = {
            name: Process(
                name,
                ["/bin/sh", "-c", line],
                log=stack.logs / f"{name}.log",
                environment=environment,
                cwd=REPOSITORY,
            )
            for name, line in procfile_lines().items()
            if only is None or name in only
        }

    def _environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        inherited = clean_environment()
        for name in EverySetting.model_fields:
            inherited.pop(name.upper(), None)
        path = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        return {
            **inherited,
            **settings,
            # The Procfile's `python` and `celery` must be those of this Python environment.
            "PATH": os.pathsep.join(path),
            "PYTHONUNBUFFERED": "1",
            # A proxy configured on the machine cannot reach this loopback interface.
            "NO_PROXY": ",".join(filter(None, [inherited.get("NO_PROXY"), LOOPBACK])),
            "no_proxy": ",".join(filter(None, [inherited.get("no_proxy"), LOOPBACK])),
            "TMPDIR": str(self._temporary),
            "PORT": str(self.flower_port),
            # Flower listens on all interfaces unless told otherwise.
            "FLOWER_PORT": str(self.flower_port),
            "FLOWER_ADDRESS": LOOPBACK,
        }

    @property
    def flower_url(self) -> str:
        """The URL of Flower's pages."""
        return f"http://{LOOPBACK}:{self.flower_port}"

    def start(self) -> Self:
        """Start all processes in parallel and wait until each is ready.

        Raises PortInUseError if a requested Flower port is taken, and StartError, after stopping all
        processes, if one does not become ready.
        """
        if "flower" in self.processes and self._fixed_port:
            check_free("Flower", self.flower_port)
        self._temporary.mkdir(parents=True, exist_ok=True)
        try:
            for process in self.processes.values():
                process.launch()
            for name in self.processes:
                self.wait_ready(name)
        except BaseException:
            self.stop()
            raise
        return self

    def wait_ready(self, name: str) -> None:
        """Wait until this process is ready to work; raise StartError after START_SECONDS."""
        self.processes[name].wait_ready(self._readiness(name), START_SECONDS)

    def _readiness(self, name: str) -> Callable[[], bool]:
        process = self.processes[name]
        if name == "flower":
            return lambda: accepts(self.flower_port)
        lines = _READY_LINES.get(name, ())
        return lambda: all(line in process.output() for line in lines)

    def kill(self, name: str) -> None:
        """End one process and its child processes with SIGKILL, as in a crash."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Stop one process if it runs, and start it again."""
        self.processes[name].stop(STOP_SECONDS)
        self.processes[name].launch()
        self.wait_ready(name)

    def stop(self) -> None:
        """Stop all processes in parallel."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.stop(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
