"""The station that tells the device that its image is safe, and when to wake next."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import protocol


def next_wake_time(next_wake_at: str | None, timezone: str | None) -> str | None:
    """Give a time as the 12-hour clock of the device's time zone: `5:30PM`, `11:00AM`; None for none."""
    if not next_wake_at:
        return None
    try:
        zone = ZoneInfo(timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    local = datetime.fromisoformat(next_wake_at).astimezone(zone)
    return f"{local.hour % 12 or 12}:{local:%M%p}"


def ack(device_id: str, image_name: str, next_wake_at: str | None, timezone: str | None) -> bytes:
    """Make the ACK of a capture that is stored."""
    return protocol.ack(device_id, image_name, next_wake_time(next_wake_at, timezone))
