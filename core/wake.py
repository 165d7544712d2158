"""When a device wakes next, and the command that lets it sleep until then."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.settings import WakeSettings

DAY: Final = timedelta(days=1)


class Wake(NamedTuple):
    """The next wake of a device in UTC, and its time zone; `at` is None without a schedule."""

    at: datetime | None
    timezone: str


def sleep_command(device_id: str, wake: Wake, now: datetime, settings: WakeSettings) -> dict[str, str]:
    """Return the command to sleep: until `wake`, or for DEFAULT_WAKE_MINUTES if it is unknown or past."""
    time = yet_to_come(wake, now, settings.default_wake_minutes)
    return {"device_id": device_id} | next_wake(time, wake.timezone, now, settings.mqtt_next_wake_format)


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
