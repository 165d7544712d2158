"""A helper process that cleans up after this process if this process dies before it can do so itself.

A process cannot clean up after SIGKILL, a crash of the interpreter or a test runner's hard timeout. So it
tells the guard through a pipe which process groups and temporary directories exist. When the pipe closes,
the guard ends the groups and removes the directories that are still on its list. The guard is a plain
script: `python -I guard.py`.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO


class _Guard:
    def __init__(self) -> None:
        self.owner = os.getpid()
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def tell(self, line: str) -> None:
        if self._popen.stdin is None or self._popen.poll() is not None:
            return  # the guard is gone; this process still cleans up by itself on a normal exit
        self._popen.stdin.write(line.encode() + b"\n")
        self._popen.stdin.flush()

    def close(self) -> None:
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        self._popen.wait()


class _Current:
    guard: _Guard | None = None


def _tell(line: str) -> None:
    current = _Current.guard
    if current is None or current.owner != os.getpid():
        current = _Current.guard = _Guard()
        atexit.register(current.close)
    current.tell(line)


def watch_group(group: int) -> None:
    """End this process group if the present process dies."""
    _tell(f"+group {group}")


def release_group(group: int) -> None:
    """Forget a process group that has ended."""
    _tell(f"-group {group}")


def watch_directory(directory: Path) -> None:
    """Remove this directory if the present process dies."""
    _tell(f"+directory {directory}")


def release_directory(directory: Path) -> None:
    """Forget a directory that has been removed or shall stay."""
    _tell(f"-directory {directory}")


def group_alive(group: int) -> bool:
    """Whether a process group has a member that still runs."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return sys.platform != "darwin"  # macOS gives this error for a group of zombies
    # killpg also finds ended orphans until init has reaped them, which some init processes do seconds later.
    return not Path("/proc/self/stat").exists() or _runs_in(group)


def _runs_in(group: int) -> bool:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The process name in parentheses may contain any character; state, parent and group follow it.
            state, _parent, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue  # the process ended meanwhile
        if int(its_group) == group and state not in "ZX":
            return True
    return False


def _end_groups(groups: list[int], number: signal.Signals, seconds: float) -> list[int]:
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)
    deadline = time.monotonic() + seconds
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = [group for group in groups if group_alive(group)]
    return groups


def main(commands: IO[str]) -> None:
    """Keep the list that `commands` describes; at end of input, end its groups and remove its directories."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watched: dict[str, None] = {}
    for line in commands:
        sign, what = line[0], line[1:].rstrip("\n")
        if sign == "+":
            watched[what] = None
        else:
            watched.pop(what, None)
    groups = [int(what.removeprefix("group ")) for what in watched if what.startswith("group ")]
    if groups:
        left = _end_groups(groups, signal.SIGTERM, 5)
        _end_groups(left, signal.SIGKILL, 1)
    for what in watched:
        if what.startswith("directory "):
            shutil.rmtree(what.removeprefix("directory "), ignore_errors=True)


if __name__ == "__main__":
    main(sys.stdin)
