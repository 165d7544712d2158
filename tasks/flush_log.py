"""The task that records the message log and the errors in the database, in bulk."""

import logging
from typing import Any, Final

from core import dispatch
from core.clock import to_iso
from core.errors import CaptureRejected, Transient
from core.store.keys import ERRORS, LOG
from core.store.streams import StreamBatch
from tasks.app import app
from tasks.resources import Resources

log = logging.getLogger("tasks.flush_log")

# The most batches of each stream in one call, and the most calls in one run.
BATCHES: Final = 50
ROUNDS: Final = 20
LOCK_S: Final = 60.0


@app.task(
    name=dispatch.FLUSH_LOG,
    acks_late=False,  # beat sends the next one in 2 s
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,
)
def flush_log() -> None:
    """Move the entries of the streams to the database; a lock makes this run once even with several beats."""
    resources = app.resources
    try:
        with resources.store.locks.turn("flush_log", LOCK_S) as mine:
            for _ in range(ROUNDS):
                if not (mine and flush_once(resources)):
                    break
    except Transient as error:
        log.warning("log put off: %s", error)


def flush_once(resources: Resources) -> bool:
    """Record up to BATCHES batches of each stream; return False if none is left. Raises Transient."""
    streams = resources.store.streams
    messages, errors = streams.oldest(LOG, BATCHES), streams.oldest(ERRORS, BATCHES)
    if not messages and not errors:
        return False
    try:
        resources.supabase.call(
            "record_log", p_messages=_rows(messages, "received_at"), p_errors=_rows(errors, "occurred_at")
        )
    except CaptureRejected as error:
        log.error("entries dropped that the database refuses: %s", error)
    if messages:
        streams.delete(LOG, [batch.id for batch in messages])
    if errors:
        streams.delete(ERRORS, [batch.id for batch in errors])
    return len(messages) == BATCHES or len(errors) == BATCHES


def _rows(batches: list[StreamBatch], time: str) -> list[dict[str, Any]]:
    """Return the entries with a key from batch and position, by which the database ignores duplicates."""
    return [
        {**entry, "key": f"{batch.id}:{number}", time: to_iso(entry[f"{time}_ms"])}
        for batch in batches
        for number, entry in enumerate(batch.entries)
    ]
