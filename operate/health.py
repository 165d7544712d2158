"""The health check of a container, `python -m operate.health`: status 0 while its own process works, else 1.

A process that works touches HEALTH_FILE every few seconds: the listener in its loop, a worker from its
watchdog. A process that hangs leaves the file to age. Redis or Supabase away is not the container's fault and
does not count.
"""

import sys
import time
from pathlib import Path
from typing import Final

from core.settings import HealthSettings, SettingsError, load

# The longest that one turn of the listener's loop may take: Redis, Celery's broker and MQTT each time out
# before.
STALE_AFTER_S: Final = 60.0


def touch(file: Path | None) -> None:
    """Say that this process works; nothing where no file is set."""
    if file is not None:
        file.touch()


def age_s(file: Path) -> float:
    """Give the seconds since the file was touched; raises FileNotFoundError where it never was."""
    return time.time() - file.stat().st_mtime


def main() -> int:
    """Look at the file of HEALTH_FILE and give the exit status."""
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
