"""The sweep: every second it looks for due captures and asks for chunks, gives up or enqueues again."""

import logging
from typing import Any, Final, assert_never

from core import dispatch, wire
from core.dispatch import Dispatcher
from core.queues import read_waiting
from core.store import memory
from core.store.captures import Action, Review
from core.store.connection import transient
from operate import metrics
from tasks.app import app
from tasks.periodic import periodic
from tasks.resources import Resources
from tasks.stations.persist import capture_row

log = logging.getLogger("tasks.sweep")

# The most captures of each shard, and the most hellos, in one sweep; the rest waits for the next one.
AT_MOST: Final = 200
# The sweep fills the queue of captures up to AHEAD messages, and adds ALWAYS to a longer one: what waits for
# another try is older than what arrives.
AHEAD: Final = 2_000
ALWAYS: Final = 50
# The most messages that wait aside: each of these does as well as another of its task. Nobody takes them if
# all workers were started with queues of their own that leave these out.
ASIDE_AT_MOST: Final = 1_000
# Short, so that the death of a worker delays the next sweep only a little. Two sweeps at once do no harm.
LOCK_S: Final = 5.0
EVERY_S: Final = 0.5


@periodic(dispatch.SWEEP, lock_s=LOCK_S, every_s=EVERY_S, put_off="sweep put off")
def sweep() -> None:
    """Run one sweep; its turn makes it run once even with several beats."""
    sweep_once(app.resources, Dispatcher(app, app.resources.store.now))


def sweep_once(resources: Resources, dispatcher: Dispatcher) -> None:
    """Review each capture that is due and act on it; raises Transient."""
    store = resources.store
    captures, now = store.captures, store.now()
    due = captures.due(now, AT_MOST)
    share = memory.fullness(store.redis, resources.settings.redis_memory_mb)
    dropped = memory.make_room(captures, store.streams) if share >= memory.DROP_FROM else 0
    # Captures that may be complete yet are given up only where nothing else makes room.
    give_up = share >= memory.FULL and not dropped
    turned_away_until = store.listeners.turned_away_until() if due else 0
    # Without the broker no NACK can be sent, and the silence of a device means nothing.
    heard_until = store.listeners.heard_until(now) if due and resources.publisher.connected else None
    nacks: list[tuple[str, str, bytes]] = []
    arriving: list[dict[str, Any]] = []
    try:
        for ref in due:
            review = captures.review(ref, now, heard_until, full=give_up, turned_away_until=turned_away_until)
            if review.announce and (capture := captures.get(ref)):
                arriving.append(capture_row(capture))
            match review.action:
                case Action.NACK:
                    nacks.append(_nack(review, resources.settings.mqtt_nack_topic))
                case Action.ACKNOWLEDGE:
                    dispatcher.acknowledge_again(ref)
                case Action.TIMED_OUT:
                    # While the database is away, a later sweep finds the capture again.
                    if not store.breakers.database.is_open:
                        dispatcher.record_timeout(ref)
                case Action.GONE | Action.WAIT:
                    pass
                case never:
                    assert_never(never)
    finally:
        # Redis counts what has been decided, also if the rest of this sweep fails.
        resources.publisher.send_all(nacks)
    for hello in store.devices.unanswered(now, AT_MOST):
        log.warning("hello not answered yet", extra={"device": hello.device_id})
        dispatcher.answer_hello(hello)
    if arriving:
        dispatcher.record_assembling(arriving)
    enqueue_waiting(resources, dispatcher)
    bound_aside(resources)


def bound_aside(resources: Resources) -> None:
    """Drop the older half of a queue aside that has more than ASIDE_AT_MOST messages; raises Transient."""
    broker = resources.broker
    with transient():
        for name, queue in zip(dispatch.ASIDE, read_waiting(broker, *dispatch.ASIDE), strict=True):
            if queue.number > ASIDE_AT_MOST:
                log.error("%d messages wait in the queue %s: does a worker serve it?", queue.number, name)
                broker.ltrim(name, 0, ASIDE_AT_MOST // 2 - 1)  # kombu adds messages on the left


def enqueue_waiting(resources: Resources, dispatcher: Dispatcher) -> None:
    """Enqueue the sealed captures that no message stands for; raises Transient.

    The queue stays short: its messages beyond some seconds of work would only use memory. While Supabase is
    away, only one capture is tried in each sweep, and the others are not even looked at.
    """
    store = resources.store
    with transient():
        [queue] = read_waiting(resources.broker, dispatch.CAPTURES_QUEUE)
    limit = 1 if store.breakers.any_open else max(AHEAD - queue.number, ALWAYS)
    for ref in store.captures.enqueue(store.now(), queue.oldest_sent_ms, limit):
        dispatcher.store_capture(ref)


def _nack(review: Review, kind: str) -> tuple[str, str, bytes]:
    ref = review.ref
    metrics.NACKS.inc()
    metrics.CHUNKS_ASKED_FOR.inc(len(review.missing))
    log.info(
        "asking for %d chunks",
        len(review.missing),
        extra={"device": ref.device_id, "capture": ref.image_name},
    )
    return ref.device_id, kind, wire.nack(ref.device_id, ref.image_name, review.missing)
