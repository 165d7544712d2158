"""Runs a command that takes a while, and tells on one line of the terminal how far it is.

Of the standard library alone, and of an older Python's language: it runs before anything is installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.ports import StackError

_BAR = 30
_AGAIN_S = 0.1


def run(
    words: str,
    command: Sequence[str],
    *,
    total: int,
    done: Callable[[str], int],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command, with a bar for `done` of `total`, or with the words alone where there is no terminal.

    `done` gets what the command has written. Raises StackError with what it wrote if it
    fails.
    """
    live = sys.stderr.isatty()
    begun = time.monotonic()
    if not live:
        print(words, file=sys.stderr)
    with tempfile.TemporaryDirectory() as kept:
        said = Path(kept) / "said"
        with said.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        try:
            while True:
                if live:
                    full = _BAR * min(done(said.read_text(errors="replace")), total) // max(1, total)
                    print(f"\r{words} [{'#' * full:{_BAR}}]", end="", file=sys.stderr, flush=True)
                try:
                    status = process.wait(_AGAIN_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            process.kill()
            process.wait()
            if live:
                print(f"\r\x1b[K{words}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
        if status != 0:
            wrote = said.read_text(errors="replace")
            raise StackError(f"`{' '.join(command)}` failed with status {status}:\n{wrote}")
