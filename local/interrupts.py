"""Ctrl-C and SIGTERM as one exception, raised once and never between a start and its bookkeeping."""

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
    """The process was asked to end; `status` is the exit status that says by which signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.status = 128 + number


def _handle(number: int, _frame: FrameType | None) -> None:
    if _State.raised:
        return  # what was started is being stopped already, which has its own time limits
    if _State.depth:
        _State.pending = number
        return
    _State.raised = True
    raise Interrupted(number)


@contextmanager
def shielded() -> Iterator[None]:
    """Put a signal off until the block is done, so that no process is started and then not known."""
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

    Those that follow are ignored, and go on being ignored: what was interrupted ends in its own time.
    """
    _State.raised = False
    before = {number: signal.signal(number, _handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # A handler in Python would be taken away while the interpreter ends; SIG_IGN stays to the last.
            signal.signal(number, signal.SIG_IGN if _State.raised else handler)
