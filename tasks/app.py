"""The Celery application of the workers, and what every task of them shares."""

import logging
from secrets import randbelow
from typing import Any

from celery import Task
from celery.exceptions import Retry
from celery.signals import setup_logging, worker_init, worker_shutdown
from celery.utils.time import get_exponential_backoff_interval

from core import logs, metrics
from core.checks import insist
from core.checks.redis_server import check_redis_servers
from core.checks.supabase import check_supabase
from core.dispatch import make_app
from core.errors import AccessDenied, Misconfigured, Transient
from core.settings import Settings, SettingsError, WorkerSettings, load
from tasks import resources
from tasks.watchdog import Watchdog

log = logging.getLogger("tasks")

app = make_app()

# Retries in memory go on for some minutes; after that the task fails where Flower shows it, and the sweep
# enqueues a capture anew, so nothing ends with the last of them.
MAX_RETRIES = 8
BACKOFF_S = 2
BACKOFF_MAX_S = 30
# Supabase refuses the key: an operator has to act, so there is no hurry.
DENIED_S = 60

_watchdogs: list[Watchdog] = []


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
    logs.configure(load(Settings))


@worker_init.connect
def _open(**_: Any) -> None:
    try:
        settings = load(WorkerSettings)
        for check in (check_redis_servers, check_supabase):
            for trouble in insist(check(settings)):
                log.warning("%s", trouble)
        publisher = resources.open_resources(settings).publisher
        metrics.serve(settings)
    except (SettingsError, Misconfigured) as error:
        raise SystemExit(str(error)) from None
    except Exception:
        # Celery would log it and go on, with a worker that can do nothing.
        log.exception("the worker cannot start")
        raise SystemExit(1) from None
    _watchdogs.append(Watchdog(publisher, settings.mqtt_deaf_after_s))
    _watchdogs[0].start()


@worker_shutdown.connect
def _close(**_: Any) -> None:
    while _watchdogs:
        _watchdogs.pop().stop()
    resources.close_resources()
