"""The tasks that answer a device outside the way of a capture."""

from datetime import UTC, datetime
from typing import Any

from celery import Task

from core import dispatch
from core.errors import Transient
from tasks.app import MAX_RETRIES, app, retry
from tasks.resources import current


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
    """Send the ACK of a finished capture once more; the device has missed it."""
    try:
        current().publisher.send(device_id, "ack", ack.encode())
    except Transient as error:
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
    """Record a status message; its key makes a second delivery harmless."""
    received = datetime.fromtimestamp(hello.pop("received_at_ms") / 1000, UTC)
    try:
        current().supabase.call("record_hello", p_hello={**hello, "received_at": received.isoformat()})
    except Transient as error:
        raise retry(self, error) from error
