"""The task that counts anew what has changed; docs/adr/0024-rollups.md says when."""

import logging
import time
from typing import Final

from core import dispatch
from tasks.app import app
from tasks.periodic import periodic

log = logging.getLogger("tasks.rollups")

EVERY_S: Final = 30.0
# One call counts some so many days of devices, days of companies, each of which has a row for every device,
# or changes of pictures. Hosted projects end a statement after 8 s.
AT_ONCE: Final = 500
COMPANIES_AT_ONCE: Final = 10
PICTURES_AT_ONCE: Final = 1000
# What is called, and for how long in one run. What is left then, as after an upgrade, waits for the next run.
REFRESHES: Final = (
    ("refresh_capture_days", AT_ONCE, 30.0),
    ("refresh_company_days", COMPANIES_AT_ONCE, 10.0),
    ("refresh_picture_quarters", PICTURES_AT_ONCE, 10.0),
)


@periodic(dispatch.REFRESH_DAYS, every_s=EVERY_S, put_off="days put off")
def refresh_days() -> None:
    """Count what has changed: days of devices and companies, the pictures of the gallery; and silent days."""
    for function, at_once, for_s in REFRESHES:
        until, more, calls = time.monotonic() + for_s, True, 0
        while more and time.monotonic() < until:
            more = app.resources.supabase.call(function, p_limit=at_once)["more"]
            calls += 1
        log.debug("%s: %d calls", function, calls)
