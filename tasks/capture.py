"""The task of a complete capture: claim it, run the pipeline, release it if a retry is needed."""

import logging
from contextlib import nullcontext
from typing import Any, Final
from uuid import uuid4

from celery import Task

from core import dispatch
from core.errors import Transient
from core.store.captures import Claim, LeaseLost
from core.store.keys import CaptureRef
from core.store.scripts import LEASE_MS
from operate import metrics
from tasks import pipeline
from tasks.app import MAX_RETRIES, app, retry_in

log = logging.getLogger("tasks.capture")

# A capture is suspect from its third start on, if its worker died in the two before. One death proves little,
# because a dying worker interrupts the captures of all its threads.
SUSPECT_FROM: Final = 3
SUSPECT_LOCK: Final = "suspect"
SUSPECT_WAIT_MS: Final = 1_000
# The sweep waits this much longer than the delay of a retry, then it takes the retry for lost.
GRACE_MS: Final = 5_000


@app.task(
    name=dispatch.STORE_CAPTURE,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),  # the code below releases the capture before it retries
    max_retries=MAX_RETRIES,
)
def store_capture(self: "Task[Any, Any]", device_id: str, image_name: str, seal: str) -> None:
    """Store a complete capture and acknowledge it; do nothing if it is finished or another worker has it."""
    captures, locks = app.resources.store.captures, app.resources.store.locks
    context = {"device": device_id, "capture": image_name, "task_id": self.request.id}
    claim: Claim | None = None
    try:
        claim = captures.claim(CaptureRef(device_id, image_name, seal), uuid4().hex)
        if claim is None:
            return
        # Suspect captures run one at a time, so that one which kills its worker does not interrupt the other
        # suspects again and again.
        suspect = claim.attempts >= SUSPECT_FROM
        with locks.turn(SUSPECT_LOCK, LEASE_MS / 1000) if suspect else nullcontext(True) as mine:
            if mine:
                pipeline.run(app.resources, claim)
            else:
                captures.release(claim, SUSPECT_WAIT_MS, attempts=claim.attempts - 1)
    except LeaseLost:
        log.warning("another worker has taken over", extra=context)
    except Transient as error:
        delay = retry_in(error, self.request.retries)
        metrics.RETRIES.inc()
        log.warning("trying again in %d s: %s", delay, error, extra=context)
        if claim is not None:
            release_for(claim, delay)
        raise self.retry(exc=error, countdown=delay) from error


def release_for(claim: Claim, delay_s: int) -> None:
    """Release a capture until its retry in `delay_s`; if Redis is away, the lease expires by itself."""
    try:
        app.resources.store.captures.release(claim, delay_s * 1000 + GRACE_MS)
    except Transient as error:
        log.warning("not released: %s", error, extra={"device": claim.ref.device_id})
