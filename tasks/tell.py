"""The tasks that send an ACK again and deliver queued commands, apart from the answer to a hello."""

import logging
from typing import Any, Final

from celery import Task

from core import dispatch
from core.clock import to_iso
from core.errors import Transient
from core.store.keys import CaptureRef
from tasks.agenda import acknowledge, tell_next, tell_now
from tasks.app import app, retry
from tasks.periodic import periodic

log = logging.getLogger("tasks.tell")

COMMANDS_AT_MOST: Final = 200
LOCK_S: Final = 20.0
EVERY_S: Final = 1.0


@app.task(
    name=dispatch.ACKNOWLEDGE_AGAIN,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=3,
)
def acknowledge_again(self: "Task[Any, Any]", device_id: str, image_name: str, *_: Any) -> None:
    """Send the ACK of what is stored again, because the device missed it, and go on with the agenda.

    Messages of earlier versions have a third argument, the body of the ACK as it was then.
    """
    try:
        if acknowledge(app.resources, CaptureRef(device_id, image_name)):
            tell_next(app.resources, device_id)
    except Transient as error:
        raise retry(self, error) from error


@periodic(dispatch.DELIVER_COMMANDS, lock_s=LOCK_S, every_s=EVERY_S, put_off="commands put off")
def deliver_commands() -> None:
    """Send queued commands to devices that are awake; if no device is, do not ask the database."""
    resources = app.resources
    if resources.store.devices.any_awake():
        at = to_iso(resources.store.now())
        tell_now(resources, resources.supabase.call("claim_commands", p_limit=COMMANDS_AT_MOST, p_at=at))
