"""The task of a complete capture: claim it, run the pipeline, release it if another try is needed.

The sweep is the only scheduler: a task that cannot finish its capture releases it with the time of its next
try, and ends.
"""

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
from tasks.app import app, retry_in

log = logging.getLogger("tasks.capture")

# A capture is suspect from its third start on, if its worker died in the two before. One death proves little,
# because a dying worker interrupts the captures of all its threads.
SUSPECT_FROM: Final = 3
SUSPECT_LOCK: Final = "suspect"
SUSPECT_WAIT_MS: Final = 1_000


@app.task(
    name=dispatch.STORE_CAPTURE,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,  # the sweep enqueues the capture again
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
        metrics.RETRIES.inc()
        if claim is None:
            log.warning("not claimed: %s", error, extra=context)
        else:
            put_off(claim, error)


def put_off(claim: Claim, error: Transient) -> None:
    """Release a capture until its next try; if Redis is away, the lease expires by itself."""
    delay_s = retry_in(error, claim.capture.tries)
    context = {"device": claim.ref.device_id, "capture": claim.ref.image_name}
    log.warning("trying again in %d s: %s", delay_s, error, extra=context)
    try:
        app.resources.store.captures.release(claim, delay_s * 1000, failed=True)
    except Transient as fault:
        log.warning("not released: %s", fault, extra=context)
