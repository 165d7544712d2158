"""The tasks that record captures that timed out, still arrive, or were lost."""

import logging
from typing import Any, Final

from core import dispatch
from core.errors import Transient
from core.store.capture import State
from core.store.keys import CaptureRef
from operate import metrics
from tasks.app import app
from tasks.periodic import periodic
from tasks.stations.persist import persist
from tasks.stations.report import timed_out

log = logging.getLogger("tasks.record")

STALE_EVERY_S: Final = 60.0


@app.task(
    name=dispatch.RECORD_TIMEOUT,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,  # the sweep enqueues it again until the row is written
)
def record_timeout(device_id: str, image_name: str, _seal: str) -> None:
    """Record a capture whose chunks stopped coming as failed (2201); Redis keeps its chunks."""
    resources, ref = app.resources, CaptureRef(device_id, image_name)
    captures = resources.store.captures
    try:
        capture = captures.get(ref)
        if capture is None or capture.state is not State.TIMED_OUT:
            return  # chunks have come meanwhile, or the capture is gone
        held = len(captures.chunk_ids(ref))
        error, story = timed_out(capture, held), {**capture.story, "held": held}
        persist(resources.supabase, capture, "failed", resources.store.now(), error, story=story)
        metrics.count_end("failed", error)
        captures.settle_timeout(ref)
    except Transient as error:
        log.warning("timeout not recorded yet: %s", error, extra={"device": device_id, "capture": image_name})


@app.task(
    name=dispatch.RECORD_ASSEMBLING,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,  # the rows are for people; each capture has its row in the end without this
)
def record_assembling(captures: list[dict[str, Any]]) -> None:
    """Record arriving captures as `assembling`, in bulk; a row that is stored or failed stays as it is."""
    try:
        app.resources.supabase.call("record_assembling", p_captures=captures)
    except Transient as error:
        log.warning("%d captures not shown as assembling: %s", len(captures), error)


@periodic(dispatch.FAIL_STALE, every_s=STALE_EVERY_S, put_off="stale rows put off")
def fail_stale() -> None:
    """Mark rows as failed whose captures Redis has lost; otherwise they would stay `assembling` for ever."""
    count = app.resources.supabase.call("fail_stale_captures")
    if count:
        log.warning("%d rows failed that nobody was assembling any more", count)
