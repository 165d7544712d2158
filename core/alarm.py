"""The alarm: a line in the log that begins with ALARM, for what only an operator can put right."""

import logging
import time
from typing import Final

EVERY_S: Final = 60.0


class Alarm:
    """Raises one kind of alarm in this process, at most once a minute, however often the cause occurs."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._raised_at = -EVERY_S

    def sound(self, message: str) -> None:
        """Write the message as a CRITICAL line, unless the last one was less than a minute ago."""
        now = time.monotonic()
        if now - self._raised_at >= EVERY_S:
            self._raised_at = now
            self._log.critical("ALARM: %s", message)
