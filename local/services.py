"""The service's own processes, started by the very lines of the Procfile on an embedded stack."""

import os
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from honcho.environ import parse_procfile

from core.settings import EverySetting
from local.part import REPOSITORY, clean_environment
from local.ports import LOOPBACK, accepts, check_free, free_port
from local.process import Process
from local.stack import Stack

START_SECONDS = 40.0
# Celery finishes the task in hand first, and a task waits for Supabase.
STOP_SECONDS = 20.0

# What a process has written once it is ready to work. Before the listener has subscribed, the broker throws
# away what devices send: it knows of nobody to keep it for.
_READY_LINES = {
    "listener": ("Worker started - processing messages", "Subscribed to topics"),
    "worker": (" ready.",),
    "beat": ("beat: Starting",),
}


def procfile_lines() -> dict[str, str]:
    """The Procfile's processes: name → command line."""
    lines: dict[str, str] = parse_procfile((REPOSITORY / "Procfile").read_text()).processes
    return dict(lines)


class Services:
    """Listener, worker, beat and Flower as separate processes, with a stack's settings; a context manager.

    `only` names those to start, by default all of the Procfile. `settings` are added to the stack's.
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
        # Beat keeps its schedule among the temporary files: two stacks must not share one.
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
            # `python` and `celery` of the Procfile are those of this environment.
            "PATH": os.pathsep.join(path),
            "PYTHONUNBUFFERED": "1",
            # A proxy of the machine's has no way to this loopback.
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
        """The address of Flower's pages."""
        return f"http://{LOOPBACK}:{self.flower_port}"

    def start(self) -> Self:
        """Start the processes side by side and wait until each is ready; stop them all if one is not."""
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
        """Wait until this process is ready to work."""
        self.processes[name].wait_ready(self._readiness(name), START_SECONDS)

    def _readiness(self, name: str) -> Callable[[], bool]:
        process = self.processes[name]
        if name == "flower":
            return lambda: accepts(self.flower_port)
        lines = _READY_LINES.get(name, ())
        return lambda: all(line in process.output() for line in lines)

    def kill(self, name: str) -> None:
        """End one process with everything it has started, as a crash would."""
        self.processes[name].kill()

    def restart(self, name: str) -> None:
        """Start one process again, after stopping it if it runs."""
        self.processes[name].stop(STOP_SECONDS)
        self.processes[name].launch()
        self.wait_ready(name)

    def stop(self) -> None:
        """Stop all processes, side by side."""
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
