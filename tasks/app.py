"""The Celery application of the workers, and what all tasks share.

A worker runs its tasks in threads, and Celery's time limits do not work there. So tasks have none, and the
timeout of its connection ends a call that hangs. Supabase: SUPABASE_TIMEOUT_S, HELLO_TIMEOUT_S
(core/supabase.py). Redis: 5 s (core/store/connection.py). MQTT broker: 5 s for a PUBACK (tasks/publish.py).
"""

import logging
from secrets import randbelow
from typing import Any, Final

from celery import Celery, Task
from celery.concurrency.solo import TaskPool as SoloPool
from celery.concurrency.thread import TaskPool as ThreadPool
from celery.exceptions import Retry
from celery.signals import setup_logging, worker_init, worker_shutdown
from celery.utils.time import get_exponential_backoff_interval
from celery.worker import WorkController

from core import logs
from core.dispatch import make_app
from core.errors import AccessDenied, Misconfigured, Transient
from core.settings import LogSettings, SettingsError, WorkerSettings, load
from operate import metrics
from operate.checks import insist
from operate.checks.redis_server import check_redis_servers
from operate.checks.supabase import check_supabase
from tasks.events import FlushEvents
from tasks.resources import Resources, open_resources
from tasks.watchdog import Watchdog

log = logging.getLogger("tasks")

# A worker retries a task for some minutes. Then the task fails, which Flower shows; the sweep enqueues its
# capture again, so a capture is not lost with the last retry.
MAX_RETRIES: Final = 8
BACKOFF_S: Final = 2
BACKOFF_MAX_S: Final = 30
# If Supabase refuses the key, only an operator can help, so retries are slow.
DENIED_S: Final = 60


class WorkerApp(Celery):  # type: ignore[misc] # Celery has no types
    """The application of a worker process; `worker_init` sets `resources` and `watchdog`."""

    resources: Resources
    watchdog: Watchdog


app: WorkerApp = make_app(WorkerApp)
app.steps["consumer"].add(FlushEvents)


def retry_in(error: Transient, retries: int) -> int:
    """Return the seconds until the next try.

    They are 1 to 31, exponential with full jitter, or 60 to 74 if Supabase denies access.
    """
    if isinstance(error, AccessDenied):
        return DENIED_S + randbelow(DENIED_S // 4)
    return 1 + int(get_exponential_backoff_interval(BACKOFF_S, retries, BACKOFF_MAX_S, full_jitter=True))


def retry(task: "Task[Any, Any]", error: Transient) -> Retry:
    """Return the exception that a task raises to be retried later."""
    delay = retry_in(error, task.request.retries)
    again: Retry = task.retry(exc=error, countdown=delay, throw=False)
    return again


@setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    logs.configure(load(LogSettings))


@worker_init.connect
def _open(sender: WorkController, **_: Any) -> None:
    if not issubclass(sender.pool_cls, (ThreadPool, SoloPool)):
        raise SystemExit(
            "worker: the pool must be threads (or solo): all tasks of a process share its connections; "
            "leave out --pool, and scale with --concurrency or more workers"
        )
    try:
        settings = load(WorkerSettings)
        for trouble in insist(check_redis_servers(settings)) + insist(check_supabase(settings)):
            log.warning("%s", trouble)
        app.resources = open_resources(settings)
        metrics.tell(settings, "worker")
    except (SettingsError, Misconfigured) as error:
        raise SystemExit(str(error)) from None
    except Exception:
        # Celery would log the error and keep a worker running that can do nothing.
        log.exception("the worker cannot start")
        raise SystemExit(1) from None
    app.watchdog = Watchdog(app.resources.publisher, settings.mqtt_deaf_after_s, settings.health_file)
    app.watchdog.start()


@worker_shutdown.connect
def _close(**_: Any) -> None:
    app.watchdog.stop()
    app.resources.close()
