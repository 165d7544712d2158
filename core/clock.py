"""Time: milliseconds since 1970 (UTC) in Redis and in tasks, ISO 8601 in UTC for the database."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

# Returns the current time in milliseconds since 1970.
Clock = Callable[[], int]


def now_ms() -> int:
    """Return the time of this host in milliseconds since 1970; `core.store.clock` has that of all hosts."""
    return time.time_ns() // 1_000_000


def to_datetime(milliseconds: int) -> datetime:
    """Convert milliseconds since 1970 to a datetime in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def to_iso(milliseconds: int) -> str:
    """Convert milliseconds since 1970 to ISO 8601 in UTC, as the database reads it."""
    return to_datetime(milliseconds).isoformat()
