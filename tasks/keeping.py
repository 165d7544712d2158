"""The tasks that let pictures go, remove their objects, and compare rows with objects.

docs/adr/0030-keeping.md says why none of their steps loses a picture that nobody let go. Each run does so
much and no more: at the pace of beat's messages some 140,000 pictures go in an hour, beside the ingest.
"""

import logging
import time
from typing import Any, Final

from core import dispatch
from core.removals import remove_some
from tasks.app import app
from tasks.periodic import periodic

log = logging.getLogger("tasks.keeping")

# A run of each task in this time, whatever waits.
EVERY_S: Final = 5.0
# The pictures that one run lets go, and how often one removes objects.
PICTURES: Final = 400
CALLS: Final = 5
# How long one run compares. A comparison of 10,000 devices takes some hundred runs.
COMPARE_S: Final = 10.0
COMPARE_EVERY_S: Final = 30.0


@periodic(dispatch.APPLY_KEEP_POLICIES, every_s=EVERY_S, put_off="policies put off")
def apply_keep_policies() -> None:
    """Let go what the policies say, some hundred pictures at most."""
    done = app.resources.supabase.call("apply_keep_policies", p_limit=PICTURES)
    if done["captures"]:
        log.info("%(captures)d pictures with %(bytes)d bytes have expired", done)


@periodic(dispatch.REMOVE_OBJECTS, every_s=EVERY_S, put_off="objects to remove put off")
def remove_objects() -> None:
    """Remove the objects that no row names any more, some hundred at most."""
    for _ in range(CALLS):
        removed = remove_some(app.resources.supabase)
        if not removed:
            return
        log.debug("%d objects removed", removed)


@periodic(
    dispatch.RECONCILE_OBJECTS, every_s=COMPARE_EVERY_S, put_off="comparison of rows and objects put off"
)
def reconcile_objects() -> None:
    """Go on with the comparison of rows and objects, of which one begins each night."""
    resources, until = app.resources, time.monotonic() + COMPARE_S
    bucket = resources.settings.supabase_storage_bucket
    while time.monotonic() < until:
        run = resources.supabase.call("reconcile_objects", p_bucket=bucket)
        if run is None:  # none is due
            return
        if run["done_at"]:
            _tell(run)
            return


def _tell(run: dict[str, Any]) -> None:
    level = logging.WARNING if run["missing"] or run["orphans"] else logging.INFO
    log.log(
        level,
        "%(named)d objects are named by rows, and %(missing)d of them missing; of %(objects)d objects no row "
        "names %(orphans)d, which are removed: %(examples)s",
        run,
    )
