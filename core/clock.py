"""Time: milliseconds since 1970 (UTC) in Redis and in tasks, ISO 8601 in UTC for the database."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Return the current time in milliseconds since 1970; the store schedules everything by it."""
    return time.time_ns() // 1_000_000


def to_datetime(milliseconds: int) -> datetime:
    """Convert milliseconds since 1970 to a datetime in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_iso(milliseconds: int) -> str:
    """Convert milliseconds since 1970 to ISO 8601 in UTC, as the database reads it."""
    return to_datetime(milliseconds).isoformat()
