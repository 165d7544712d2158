"""The tasks that write rows of captures that have not ended well, or not ended yet."""

import logging
from typing import Any, Final

from celery import Task

from core import dispatch
from core.errors import CaptureRejected, ErrorCode, Transient
from core.keys import CaptureRef
from tasks.app import MAX_RETRIES, app, retry
from tasks.describe import describe
from tasks.persist import persist
from tasks.resources import current

log = logging.getLogger("tasks.record")

STALE_LOCK_S: Final = 60.0


@app.task(
    name=dispatch.RECORD_TIMEOUT,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=MAX_RETRIES,
    soft_time_limit=60,
    time_limit=90,
)
def record_timeout(self: "Task[Any, Any]", device_id: str, image_name: str, _seal: str) -> None:
    """Write the failed row (2201) of a capture whose chunks stopped coming; its chunks stay."""
    resources = current()
    ref = CaptureRef(device_id, image_name)
    try:
        fields = resources.store.fields(ref)
        if fields.get("state") != b"timed_out":
            return  # it has come back meanwhile
        missing = "chunks are missing" if "total" in fields else "metadata never came"
        held = len(resources.store.chunks(ref))
        error = CaptureRejected(ErrorCode.ASSEMBLY_TIMEOUT, f"timed out: {missing}", chunks=held)
        persist(resources.supabase, describe(ref, fields), "failed", resources.store.now(), error)
        resources.store.settle_timeout(ref)
    except Transient as error:
        raise retry(self, error) from error


@app.task(
    name=dispatch.RECORD_ASSEMBLING,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=3,
    soft_time_limit=60,
    time_limit=90,
)
def record_assembling(self: "Task[Any, Any]", captures: list[dict[str, Any]]) -> None:
    """Write `assembling` rows in bulk; a row that has ended meanwhile keeps its end."""
    try:
        current().supabase.call("record_assembling", p_captures=captures)
    except Transient as error:
        raise retry(self, error) from error


@app.task(
    name=dispatch.FAIL_STALE,
    acks_late=False,  # the next one comes in minutes
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,
    soft_time_limit=20,
    time_limit=30,
)
def fail_stale() -> None:
    """Fail rows that Redis has lost: nothing is left that could ever end their `assembling`."""
    resources = current()
    try:
        with resources.store.turn("fail_stale", STALE_LOCK_S) as mine:
            count = resources.supabase.call("fail_stale_captures") if mine else 0
    except (Transient, CaptureRejected) as error:
        log.warning("stale rows put off: %s", error)
    else:
        if count:
            log.warning("%d rows failed that nobody was assembling any more", count)
