"""The station that tells the device that its image is safe, and when to wake next."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import protocol
from core.device_store import Wake


def ack(device_id: str, image_name: str, wake: Wake) -> bytes:
    """Make the ACK of a capture that is stored."""
    return protocol.ack(device_id, image_name, clock_time(wake.at, wake.timezone) if wake.at else None)


def next_wake(time: datetime, timezone: str, form: str) -> dict[str, str]:
    """Make the command `next_wake` in the form that the fleet's firmware reads: `iso` or `clock`."""
    if form == "clock":
        return {"next_wake": clock_time(time, timezone)}
    return {"next_wake": f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}


def clock_time(time: datetime, timezone: str) -> str:
    """Give a time as the 12-hour clock of the device's time zone: `5:30PM`, `11:00AM`.

    Rounded up to the minute: a device that woke early would be told the same minute again, and that would
    be tomorrow's.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    local = (time + timedelta(minutes=1, microseconds=-1)).astimezone(zone)
    return f"{local.hour % 12 or 12}:{local:%M%p}"
