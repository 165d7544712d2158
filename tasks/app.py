"""The Celery application of the workers, and what every task of them shares.

A worker's pool is threads, where Celery's time limits do nothing. So no task has one: a call that is stuck
ends by the timeout of its own connection. Supabase: SUPABASE_TIMEOUT_S, HELLO_TIMEOUT_S (core/supabase.py).
Redis: 5 s (core/store/connection.py). The MQTT broker: 5 s for a PUBACK (tasks/publish.py).
"""

import logging
from secrets import randbelow
from typing import Any, Final

from celery import Celery, Task
from celery.exceptions import Retry
from celery.signals import setup_logging, worker_init, worker_shutdown
from celery.utils.time import get_exponential_backoff_interval

from core import logs
from core.dispatch import make_app
from core.errors import AccessDenied, Misconfigured, Transient
from core.settings import LogSettings, SettingsError, WorkerSettings, load
from operate import metrics
from operate.checks import insist
from operate.checks.redis_server import check_redis_servers
from operate.checks.supabase import check_supabase
from tasks.resources import Resources, open_resources
from tasks.watchdog import Watchdog

log = logging.getLogger("tasks")

# Retries in memory go on for some minutes; after that the task fails where Flower shows it, and the sweep
# enqueues a capture anew, so nothing ends with the last of them.
MAX_RETRIES: Final = 8
BACKOFF_S: Final = 2
BACKOFF_MAX_S: Final = 30
# Supabase refuses the key: an operator has to act, so there is no hurry.
DENIED_S: Final = 60


class WorkerApp(Celery):  # type: ignore[misc] # Celery has no types
    """The application of a worker process; `resources` and `watchdog` are there from its init signal on."""

    resources: Resources
    watchdog: Watchdog


app: WorkerApp = make_app(WorkerApp)


def retry_in(error: Transient, retries: int) -> int:
    """Give the seconds until the next try: exponential with full jitter, slow where access is denied."""
    if isinstance(error, AccessDenied):
        return DENIED_S + randbelow(DENIED_S // 4)
    return 1 + int(get_exponential_backoff_interval(BACKOFF_S, retries, BACKOFF_MAX_S, full_jitter=True))


def retry(task: "Task[Any, Any]", error: Transient) -> Retry:
    """Give what a task raises to be tried again later."""
    delay = retry_in(error, task.request.retries)
    again: Retry = task.retry(exc=error, countdown=delay, throw=False)
    return again


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    logs.configure(load(LogSettings))


@worker_init.connect
def _open(**_: Any) -> None:
    try:
        settings = load(WorkerSettings)
        for trouble in insist(check_redis_servers(settings)) + insist(check_supabase(settings)):
            log.warning("%s", trouble)
        app.resources = open_resources(settings)
        metrics.serve(settings)
    except (SettingsError, Misconfigured) as error:
        raise SystemExit(str(error)) from None
    except Exception:
        # Celery would log it and go on, with a worker that can do nothing.
        log.exception("the worker cannot start")
        raise SystemExit(1) from None
    app.watchdog = Watchdog(app.resources.publisher, settings.mqtt_deaf_after_s, settings.health_file)
    app.watchdog.start()


@worker_shutdown.connect
def _close(**_: Any) -> None:
    app.watchdog.stop()
    app.resources.close()
