"""The watchdog of a worker: where its publisher has lost the broker for good, the process ends with an error.

A worker has no health check on most platforms; one that exits is started anew.
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
# What is under way may finish; a worker that cannot stop in good order by then is ended all the same.
STOP_WITHIN_S: Final = 45.0


class Watchdog(threading.Thread):
    """Looks after one publisher until `stop`."""

    def __init__(self, publisher: Publisher, deaf_after_s: float, health_file: Path | None) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._publisher = publisher
        self._deaf_after_s = deaf_after_s
        self._health_file = health_file
        self._stopping = threading.Event()

    def run(self) -> None:
        """Ping the broker now and then: a publisher that is cut off hears no answer, nor does a dead one."""
        while not self._stopping.wait(LOOK_EVERY_S):
            health.touch(self._health_file)
            self._publisher.ping()
            silence = self._publisher.silent_for_s()
            if silence > self._deaf_after_s:
                log.critical(
                    "no answer from the broker for %.0f s; exiting, so that the platform starts this worker "
                    "anew",
                    silence,
                )
                state.should_stop = 1  # Celery's own way to stop in good order, with this as exit status
                if not self._stopping.wait(STOP_WITHIN_S):
                    os._exit(1)

    def stop(self) -> None:
        """Let the process stop without it."""
        self._stopping.set()
