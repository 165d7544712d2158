"""The device clock, and the text forms of times in messages.

The simulator uses two times. `now` is real seconds since the run began; it times everything that a device
does while it is awake. The device clock gives the date: it starts at `epoch` and runs `scale` times faster
than real time, so that a device sleeps through a week in minutes.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

_CLOCK_TIME = re.compile(r"(1[0-2]|[1-9]):([0-5]\d)(AM|PM)")


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock that all devices of a fleet share.

    `epoch` is the Unix time that this clock showed when the run began, `real_epoch` the true Unix time
    at that moment. `scale` is device seconds per real second.
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
    """Write a Unix time as firmware does: `2025-10-06T01:04:27Z`."""
    return datetime.fromtimestamp(unix_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unpadded_iso(unix_time: float) -> str:
    """Write a Unix time as older firmware does, with month, day and hour unpadded: `2025-10-6T1:04:27Z`."""
    t = datetime.fromtimestamp(unix_time, UTC)
    return f"{t.year}-{t.month}-{t.day}T{t.hour}:{t.minute:02d}:{t.second:02d}Z"


def read_iso(text: str) -> float | None:
    """Read an ISO 8601 time and return Unix time, or None if the text is not such a time.

    A time without an offset is UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_clock_time(text: str, after: float, zone: tzinfo = UTC) -> float | None:
    """Read a 12-hour time like `5:30PM` and return the first such moment after `after` in `zone`.

    Both times are Unix time. Return None if the text has another form.
    """
    match = _CLOCK_TIME.fullmatch(text)
    if match is None:
        return None
    hour = int(match[1]) % 12 + (12 if match[3] == "PM" else 0)
    start = datetime.fromtimestamp(after, zone)
    moment = start.replace(hour=hour, minute=int(match[2]), second=0, microsecond=0)
    while moment.timestamp() <= after:
        # Adding a day to the local time also works on days of 23 or 25 hours, when summer time changes.
        moment += timedelta(days=1)
    return moment.timestamp()
