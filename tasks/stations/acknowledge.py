"""The station that makes the ACK, which tells the device that its image is safe and when to wake next."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import wire
from core.store.devices import Wake

DAY: Final = timedelta(days=1)


def ack(device_id: str, image_name: str, wake: Wake, now: datetime, default_minutes: int) -> bytes:
    """Return the ACK that is sent `now`, as JSON; without a next wake if there is no schedule."""
    time = None
    if wake.at:
        time = clock_time(yet_to_come(wake, now, default_minutes), wake.timezone, now)
    return wire.ack(device_id, image_name, time)


def yet_to_come(wake: Wake, now: datetime, default_minutes: int) -> datetime:
    """Return the time of the wake, or `default_minutes` from now if it is unknown or has passed.

    A device told a clock time that has passed would sleep until that time of the next day.
    """
    return wake.at if wake.at and wake.at > now else now + timedelta(minutes=default_minutes)


def next_wake(time: datetime, timezone: str, now: datetime, form: str) -> dict[str, str]:
    """Return the command `next_wake` in the form that the firmware reads: `iso` (UTC) or `clock` (local)."""
    if form == "clock":
        return {"next_wake": clock_time(time, timezone, now)}
    return {"next_wake": f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}


def clock_time(time: datetime, timezone: str, now: datetime) -> str:
    """Return a time on the 12-hour clock in the device's time zone, UTC if that is unknown: `5:30PM`.

    It is rounded up to the minute, so that the device does not wake early. If that minute is more than a day
    away, it is one minute less: the device wakes at the next occurrence, which would be a day early.
    """
    minute = (time + timedelta(minutes=1, microseconds=-1)).replace(second=0, microsecond=0)
    if minute - DAY > now:
        minute -= timedelta(minutes=1)
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    local = minute.astimezone(zone)
    return f"{local.hour % 12 or 12}:{local:%M%p}"
