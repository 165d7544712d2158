"""The task that makes partitions ahead, and lets go the rows that are old enough."""

import logging
import time
from typing import Final

from core import dispatch
from tasks.app import app
from tasks.periodic import periodic

log = logging.getLogger("tasks.maintain_tables")

# Partitions are made four weeks ahead, so a call that fails or finds its tables in use costs nothing.
EVERY_S: Final = 3600.0
# A run makes its last call before RUN_S is over; the next one goes on.
RUN_S: Final = 30.0


@periodic(dispatch.MAINTAIN_TABLES, every_s=EVERY_S, put_off="tables not maintained yet")
def maintain_tables() -> None:
    """Call the SQL function `maintain_tables` once an hour, until there is no more to delete."""
    resources, until = app.resources, time.monotonic() + RUN_S
    settings = resources.settings
    again = True
    while again and time.monotonic() < until:
        done = resources.supabase.call(
            "maintain_tables",
            p_log_days=settings.keep_log_days,
            p_status_days=settings.keep_status_days,
            p_errors_days=settings.keep_errors_days,
            p_commands_days=settings.keep_commands_days,
            p_audit_days=settings.keep_audit_days,
        )
        again = done["again"]
        if done["made"] or done["dropped"] or done["deleted"]:
            log.info("made %(made)s, dropped %(dropped)s, %(deleted)d rows deleted", done)
