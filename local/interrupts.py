"""Turns Ctrl-C, SIGTERM and SIGHUP into one exception.

It is raised at most once, and never between the start of a process and the record of that start.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _State:
    depth = 0
    pending: int | None = None
    raised = False


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end; `status` is the exit status for it, 128 + the signal number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.status = 128 + number


def _handle(number: int, _frame: FrameType | None) -> None:
    if _State.raised:
        return  # the first signal already stops everything, and each stop has its own time limit
    if _State.depth:
        _State.pending = number
        return
    _State.raised = True
    raise Interrupted(number)


@contextmanager
def shielded() -> Iterator[None]:
    """Delay a signal until the block ends, so that no process is started without being recorded."""
    _State.depth += 1
    try:
        yield
    finally:
        _State.depth -= 1
        number, _State.pending = _State.pending, None
        if number is not None:
            _handle(number, None)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Interrupted in this block at the first SIGINT, SIGTERM or SIGHUP.

    Later signals are ignored, also after the block, so that the interrupted work can stop in an orderly way.
    """
    _State.raised = False
    before = {number: signal.signal(number, _handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # The interpreter removes Python handlers while it shuts down; SIG_IGN stays in force to the end.
            signal.signal(number, signal.SIG_IGN if _State.raised else handler)
