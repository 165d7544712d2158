"""The task that writes the message log and the errors to the database, in bulk."""

import logging
from typing import Any, Final

from core import dispatch
from core.clock import to_iso
from core.errors import CaptureRejected, Transient
from core.keys import ERRORS, LOG
from tasks.app import app
from tasks.resources import Resources, current

log = logging.getLogger("tasks.flush_log")

# Entries of a stream in one call, each of which is a batch itself; and calls in one run.
ENTRIES: Final = 50
ROUNDS: Final = 20
LOCK_S: Final = 60.0


@app.task(
    name=dispatch.FLUSH_LOG,
    acks_late=False,  # the next one comes in seconds
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,
    soft_time_limit=50,
    time_limit=55,
)
def flush_log() -> None:
    """Move what is in the streams to the database, once, however many beats there are."""
    resources = current()
    try:
        with resources.store.turn("flush_log", LOCK_S) as mine:
            for _ in range(ROUNDS):
                if not (mine and flush_once(resources)):
                    break
    except Transient as error:
        log.warning("log put off: %s", error)


def flush_once(resources: Resources) -> bool:
    """Write one call's worth of records; False where there is nothing left. Raises Transient."""
    messages, errors = (resources.store.records(stream, ENTRIES) for stream in (LOG, ERRORS))
    if not messages and not errors:
        return False
    try:
        resources.supabase.call(
            "record_log", p_messages=_rows(messages, "received_at"), p_errors=_rows(errors, "occurred_at")
        )
    except CaptureRejected as error:
        log.error("records dropped that the database refuses: %s", error)
    for stream, entries in ((LOG, messages), (ERRORS, errors)):
        if entries:
            resources.store.forget(stream, [entry for entry, _ in entries])
    return len(messages) == ENTRIES or len(errors) == ENTRIES


def _rows(entries: list[tuple[str, list[dict[str, Any]]]], time: str) -> list[dict[str, Any]]:
    """Name each record by its entry and place, so that the database takes it once."""
    return [
        {**record, "key": f"{entry}:{number}", time: to_iso(record[f"{time}_ms"])}
        for entry, records in entries
        for number, record in enumerate(records)
    ]
