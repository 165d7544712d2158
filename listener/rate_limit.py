"""Limits per minute for each device, so that a broken device cannot fill the database."""

from typing import Final

MINUTE_MS: Final = 60_000
# This many devices have a count of their own; all others share one.
MAX_DEVICES: Final = 100_000


class RateLimit:
    """Allows `per_minute` events for each device, and `in_all` for all devices together."""

    def __init__(self, per_minute: int, in_all: int | None = None) -> None:
        self._per_minute = per_minute
        self._in_all = in_all
        self._allowed = 0
        self._minute = 0
        self._counts: dict[str, int] = {}

    def allows(self, device_id: str, now: int) -> bool:
        """Count one event at `now` (ms) and say whether it is within the limits."""
        if now // MINUTE_MS != self._minute:
            self._minute = now // MINUTE_MS
            self._counts.clear()
            self._allowed = 0
        key = device_id if device_id in self._counts or len(self._counts) < MAX_DEVICES else ""
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] > self._per_minute or self._allowed == self._in_all:
            return False
        self._allowed += 1
        return True
