"""The tasks that beat sends again and again: of all workers, one at a time does what there is to do."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from celery import Task

from core.errors import CaptureRejected, Transient
from tasks.app import app


def periodic(
    name: str, *, lock_s: float = 60.0, every_s: float = 0.0, put_off: str
) -> "Callable[[Callable[[], None]], Task[Any, Any]]":
    """Make a function a task that has its turn once in `every_s`, however many messages wait.

    The lock of its turn has the function's name, and is free `lock_s` after its process has died. A Transient
    or CaptureRejected of the function is a line in the log that begins with `put_off`: beat sends the next
    message soon, so none is acknowledged late or retried. None sends events: several come each second, and
    would push the captures out of what Flower remembers.
    """

    def make(function: Callable[[], None]) -> "Task[Any, Any]":
        log = logging.getLogger(function.__module__)

        @app.task(
            name=name,
            acks_late=False,
            ignore_result=True,
            autoretry_for=(),
            max_retries=0,
            send_events=False,
        )
        @wraps(function)
        def task() -> None:
            try:
                with app.resources.store.locks.turn(function.__name__, lock_s, every_s) as mine:
                    if mine:
                        function()
            except (Transient, CaptureRejected) as error:
                log.warning("%s: %s", put_off, error)

        made: Task[Any, Any] = task
        return made

    return make
