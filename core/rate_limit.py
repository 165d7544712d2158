"""Budgets for each device, so that none can fill the database, Redis or Storage.

A budget is for a minute, and so high that no camera comes near it. A whole day's is that of DAY_AS_MINUTES
such minutes: a device may work off what it has kept for weeks, and one that floods without end is stopped.
"""

from typing import Final, Literal, NamedTuple

MINUTE_MS: Final = 60_000
MINUTES_A_DAY: Final = 24 * 60
DAY_AS_MINUTES: Final = 60
# So many devices have a budget of their own. The others share as many: each with few, and nobody outside this
# process knows with which.
MAX_DEVICES: Final = 100_000
# A device that was not heard for so long makes room for another one.
FORGOTTEN_AFTER: Final = MINUTES_A_DAY


class Refusal(NamedTuple):
    """What is beyond a budget; `first` says that nobody was told of it in this minute or day (UTC)."""

    period: Literal["minute", "day"]
    first: bool


class RateLimit:
    """Allows `per_minute` of something for each device, and `in_all` events for all devices together.

    A device keeps a budget of its own while it is heard each day, however many names somebody makes up.
    """

    def __init__(self, per_minute: int, in_all: int | None = None) -> None:
        self._per_minute = per_minute
        self._in_all = in_all
        self._allowed = 0
        self._minute = 0
        # By the device's name, or by the number of the budget that it shares.
        self._counts: dict[str | int, int] = {}
        self._earlier_today: dict[str | int, int] = {}
        self._done_for_today: set[str | int] = set()
        self._told: set[str | int] = set()
        self._heard: dict[str, int] = {}  # device → the minute in which it was heard last

    def allows(self, device_id: str, now: int, amount: int = 1) -> bool:
        """Count `amount` at `now` (ms) and say whether all of it is within the budget."""
        return self.refuses(device_id, now, amount) is None

    def refuses(self, device_id: str, now: int, amount: int = 1) -> Refusal | None:
        """Count `amount` at `now` (ms); return None if all of it is within the budget."""
        if now // MINUTE_MS != self._minute:
            self._begin(now // MINUTE_MS)
        name = self._name(device_id)
        count = self._counts[name] = self._counts.get(name, 0) + amount
        period: Literal["minute", "day"]
        if name in self._done_for_today:
            period = "day"
        elif count > self._per_minute:
            period = "minute"
        elif self._allowed == self._in_all:
            return Refusal("minute", first=False)
        else:
            self._allowed += 1
            return None
        first = name not in self._told
        self._told.add(name)
        return Refusal(period, first)

    def refused(self, device_id: str, now: int) -> Refusal | None:
        """Return a refusal if the device has had one in this minute or day, and count nothing."""
        if not self._told:
            return None
        if now // MINUTE_MS != self._minute:
            self._begin(now // MINUTE_MS)
        return Refusal("minute", first=False) if self._name(device_id) in self._told else None

    def _begin(self, minute: int) -> None:
        for name in self._counts:
            if isinstance(name, str):
                self._heard[name] = self._minute
        if len(self._heard) > MAX_DEVICES // 2:
            self._heard = {
                device_id: heard
                for device_id, heard in self._heard.items()
                if minute - heard < FORGOTTEN_AFTER
            }
        if minute // MINUTES_A_DAY == self._minute // MINUTES_A_DAY:
            # Who is told that the minute is used up may still be told that the day is.
            self._told &= self._done_for_today
            self._add_to_today()
        else:
            for of_the_day in (self._earlier_today, self._done_for_today, self._told):
                of_the_day.clear()
        self._minute = minute
        self._counts.clear()
        self._allowed = 0

    def _add_to_today(self) -> None:
        for name, count in self._counts.items():
            spent = self._earlier_today.get(name, 0) + min(count, self._per_minute)
            self._earlier_today[name] = spent
            if spent >= DAY_AS_MINUTES * self._per_minute:
                self._done_for_today.add(name)

    def _name(self, device_id: str) -> str | int:
        """Return whose budget counts: the device's own, or a shared one where too many names are known."""
        if device_id in self._heard or device_id in self._counts:
            return device_id
        if len(self._heard) >= MAX_DEVICES:
            return hash(device_id) % MAX_DEVICES
        self._heard[device_id] = self._minute
        return device_id
