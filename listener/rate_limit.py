"""Limits per minute for each device, so that a broken device cannot fill the database."""

from typing import Final

MINUTE_MS: Final = 60_000
# So many devices have a count of their own; all others share one.
MAX_DEVICES: Final = 100_000
# A device that was not heard for so long makes room for another one.
FORGOTTEN_AFTER: Final = 24 * 60  # minutes


class RateLimit:
    """Allows `per_minute` events for each device, and `in_all` for all devices together.

    A device keeps a count of its own while it is heard each day, however many names somebody makes up.
    """

    def __init__(self, per_minute: int, in_all: int | None = None) -> None:
        self._per_minute = per_minute
        self._in_all = in_all
        self._allowed = 0
        self._minute = 0
        self._counts: dict[str, int] = {}
        self._heard: dict[str, int] = {}  # device → the minute in which it was heard last

    def allows(self, device_id: str, now: int) -> bool:
        """Count one event at `now` (ms) and say whether it is within the limits."""
        if now // MINUTE_MS != self._minute:
            self._begin(now // MINUTE_MS)
        count = self._counts.get(device_id)
        if count is None and not self._knows(device_id):
            device_id = ""
            count = self._counts.get("")
        count = self._counts[device_id] = (count or 0) + 1
        if count > self._per_minute or self._allowed == self._in_all:
            return False
        self._allowed += 1
        return True

    def _begin(self, minute: int) -> None:
        for device_id in self._counts:
            if device_id:
                self._heard[device_id] = self._minute
        if len(self._heard) > MAX_DEVICES // 2:
            self._heard = {
                device_id: heard
                for device_id, heard in self._heard.items()
                if minute - heard < FORGOTTEN_AFTER
            }
        self._minute = minute
        self._counts.clear()
        self._allowed = 0

    def _knows(self, device_id: str) -> bool:
        """Whether a device has a count of its own from now on."""
        if device_id not in self._heard:
            if len(self._heard) >= MAX_DEVICES:
                return False
            self._heard[device_id] = self._minute
        return True
