"""The watchdog of a worker: it ends the process with status 1 if its connection to the broker is dead.

That is one that stands and brings no answer, or one that nobody tries to make. A broker that is away does not
count: captures are stored without it, and their ACKs wait. Most platforms have no health check for workers,
but they restart a worker that exits.
"""

import logging
import os
import threading
from pathlib import Path
from typing import Final

from celery.worker import state

from operate import health
from tasks.publish import Publisher

log = logging.getLogger("tasks.watchdog")

LOOK_EVERY_S: Final = 5.0
# Running tasks may finish; if the worker has not stopped by then, the watchdog ends the process.
STOP_WITHIN_S: Final = 45.0


class Watchdog(threading.Thread):
    """Watches one publisher until `stop`; touches the health file every 5 s."""

    def __init__(self, publisher: Publisher, deaf_after_s: float, health_file: Path | None) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._publisher = publisher
        self._deaf_after_s = deaf_after_s
        self._health_file = health_file
        self._stopping = threading.Event()

    def run(self) -> None:
        """Ping the broker every 5 s; end the process after `deaf_after_s` seconds without a sign of life."""
        health.touch(self._health_file)
        while not self._stopping.wait(LOOK_EVERY_S):
            health.touch(self._health_file)
            self._publisher.ping()
            idle = self._publisher.idle_for_s()
            if idle > self._deaf_after_s:
                log.critical(
                    "no answer from the broker for %.0f s; exiting, so that the platform starts this worker "
                    "anew",
                    idle,
                )
                state.should_stop = 1  # stops Celery after its running tasks, with exit status 1
                if not self._stopping.wait(STOP_WITHIN_S):
                    os._exit(1)

    def stop(self) -> None:
        """Stop the watchdog, because the worker stops by itself."""
        self._stopping.set()
