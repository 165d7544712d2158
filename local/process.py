"""One server as a subprocess, with its own session and log file; stopping it ends all its child processes."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local import guard
from local.interrupts import shielded
from local.ports import StackError

POLL_SECONDS = 0.02


class StartError(StackError):
    """A server ended or timed out before it was ready; the message contains the end of its log."""


class Process:
    """A command in its own session, so that it can be ended together with its child processes.

    Error messages use `name`. The file `log` receives stdout and stderr; a restart appends to it.
    `environment` is the complete environment of the process.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str], cwd: Path
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environment = dict(environment)
        self._cwd = cwd
        self._popen: subprocess.Popen[bytes] | None = None
        self._log_offset = 0
        # A second SIGTERM would cut Celery's warm shutdown short.
        self._asked_to_end = False

    @property
    def pid(self) -> int | None:
        """The process id, which is also the id of its group; None before `launch` and after `stop`."""
        return self._popen.pid if self._popen else None

    @property
    def running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def launch(self) -> None:
        """Start the process and return at once; raise StackError if it is running already."""
        if self.running:
            raise StackError(f"{self.name} is running already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output, shielded():
            self._log_offset = output.tell()
            self._asked_to_end = False
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env=self.environment,
                start_new_session=True,
            )
            guard.watch_group(self._popen.pid)

    def wait_ready(self, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until `ready` returns True.

        Raises StartError if the process ends before that, or after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not ready():
            status = self._popen.poll() if self._popen else None
            if self._popen is None or status is not None:
                raise StartError(f"{self.name} ended with status {status} while starting{self.excerpt()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready after {timeout:g} s{self.excerpt()}")
            time.sleep(POLL_SECONDS)

    def output(self) -> str:
        """Return what the process has written since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(self._log_offset)
            return file.read().decode(errors="replace")

    def tail(self, lines: int = 15) -> str:
        """Return the last lines that the process has written since its last start."""
        return "\n".join(self.output().splitlines()[-lines:])

    def excerpt(self) -> str:
        """Return the end of the log as the last part of an error message."""
        tail = self.tail()
        return f"; the end of {self.log}:\n{tail}" if tail else f"; {self.log} is empty"

    def terminate(self) -> None:
        """Ask the whole group to end, and return at once; `stop` then waits for it."""
        if self.running and not self._asked_to_end:
            self._asked_to_end = True
            self._signal(signal.SIGTERM)

    def stop(self, timeout: float = 10) -> None:
        """End the whole group with SIGTERM; after `timeout` seconds end the rest with SIGKILL."""
        if self._popen is None:
            return
        self.terminate()
        if not self._wait_gone(timeout):
            self.kill()
            return
        self._forget()

    def kill(self) -> None:
        """End the whole group with SIGKILL, as in a crash."""
        if self._popen is None:
            return
        self._signal(signal.SIGKILL)
        self._popen.wait()
        # The leader has ended. Its children got the same signal, but only polling shows when they have ended.
        self._wait_gone(2)
        self._forget()

    def _signal(self, number: signal.Signals) -> None:
        assert self._popen is not None  # noqa: S101 - for the type checker
        try:
            os.killpg(self._popen.pid, number)
        except (ProcessLookupError, PermissionError):
            # The group has no live process left; macOS reports EPERM for a group of zombies.
            return

    def _wait_gone(self, timeout: float) -> bool:
        assert self._popen is not None  # noqa: S101 - for the type checker
        deadline = time.monotonic() + timeout
        while True:
            if self._popen.poll() is not None and not guard.group_alive(self._popen.pid):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)

    def _forget(self) -> None:
        if self._popen is not None:
            guard.release_group(self._popen.pid)
            self._popen = None
