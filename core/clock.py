"""Time: milliseconds since 1970 in Redis and on the way, ISO 8601 in UTC for the database."""

import time
from datetime import UTC, datetime


def now_ms() -> int:
    """Give the time in milliseconds since 1970, by which everything in the store is scheduled."""
    return time.time_ns() // 1_000_000


def to_datetime(milliseconds: int) -> datetime:
    """Give a time in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_iso(milliseconds: int) -> str:
    """Give a time as the database reads it."""
    return to_datetime(milliseconds).isoformat()
