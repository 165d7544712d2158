"""Rows that are written together: those that come while a call is under way go with the next one.

So none waits for anything but the call before it: with little to do each row goes at once and alone, and the
more there is to do, the more go together.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from core.errors import FleetError, Transient

Row = dict[str, Any]
Outcome = Row | FleetError

# One for each thread of the largest worker, since a second call waits for the first. So many are in one
# transaction at most, which holds their devices.
AT_ONCE: Final = 64


class _Waiting:
    def __init__(self, row: Row) -> None:
        self.row = row
        self.wake = threading.Event()
        self.leads = False
        self.outcome: Outcome | None = None


class Together:
    """Makes one call at a time, `one` for a row or `many` for several; safe to share between threads.

    `many` returns the outcome of each row, in order: its answer, or its error.
    """

    def __init__(self, one: Callable[[Row], Row], many: Callable[[list[Row]], list[Outcome]]) -> None:
        self._one = one
        self._many = many
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._calling = False

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
        if not mine.leads:
            mine.wake.wait()
        if mine.leads:
            try:
                self._call_for_all(mine)
            finally:
                self._hand_over()
        if mine.outcome is None:
            return self._one(row)
        if isinstance(mine.outcome, FleetError):
            raise mine.outcome
        return mine.outcome

    def _call_for_all(self, mine: _Waiting) -> None:
        with self._lock:
            others, self._waiting = self._waiting[: AT_ONCE - 1], self._waiting[AT_ONCE - 1 :]
        if not others:
            mine.outcome = self._one(mine.row)
            return
        all_of_them = [mine, *others]
        try:
            outcomes = self._many([each.row for each in all_of_them])
            for each, outcome in zip(all_of_them, outcomes, strict=True):
                each.outcome = outcome
        except Transient as error:
            for each in all_of_them:
                each.outcome = type(error)(str(error))
        except FleetError:
            pass  # each alone
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
