"""The history as `up` has it written: in a process of its own, while the console is built."""

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console

from local.part import REPOSITORY, clean_environment
from local.process import Process
from local.stack import Stack

# The first time all three weeks are played.
_MOST_SECONDS: Final = 600.0


class Writing:
    """Writes the history of a stack that has not started; a context manager that ends what still runs."""

    def __init__(self, stack: Stack, admin: str) -> None:
        self._begun = time.monotonic()
        self._answer = stack.directory / "history-token"
        self._process = Process(
            "history",
            [sys.executable, "-m", "local.history", str(stack.directory), admin, str(self._answer)],
            log=stack.logs / "history.log",
            environment=clean_environment(),
            cwd=REPOSITORY,
        )

    def token(self, console: Console) -> str:
        """Wait until it is written; return the token with which the admin joins the company.

        Raises StartError if it cannot be written.
        """
        if self._process.running:
            console.print("three weeks of a simulated fleet are written; they are kept for the next time")
        self._process.wait_ready(self._answer.exists, _MOST_SECONDS)
        console.print(
            f"three weeks of a simulated fleet are there after {time.monotonic() - self._begun:.1f} s",
            highlight=False,
        )
        return self._answer.read_text()

    def __enter__(self) -> Self:
        self._process.launch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
