"""The task that counts anew what has changed; docs/adr/0024-rollups.md says when."""

import time
from collections.abc import Callable
from typing import Any, Final

from core import dispatch
from tasks.app import app
from tasks.periodic import periodic

EVERY_S: Final = 30.0
# One call counts some so many days of devices, days of companies, each of which has a row for every device,
# or changes of pictures. Hosted projects end a statement after 8 s.
AT_ONCE: Final = 500
COMPANIES_AT_ONCE: Final = 10
PICTURES_AT_ONCE: Final = 1000
# How long one run calls each. What is left then, as after an upgrade, waits for the next run.
FOR_S: Final = 30.0
FOR_COMPANIES_S: Final = 10.0
FOR_PICTURES_S: Final = 10.0


@periodic(dispatch.REFRESH_DAYS, every_s=EVERY_S, put_off="days put off")
def refresh_days() -> None:
    """Count what has changed: days of devices and companies, the pictures of the gallery; and silent days."""
    supabase = app.resources.supabase
    _while_more(FOR_S, lambda: supabase.call("refresh_capture_days", p_limit=AT_ONCE))
    _while_more(FOR_COMPANIES_S, lambda: supabase.call("refresh_company_days", p_limit=COMPANIES_AT_ONCE))
    _while_more(FOR_PICTURES_S, lambda: supabase.call("refresh_picture_quarters", p_limit=PICTURES_AT_ONCE))


def _while_more(for_s: float, refresh: Callable[[], dict[str, Any]]) -> None:
    until, more = time.monotonic() + for_s, True
    while more and time.monotonic() < until:
        more = refresh()["more"]
