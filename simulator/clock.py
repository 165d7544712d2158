"""The devices' clock, and the forms in which times stand on the wire.

Two times exist in the simulator. `now` is real seconds since the run began; what a device does while it
is awake is measured in it. The device clock tells the date: it starts at `epoch` and runs `scale` times
faster, so that a week of sleeping passes in minutes.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_CLOCK_TIME = re.compile(r"(1[0-2]|[1-9]):([0-5]\d)(AM|PM)")


@dataclass(frozen=True, slots=True)
class Clock:
    """The date as the devices of one fleet see it.

    `epoch` is the Unix time on the devices' clocks when the run began, `real_epoch` the true one.
    """

    epoch: float
    scale: float = 1.0
    real_epoch: float = 0.0

    def at(self, now: float) -> float:
        """Return the Unix time that the device clock shows at `now`."""
        return self.epoch + now * self.scale

    def real(self, now: float) -> float:
        """Return the true Unix time at `now`."""
        return self.real_epoch + now


def iso(unix_time: float) -> str:
    """Write a time as firmware does: `2025-10-06T01:04:27Z`."""
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unpadded_iso(unix_time: float) -> str:
    """Write a time as older firmware does, month, day and hour unpadded: `2025-10-6T1:04:27Z`."""
    t = datetime.fromtimestamp(unix_time, UTC)
    return f"{t.year}-{t.month}-{t.day}T{t.hour}:{t.minute:02d}:{t.second:02d}Z"


def read_iso(text: str) -> float | None:
    """Read an ISO 8601 time, UTC unless it says otherwise, as Unix time; None if it is not one."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_clock_time(text: str, after: float, zone: tzinfo = UTC) -> float | None:
    """Read `5:30PM` as the first such moment after `after` (Unix time) in `zone`; None if it is not one."""
    match = _CLOCK_TIME.fullmatch(text)
    if match is None:
        return None
    hour = int(match[1]) % 12 + (12 if match[3] == "PM" else 0)
    start = datetime.fromtimestamp(after, zone)
    moment = start.replace(hour=hour, minute=int(match[2]), second=0, microsecond=0)
    while moment.timestamp() <= after:
        # On the wall clock, so that a day with a change of summer time has the right length.
        moment += timedelta(days=1)
    return moment.timestamp()
