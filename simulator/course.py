"""What changes over a run: from the first wake that the options plan to the last."""

from dataclasses import dataclass

from simulator.alarm import DAY
from simulator.clock import Clock
from simulator.options import FleetOptions


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one device's run.

    `share` says how far it has come; the others take that, and give a value on the straight line between
    the two ends that the options name.
    """

    options: FleetOptions
    clock: Clock

    def share(self, now: float, pictures: int) -> float:
        """Return how far the run has come, from 0 to 1.

        With `days` it is measured by the device clock, otherwise by the pictures taken so far: a device is to
        take one in each wake.
        """
        options = self.options
        if options.days:
            return min(1.0, (self.clock.at(now) - self.clock.epoch) / (options.days * DAY))
        return min(1.0, pictures / max(1, options.images - 1))

    def battery_left(self, share: float) -> float | None:
        """Return the charge of the battery, from 0 to 1; None if only the time awake decides on it."""
        percent = _between(self.options.battery_from, self.options.battery_to, share)
        return None if percent is None else percent / 100

    def rssi(self, share: float) -> int | None:
        """Return the strength of the signal in dBm; None if it is drawn for each wake."""
        level = _between(self.options.rssi_from, self.options.rssi_to, share)
        return None if level is None else round(level)

    def loss(self, share: float) -> float:
        """Return the share of chunks that the line loses."""
        loss = _between(self.options.loss, self.options.loss_to, share)
        return 0.0 if loss is None else loss


def _between(start: float | None, end: float | None, share: float) -> float | None:
    if start is None or end is None:
        return start
    return start + (end - start) * share
