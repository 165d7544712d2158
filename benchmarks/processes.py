"""The processes of a benchmark: their CPU time and memory from /proc, and their reports in JSON."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from local.part import REPOSITORY


def _processes(group: int) -> list[Path]:
    """Return the /proc folders of the processes in a process group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                found.append(folder)
        except (OSError, ValueError):
            continue  # the process has ended meanwhile
    return found


def cpu_seconds(group: int) -> float:
    """Return the CPU time in seconds that the live threads of a process group have used."""
    return sum(process_seconds(int(folder.name)) for folder in _processes(group))


def process_seconds(pid: int) -> float:
    """Return the CPU time in seconds that the live threads of a process have used.

    Linux counts it in nanoseconds in /proc/PID/task/TID/schedstat. Threads that have ended are not included.
    """
    total = 0
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, ValueError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_mb(group: int) -> float:
    """Return the resident memory of a process group in MB (10⁶ bytes), from /proc/PID/statm."""
    pages = sum(int((folder / "statm").read_text().split()[1]) for folder in _processes(group))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Measured(NamedTuple):
    """The report of a Reporter, and the CPU seconds of other processes between its `begin` and `end`."""

    report: dict[str, Any]
    cpu_s: dict[str, float]


class Reporter:
    """A module of this package that runs as a process and prints `begin`, `end` and one line of JSON."""

    def __init__(self, module: str, *arguments: object, environment: dict[str, str] | None = None) -> None:
        self._module = module
        self._popen = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )

    @property
    def group(self) -> int:
        """The id of the process group, which is also the id of the process."""
        return self._popen.pid

    def wait_ready(self) -> None:
        """Wait until the process prints `ready`; raise RuntimeError if it prints something else or ends."""
        assert self._popen.stdout is not None  # noqa: S101 - for the type checker
        if self._popen.stdout.readline() != "ready\n":
            raise RuntimeError(f"benchmarks.{self._module} did not start")

    def measure(self, groups: dict[str, int] | None = None) -> Measured:
        """Wait for the report and return it with the CPU seconds of `groups` from `begin` to `end`.

        `groups` maps names to process groups. Raises RuntimeError if the process ends without a report.
        """
        assert self._popen.stdout is not None  # noqa: S101 - for the type checker
        before: dict[str, float] = {}
        used: dict[str, float] = {}
        report = None
        for line in self._popen.stdout:
            if line == "begin\n":
                before = {name: cpu_seconds(group) for name, group in (groups or {}).items()}
            elif line == "end\n":
                used = {name: cpu_seconds(group) - before[name] for name, group in (groups or {}).items()}
            elif line.startswith("{"):
                report = json.loads(line)
                break
        if report is None:
            raise RuntimeError(f"benchmarks.{self._module} ended without a report")
        return Measured(report, used)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._popen.terminate()
        self._popen.wait(10)
        if self._popen.stdout:
            self._popen.stdout.close()
