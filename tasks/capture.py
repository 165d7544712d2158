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
from core.alarm import Alarm
from core.errors import AccessDenied, NotAsked, Transient
from core.store.captures import Claim, LeaseLost
from core.store.keys import CaptureRef
from core.store.scripts import LEASE_MS
from core.store.store import Store
from operate import metrics
from tasks import pipeline
from tasks.app import app, retry_in
from tasks.resources import Resources

log = logging.getLogger("tasks.capture")

# A capture is suspect from its third start on, if its worker died in the two before. One death proves little,
# because a dying worker interrupts the captures of all its threads.
SUSPECT_FROM: Final = 3
SUSPECT_LOCK: Final = "suspect"
SUSPECT_WAIT_MS: Final = 1_000
# A capture that has failed so often, over some minutes, while Supabase answers to others.
STUCK_AFTER: Final = 30
_stuck: Final = Alarm(log, "capture_stuck")


@app.task(
    name=dispatch.STORE_CAPTURE,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,  # the sweep enqueues the capture again
    throws=(Transient,),  # Flower shows why a try has failed; the log has its own line
)
def store_capture(self: "Task[Any, Any]", device_id: str, image_name: str, seal: str) -> None:
    """Store a complete capture and acknowledge it; do nothing if it is finished or another worker has it.

    Raises Transient where this try has failed, so that Flower shows it; the capture is released by then.
    """
    store, ref, owner = app.resources.store, CaptureRef(device_id, image_name, seal), uuid4().hex
    context = {"device": device_id, "capture": image_name, "task_id": self.request.id}
    try:
        claim = store.captures.claim(ref, owner)
    except Transient as error:
        log.warning("not claimed: %s", error, extra=context)
        store.keeper.until_done(lambda: store.captures.unclaim(ref, owner))
        return
    if claim is None:
        return
    try:
        with store.keeper.keeping(lambda: store.captures.renew(claim)):
            work(app.resources, claim)
    except LeaseLost:
        log.warning("another worker has taken over", extra=context)
    except NotAsked as error:
        metrics.RETRIES.inc()
        log.info("put off: %s", error, extra=context)
        release(store, claim, 0, tried=False)
    except Transient as error:
        metrics.RETRIES.inc()
        delay_s = delay_of(app.resources, claim, error)
        log.warning("trying again in %d s: %s", delay_s, error, extra=context)
        release(store, claim, delay_s * 1000, tried=True, station=error.station)
        raise


def delay_of(resources: Resources, claim: Claim, error: Transient) -> int:
    """Return the seconds until the next try of a capture that has failed.

    While Supabase is away they are 0: the breaker sees to it that few are tried, and when it closes none has
    to wait any longer. An AccessDenied has raised its own alarm.
    """
    if not isinstance(error, AccessDenied):
        if resources.store.breakers.any_open:
            return 0
        if (failed := claim.capture.tries + 1) >= STUCK_AFTER:
            device_id, image_name, _ = claim.ref
            _stuck.sound(f"{device_id}/{image_name} has failed {failed} times: {error}")
    return retry_in(error, claim.capture.tries)


def work(resources: Resources, claim: Claim) -> None:
    """Run a claimed capture through the pipeline, if this is the time for it.

    Raises Transient, or LeaseLost if another worker has taken the capture over.
    """
    if not resources.supabase.admits(storage=claim.capture.error is None):
        raise NotAsked("Supabase is away")
    # Suspect captures run one at a time, so that one which kills its worker does not interrupt the other
    # suspects again and again.
    suspect = claim.attempts >= SUSPECT_FROM
    turn = resources.store.locks.turn(SUSPECT_LOCK, LEASE_MS / 1000) if suspect else nullcontext(True)
    with turn as mine:
        if mine:
            with resources.supabase.capture_to_come():
                pipeline.run(resources, claim)
        else:
            release(resources.store, claim, SUSPECT_WAIT_MS, tried=False)


def release(store: Store, claim: Claim, leave_for_ms: int, *, tried: bool, station: str = "") -> None:
    """Give a claim back until its next try; while Redis is away, go on trying to.

    `station` is where it failed. Otherwise the lease would run out, and count as the death of this worker.
    """

    def act() -> None:
        store.captures.release(claim, leave_for_ms, tried=tried, station=station)

    try:
        act()
    except Transient as error:
        log.warning("not released yet: %s", error, extra={"device": claim.ref.device_id})
        store.keeper.until_done(act)
