"""The health check of a container, `python -m operate.health`: exit status 0 while the process works, else 1.

A process that works touches HEALTH_FILE every few seconds: the listener in its loop, a worker in its
watchdog. If a process hangs, its file grows old. An outage of Redis or Supabase does not fail the check,
because a restart of the container would not help.
"""

import sys
import time
from pathlib import Path
from typing import Final

from core.settings import HealthSettings, SettingsError, load

# One turn of the listener's loop takes less: Redis, Celery's broker and MQTT time out earlier.
STALE_AFTER_S: Final = 60.0


def touch(file: Path | None) -> None:
    """Touch the file to show that this process works; do nothing if no file is set."""
    if file is not None:
        file.touch()


def age_s(file: Path) -> float:
    """Return the seconds since the file was touched; raises FileNotFoundError if there is no file."""
    return time.time() - file.stat().st_mtime


def main() -> int:
    """Check the age of HEALTH_FILE and return the exit status."""
    try:
        file = load(HealthSettings).health_file
        if file is None:
            problem = "HEALTH_FILE is not set"
        else:
            age = age_s(file)
            problem = f"nothing done for {age:.0f} s" if age > STALE_AFTER_S else ""
    except (SettingsError, OSError) as error:
        problem = str(error)
    if problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a command line speaks
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
