"""Rows that are written together: the more there is to do, the more go in one call.

Those that come while a call is under way go with the next one. That one also waits a moment for rows that are
known to come, until it has a third of them. With little to do each row goes at once and alone.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from core.errors import Transient

Row = dict[str, Any]

# One for each thread of the largest worker, since a second call waits for the first. So many are in one
# transaction at most, which holds their devices.
AT_ONCE: Final = 64
# A call waits for one in so many of the rows that are to come; not for all, since some take long until then.
ONE_IN: Final = 3
# In s, so that a few that hang hold up no other for longer. A call of a hosted project takes as long.
PATIENCE_S: Final = 0.05


class _Waiting:
    def __init__(self, row: Row) -> None:
        self.row = row
        self.wake = threading.Event()
        self.leads = False
        self.answer: Row | None = None
        self.error: Transient | None = None


class Together:
    """Makes one call of `many` at a time, for one row or several; safe to share between threads.

    `many` returns the answer to each row, in order, and None for one that it has not carried out: that row
    is for `one`, which says why, in the thread that it came from and while the next call is made.
    """

    def __init__(self, one: Callable[[Row], Row], many: Callable[[list[Row]], list[Row | None]]) -> None:
        self._one = one
        self._many = many
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._calling = False
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
            mine.leads, self._calling = not self._calling, True
            if not mine.leads:
                self._waiting.append(mine)
                if self._are_enough():
                    self._enough.notify()
        if not mine.leads:
            mine.wake.wait()
        if mine.leads:
            try:
                self._call_for_all(mine)
            finally:
                self._hand_over()
        if mine.error is not None:
            raise mine.error
        return self._one(row) if mine.answer is None else mine.answer

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

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                following = self._waiting.pop(0)
                following.leads = True
                following.wake.set()
            else:
                self._calling = False
