"""The station that tells the device that its image is safe, and when to wake next."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import wire
from core.store.devices import Wake

DAY: Final = timedelta(days=1)


def ack(device_id: str, image_name: str, wake: Wake, now: datetime) -> bytes:
    """Make the ACK of a capture that is stored."""
    return wire.ack(device_id, image_name, clock_time(wake.at, wake.timezone, now) if wake.at else None)


def next_wake(time: datetime, timezone: str, now: datetime, form: str) -> dict[str, str]:
    """Make the command `next_wake` in the form that the fleet's firmware reads: `iso` or `clock`."""
    if form == "clock":
        return {"next_wake": clock_time(time, timezone, now)}
    return {"next_wake": f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}


def clock_time(time: datetime, timezone: str, now: datetime) -> str:
    """Give a time as the 12-hour clock of the device's time zone: `5:30PM`, `11:00AM`.

    Rounded up to the minute, so that the device does not wake before its time; but down where that minute
    is still to come today, in which case the device would take it for today's.
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
