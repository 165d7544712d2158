"""The alarm, for what only an operator can put right: a log line that begins with ALARM, and a count."""

import logging
import time
from typing import Final

from prometheus_client import Counter

EVERY_S: Final = 60.0
ALARMS: Final = Counter("fleet_alarms", "Causes of an alarm, however often its line was written", ["alarm"])


class Alarm:
    """Raises one kind of alarm in this process, at most once a minute, however often the cause occurs."""

    def __init__(self, log: logging.Logger, kind: str) -> None:
        self._log = log
        self._count = ALARMS.labels(kind)
        self._raised_at = -EVERY_S

    def sound(self, message: str) -> None:
        """Write the message as a CRITICAL line, unless the last one was less than a minute ago."""
        self._count.inc()
        now = time.monotonic()
        if now - self._raised_at >= EVERY_S:
            self._raised_at = now
            self._log.critical("ALARM: %s", message)
