"""Starts the stack and the service's processes together, and watches them while they run."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from local.part import REPOSITORY
from local.ports import StackError
from local.process import Process
from local.services import Services
from local.stack import Stack

OUTPUT = REPOSITORY / ".local"
# How long a device must be silent before missing chunks are requested. The production default of 3 s would
# only make the demo slower.
SETTINGS = {"RETRANSMIT_DELAY_MS": "1000"}


@dataclass(frozen=True)
class Running:
    """A started stack and the service's processes that use it."""

    stack: Stack
    services: Services

    def ended(self) -> list[Process]:
        """Return the processes that have ended by themselves."""
        servers = [part.process for part in self.stack.parts if part.process]
        return [process for process in [*servers, *self.services.processes.values()] if not process.running]

    @contextmanager
    def watched(self, on_end: Callable[[], None]) -> Iterator[None]:
        """Call `on_end` from another thread as soon as a process ends during the block.

        Raises StackError at the end of the block if a process has ended.
        """
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.3):
                if self.ended():
                    on_end()
                    return

        watcher = threading.Thread(target=watch, name="watch", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()
        if ended := self.ended():
            raise StackError(
                "\n".join(f"{process.name} has ended by itself{process.excerpt()}" for process in ended)
            )


@contextmanager
def started(console: Console, stack: Stack, *, flower_port: int | None = None) -> Iterator[Running]:
    """Run the stack and the service's processes during a block; keep their logs if the block fails."""
    begun = time.monotonic()
    try:
        with stack, _logs_kept(console, stack):
            names = f"Redis, {stack.broker.title} and Supabase Lite"
            console.print(f"{names} run after {time.monotonic() - begun:.1f} s", highlight=False)
            with Services(stack, settings=SETTINGS, flower_port=flower_port) as services:
                names = ", ".join(services.processes)
                console.print(f"{names} run after {time.monotonic() - begun:.1f} s", highlight=False)
                yield Running(stack, services)
    finally:
        console.print("everything is stopped")


@contextmanager
def _logs_kept(console: Console, stack: Stack) -> Iterator[None]:
    try:
        yield
    except Exception:
        keep_logs(console, stack)
        raise


def keep_logs(console: Console, stack: Stack) -> Path:
    """Copy the logs out of the stack's temporary directory; print and return the folder that holds them."""
    kept = OUTPUT / "logs"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(stack.logs, kept)
    console.print(f"the logs are in {kept}", soft_wrap=True, highlight=False)
    return kept
