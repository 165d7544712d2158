"""The task that counts `capture_days` and `company_days` anew; docs/adr/0024-rollups.md says when."""

import logging
import time
from typing import Final

from core import dispatch
from tasks.app import app
from tasks.periodic import periodic

log = logging.getLogger("tasks.rollups")

EVERY_S: Final = 30.0
# One call counts some so many days of devices. Hosted projects end a statement after 8 s.
AT_ONCE: Final = 500
# How long one run calls. What is left then, as after an upgrade, waits for the next run.
FOR_S: Final = 30.0
# Then the days of companies are added up, some in each call: each has a row for every device of its company.
COMPANIES_AT_ONCE: Final = 10
FOR_COMPANIES_S: Final = 10.0


@periodic(dispatch.REFRESH_DAYS, every_s=EVERY_S, put_off="days put off")
def refresh_days() -> None:
    """Count the days of devices of which something has changed, or that have gone on in silence."""
    supabase, days = app.resources.supabase, 0
    until, more = time.monotonic() + FOR_S, True
    while more and time.monotonic() < until:
        done = supabase.call("refresh_capture_days", p_limit=AT_ONCE)
        days, more = days + done["days"], done["more"]
    until, more = time.monotonic() + FOR_COMPANIES_S, True
    while more and time.monotonic() < until:
        more = supabase.call("refresh_company_days", p_limit=COMPANIES_AT_ONCE)["more"]
    log.debug("%d days counted", days)
