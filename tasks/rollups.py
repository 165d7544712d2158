"""The task that counts `capture_days` anew; docs/adr/0024-rollups.md says what it counts and when."""

import logging
import time
from typing import Final

from core import dispatch
from core.errors import CaptureRejected, Transient
from tasks.app import app

log = logging.getLogger("tasks.rollups")

LOCK_S: Final = 60.0
EVERY_S: Final = 30.0
# One call counts some so many days of devices. Hosted projects end a statement after 8 s.
AT_ONCE: Final = 500
# How long one run calls. What is left then, as after an upgrade, waits for the next run.
FOR_S: Final = 30.0


@app.task(
    name=dispatch.REFRESH_DAYS,
    acks_late=False,  # beat sends the next one in a minute
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,
)
def refresh_days() -> None:
    """Count the days of devices of which something has changed, or that have gone on in silence."""
    resources, days = app.resources, 0
    until = time.monotonic() + FOR_S
    try:
        with resources.store.locks.turn("refresh_days", LOCK_S, EVERY_S) as mine:
            more = mine
            while more and time.monotonic() < until:
                done = resources.supabase.call("refresh_capture_days", p_limit=AT_ONCE)
                days, more = days + done["days"], done["more"]
    except (Transient, CaptureRejected) as error:
        log.warning("days put off: %s", error)
    else:
        log.debug("%d days counted", days)
