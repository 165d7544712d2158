"""The tasks that talk with devices outside the way of a capture."""

import logging
from typing import Any, Final

from celery import Task

from core import dispatch
from core.dispatch import Dispatcher
from core.errors import CaptureRejected, Transient
from tasks.app import MAX_RETRIES, app, retry
from tasks.converse import answer_from_database, answer_from_memory, describe_hello, tell_next, tell_now
from tasks.resources import current

log = logging.getLogger("tasks.conversation")

COMMANDS_AT_MOST: Final = 200
LOCK_S: Final = 20.0


@app.task(
    name=dispatch.ANSWER_HELLO,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=MAX_RETRIES,
    soft_time_limit=20,
    time_limit=30,
)
def answer_hello(self: "Task[Any, Any]", hello: dict[str, Any]) -> None:
    """Record a hello and answer it; its key makes it one row and one answer, however often this runs.

    Where the database cannot answer in time, the device is answered from what Redis knows, and the hello
    is recorded later: silence would leave the device awake until its battery is empty.
    """
    resources = current()
    context = {"device": hello["device_id"], "task_id": self.request.id}
    try:
        try:
            answer_from_database(resources, hello)
        except (Transient, CaptureRejected) as error:
            log.warning("hello answered without the database: %s", error, extra=context)
            answer_from_memory(resources, hello)
            Dispatcher(app).record_hello(hello)
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
    soft_time_limit=60,
    time_limit=90,
)
def record_hello(self: "Task[Any, Any]", hello: dict[str, Any]) -> None:
    """Record a hello that was answered without the database."""
    resources = current()
    try:
        described = describe_hello(resources, hello) | {"record_only": True}
        resources.supabase.call("record_hello", p_hello=described)
    except Transient as error:
        raise retry(self, error) from error


@app.task(
    name=dispatch.ACKNOWLEDGE_AGAIN,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=3,
    soft_time_limit=20,
    time_limit=30,
)
def acknowledge_again(self: "Task[Any, Any]", device_id: str, _image_name: str, ack: str) -> None:
    """Send the ACK of a finished capture once more, for the device has missed it, and go on from there."""
    try:
        current().publisher.send(device_id, "ack", ack.encode())
        tell_next(current(), device_id)
    except Transient as error:
        raise retry(self, error) from error


@app.task(
    name=dispatch.DELIVER_COMMANDS,
    acks_late=False,  # the next one comes in seconds
    ignore_result=True,
    autoretry_for=(),
    max_retries=0,
    soft_time_limit=15,
    time_limit=20,
)
def deliver_commands() -> None:
    """Tell devices that are awake what people have queued for them; asks the database only if any is."""
    resources = current()
    try:
        with resources.store.turn("deliver_commands", LOCK_S) as mine:
            if mine and resources.devices.any_awake():
                tell_now(resources, resources.supabase.call("claim_commands", p_limit=COMMANDS_AT_MOST))
    except (Transient, CaptureRejected) as error:
        log.warning("commands put off: %s", error)
