"""When a device wakes: its schedule, the interval between wakes, and the network outages."""

from math import inf
from random import Random

from simulator.clock import Clock
from simulator.options import FleetOptions

DAY = 86_400.0


class Alarm:
    """The alarm clock of one device. `now` and `wake_at` are real seconds since the run began."""

    def __init__(self, options: FleetOptions, clock: Clock, rng: Random) -> None:
        self._options = options
        self._clock = clock
        self.wake_at = rng.uniform(0, options.spread) / options.time_scale
        self._scheduled: float | None = None
        self._interval = options.sleep_seconds / options.time_scale
        self._outage_until = -inf

    def schedule(self, sleep_seconds: float, now: float) -> None:
        """Note the wake that the service has set, in seconds of the device clock from now.

        In push mode the device ignores it: a push run tests images, and waiting for the scheduled wake
        could make the run last until the next day.
        """
        if self._options.conversation:
            self._scheduled = now + sleep_seconds / self._options.time_scale

    def wind_up(self, now: float) -> None:
        """Set the next wake: the scheduled one, or else `now` plus the last sleep interval."""
        if self._scheduled is not None and self._scheduled > now:
            self._interval = self._scheduled - now
        self.wake_at = now + self._interval
        self._scheduled = None

    def is_cut_off(self, now: float, rng: Random) -> bool:
        """Whether a device that wakes now has no network; a random draw decides if an outage begins.

        An outage lasts 0.5 to 1.5 times `offline_hours` on the device clock.
        """
        options, date = self._options, self._clock.at(now)
        if options.days and self.is_past_end(now):
            return False
        if date >= self._outage_until and options.offline and rng.random() < options.offline:
            self._outage_until = date + rng.uniform(0.5, 1.5) * options.offline_hours * 3600
        return date < self._outage_until

    def is_past_end(self, now: float) -> bool:
        """Whether the run's `days` have passed on the device clock."""
        return self._clock.at(now) >= self._clock.epoch + self._options.days * DAY
