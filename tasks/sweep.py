"""The sweep, every second: of the captures that are due, ask for chunks, give up, or enqueue again."""

import logging
from typing import Any, Final

from core import dispatch, memory, metrics, protocol
from core.chunk_store import Review
from core.dispatch import Dispatcher
from core.errors import Transient
from tasks.app import app
from tasks.describe import describe
from tasks.resources import Resources, current

log = logging.getLogger("tasks.sweep")

# So many of each shard in one sweep; the rest is due again a second later.
AT_MOST: Final = 200
# A sweep whose worker died must not keep the next one waiting; two at a time do no harm.
LOCK_S: Final = 5.0


@app.task(
    name=dispatch.SWEEP,
    acks_late=False,  # the next one comes in a second
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,
    soft_time_limit=20,
    time_limit=25,
)
def sweep() -> None:
    """Look at what is due, once, however many beats there are."""
    resources = current()
    try:
        with resources.store.turn("sweep", LOCK_S) as mine:
            if mine:
                sweep_once(resources, Dispatcher(app))
    except Transient as error:
        log.warning("sweep put off: %s", error)


def sweep_once(resources: Resources, dispatcher: Dispatcher) -> None:
    """Review each capture that is due and act on it; raises Transient."""
    store, now = resources.store, resources.store.now()
    due = store.due(now, AT_MOST)
    full = memory.fullness(store) >= memory.FULL
    if full:
        memory.make_room(store)
    # Without the broker nothing can be asked for, and nobody's silence means anything.
    heard_until = store.heard_until(now) if due and resources.publisher.connected else None
    nacks: list[tuple[str, str, bytes]] = []
    arriving: list[dict[str, Any]] = []
    for ref in due:
        review = store.review(ref, now, heard_until, full=full)
        if review.announce and (fields := store.fields(ref)):
            arriving.append(describe(ref, fields))
        if review.action == "nack":
            nacks.append(_nack(review, resources.settings.mqtt_nack_topic))
        elif review.action == "enqueue":
            dispatcher.process_capture(ref)
        elif review.action == "acknowledge":
            dispatcher.acknowledge_again(ref, review.ack.decode())
        elif review.action == "timed_out":
            dispatcher.record_timeout(ref)
    for hello in resources.devices.unanswered(now, AT_MOST):
        log.warning("hello not answered yet", extra={"device": hello["device_id"]})
        dispatcher.answer_hello(hello)
    resources.publisher.send_all(nacks)
    if arriving:
        dispatcher.record_assembling(arriving)


def _nack(review: Review, kind: str) -> tuple[str, str, bytes]:
    ref = review.ref
    metrics.NACKS.inc()
    metrics.CHUNKS_ASKED_FOR.inc(len(review.missing))
    log.info(
        "asking for %d chunks",
        len(review.missing),
        extra={"device": ref.device_id, "capture": ref.image_name},
    )
    return ref.device_id, kind, protocol.nack(ref.device_id, ref.image_name, review.missing)
