"""The tasks that tell Home Assistant of the devices, and do what its button asks for."""

import logging
import os
import socket
import time
from typing import Any, Final

from celery import Task

from core import dispatch
from core.errors import CaptureRejected, Transient
from core.mqtt import secret_name
from core.retain import Retained
from tasks.announce import announce
from tasks.app import app, retry
from tasks.periodic import periodic

log = logging.getLogger("tasks.home_assistant")

EVERY_S: Final = 4.0
# A run begins its last page before RUN_S is over; the next one goes on.
RUN_S: Final = 20.0


@periodic(dispatch.TELL_HOME_ASSISTANT, every_s=EVERY_S, put_off="Home Assistant not told yet")
def tell_home_assistant() -> None:
    """Publish what has changed of the devices, if HOME_ASSISTANT_PREFIX says where."""
    resources, until = app.resources, time.monotonic() + RUN_S
    settings = resources.settings
    if not settings.home_assistant_prefix:
        return
    name = f"{settings.mqtt_client_id}homeassistant{socket.gethostname()}{os.getpid()}"
    with Retained(settings, secret_name(settings, name)) as broker:
        announce(resources, broker, until)


@app.task(
    name=dispatch.PRESS_BUTTON,
    bind=True,
    acks_late=True,
    ignore_result=True,
    autoretry_for=(),
    max_retries=3,  # somebody stands before the button, and presses again
)
def press_button(self: "Task[Any, Any]", company_id: str, device_id: str) -> None:
    """Queue `capture_image` for a device of the company; the database keeps one that waits."""
    resources, context = app.resources, {"device": device_id}
    if not resources.settings.home_assistant_prefix:
        return
    try:
        queued = resources.supabase.call("press_capture_button", p_company=company_id, p_device=device_id)
    except Transient as error:
        raise retry(self, error) from error
    except CaptureRejected as error:
        log.error("button without effect: %s", error, extra=context)
    else:
        log.info("a picture is asked for" if queued else "button without effect", extra=context)
