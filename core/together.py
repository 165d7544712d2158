"""Rows that are written together: the more there is to do, the more go in one call.

Those that come while a call is under way go with the next one. That one also waits a moment for rows that are
known to come, until it has half of them. With little to do each row goes at once and alone. Behind a call
that hangs they wait for a second, and not for its timeout.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from core.errors import Transient

Row = dict[str, Any]

# One for each thread of the largest worker, since a second call waits for the first. So many are in one
# transaction at most, which holds their devices.
AT_ONCE: Final = 64
# A call waits for one in so many of the rows that are to come; not for all, since some take long until then.
ONE_IN: Final = 2
# In s, so that a few that hang hold up no other for longer. A call of a hosted project takes as long.
PATIENCE_S: Final = 0.05
# A call that takes longer, in s, is left to itself, and the next one is made beside it.
SLOW_S: Final = 1.0


class _Waiting:
    def __init__(self, row: Row) -> None:
        self.row = row
        self.wake = threading.Event()
        self.leads = False
        self.answer: Row | None = None
        self.error: Transient | None = None


class Together:
    """Makes one call of `many` at a time that is not slow, for one row or several; for any number of threads.

    `many` returns the answer to each row, in order, and None for one that it has not carried out: that row
    is for `one`, which says why, in the thread that it came from and while the next call is made.
    """

    def __init__(self, one: Callable[[Row], Row], many: Callable[[list[Row]], list[Row | None]]) -> None:
        self._one = one
        self._many = many
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._leader: _Waiting | None = None
        self._since = 0.0
        self._to_come = 0
        self._enough = threading.Condition(self._lock)

    @contextmanager
    def to_come(self) -> Iterator[None]:
        """Within this a row is to come: others may wait for it a moment, so that they go together."""
        with self._lock:
            self._to_come += 1
        try:
            yield
        finally:
            with self._lock:
                self._to_come -= 1

    def call(self, row: Row) -> Row:
        """Return the answer to a row, or raise its error.

        Where a call for several rows is Transient, it is so for all of them. If it fails in another way, each
        row is tried alone.
        """
        mine = _Waiting(row)
        with self._lock:
            if self._leader is None:
                self._lead(mine)
            else:
                self._waiting.append(mine)
                if self._are_enough():
                    self._enough.notify()
        while not mine.leads and not mine.wake.wait(SLOW_S):
            with self._lock:
                if mine in self._waiting and time.monotonic() - self._since >= SLOW_S:
                    self._waiting.remove(mine)
                    self._lead(mine)
        if mine.leads:
            try:
                self._call_for_all(mine)
            finally:
                self._hand_over(mine)
        if mine.error is not None:
            raise mine.error
        return self._one(row) if mine.answer is None else mine.answer

    def _lead(self, one: _Waiting) -> None:
        self._leader, self._since, one.leads = one, time.monotonic(), True

    def _are_enough(self) -> bool:
        return len(self._waiting) + 1 >= self._to_come // ONE_IN

    def _call_for_all(self, mine: _Waiting) -> None:
        with self._enough:
            self._enough.wait_for(self._are_enough, PATIENCE_S)
            others, self._waiting = self._waiting[: AT_ONCE - 1], self._waiting[AT_ONCE - 1 :]
        all_of_them = [mine, *others]
        try:
            answers = self._many([each.row for each in all_of_them])
            for each, answer in zip(all_of_them, answers, strict=True):
                each.answer = answer
        except Transient as error:
            for each in all_of_them:
                each.error = type(error)(str(error))
        except Exception:  # noqa: S110 - each alone: a row of which nothing can be written fails itself
            pass
        finally:
            for each in others:
                each.wake.set()

    def _hand_over(self, mine: _Waiting) -> None:
        with self._lock:
            if self._leader is not mine:
                return  # it was slow
            self._leader = None
            if self._waiting:
                following = self._waiting.pop(0)
                self._lead(following)
                following.wake.set()
