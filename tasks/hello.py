"""The tasks that answer and record a device's hello."""

import logging
from typing import Any

from celery import Task

from core import dispatch
from core.dispatch import Dispatcher
from core.errors import CaptureRejected, OutOfMemory, Transient
from core.store.devices import Hello
from core.store.memory import is_full
from tasks.agenda import answer_from_database, answer_from_memory, record
from tasks.app import MAX_RETRIES, app, retry

log = logging.getLogger("tasks.hello")


@app.task(
    name=dispatch.ANSWER_HELLO,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=MAX_RETRIES,
)
def answer_hello(self: "Task[Any, Any]", hello: dict[str, Any]) -> None:
    """Record a hello and answer it; thanks to its key the database records it once, however often this runs.

    If the database does not answer in time, or Redis is full and no picture wanted, the device gets an answer
    from Redis, and another task records the hello later. Without an answer the device would stay awake until
    its battery is empty.
    """
    said, resources = Hello.from_json(hello), app.resources
    context = {"device": said.device_id, "task_id": self.request.id}
    try:
        try:
            if is_full(resources.store.redis, resources.settings.redis_memory_mb):
                raise OutOfMemory("its pictures would be turned away")
            answer_from_database(resources, said)
        except (Transient, CaptureRejected) as error:
            log.warning("hello answered without the database: %s", error, extra=context)
            answer_from_memory(resources, said.device_id)
            Dispatcher(app, resources.store.now).record_hello(said)
    except Transient as error:
        log.warning("hello not answered, trying again: %s", error, extra=context)
        raise retry(self, error) from error


@app.task(
    name=dispatch.RECORD_HELLO,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=MAX_RETRIES,
)
def record_hello(self: "Task[Any, Any]", hello: dict[str, Any]) -> None:
    """Record a hello that was answered without the database."""
    resources = app.resources
    try:
        record(resources, resources.supabase, Hello.from_json(hello), record_only=True)
    except Transient as error:
        raise retry(self, error) from error
