"""The errors of messages, as rows of `device_errors`: a bounded number a minute for each device.

What is beyond a budget costs no row for each message: one row tells of it, for that minute or that day.
"""

import logging
from typing import Final

from core.errors import ErrorCode, WireError
from core.rate_limit import RateLimit, Refusal
from core.store.streams import Entry, error_entry
from operate import metrics

log = logging.getLogger("listener")

# The errors of all devices together are bounded at this many times the bound of one.
IN_ALL: Final = 100


class ErrorLog:
    """Collects rows until a batch takes them; each is a log line and counted in the metrics too."""

    def __init__(self, per_minute: int) -> None:
        self._limit = RateLimit(per_minute, IN_ALL * per_minute)
        self._rows: list[Entry] = []

    def add(self, device_id: str, error: WireError, now: int) -> None:
        """Add what is wrong with a message or a capture of a device."""
        metrics.ERRORS.labels(int(error.code)).inc()
        if refusal := self._limit.refuses(device_id, now):
            self.add_beyond(device_id, "errors", refusal, now)
        else:
            self._write(device_id, error, now)

    def add_beyond(self, device_id: str, budget: str, refusal: Refusal, now: int) -> None:
        """Note that something is beyond a budget, and tell it if nobody was told yet."""
        metrics.BEYOND_BUDGET.labels(budget).inc()
        if refusal.first:
            error = WireError(ErrorCode.LIMIT_EXCEEDED, f"too many {budget} a {refusal.period}")
            self._write(device_id, error, now)

    def take(self) -> list[Entry]:
        """Return the rows, and begin anew."""
        rows, self._rows = self._rows, []
        return rows

    def _write(self, device_id: str, error: WireError, now: int) -> None:
        context = {"device": device_id}
        if "image" in error.details:
            context["capture"] = error.details["image"]
        log.warning("%d %s", error.code, error.message, extra=context)
        self._rows.append(error_entry(device_id, error.code, error.message, error.details, now))
