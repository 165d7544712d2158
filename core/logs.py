"""Log lines as text or, on demand, as JSON; lines about a capture name its device and image."""

import logging
import sys
from typing import Final

from celery import current_task
from pythonjsonlogger.json import JsonFormatter

from core.dispatch import PERIODIC
from core.settings import LogSettings
from core.text import printable

CONTEXT: Final = ("device", "capture", "task_id")


class _TextFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        context = "".join(f" {name}={getattr(record, name)}" for name in CONTEXT if hasattr(record, name))
        return printable(super().formatMessage(record) + context)


def _name_task(record: logging.LogRecord) -> bool:
    """Add the id of the running Celery task, if there is one, to each of its log lines."""
    if current_task and not hasattr(record, "task_id"):
        record.task_id = current_task.request.id
    return True


def _is_news(record: logging.LogRecord) -> bool:
    """Drop Celery's lines on sending, receiving and finishing periodic tasks: six lines a second."""
    if record.levelno > logging.INFO or not record.name.startswith("celery."):
        return True
    message = record.getMessage()
    return not any(name in message for name in PERIODIC)


def configure(settings: LogSettings) -> None:
    """Send every log line of this process to standard output, in the format of the settings."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_name_task)
    if settings.log_level != "DEBUG":
        handler.addFilter(_is_news)
    if settings.log_format == "json":
        fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
        handler.setFormatter(JsonFormatter(fields, rename_fields={"levelname": "level", "asctime": "time"}))
    else:
        handler.setFormatter(_TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # httpx logs every request with its whole URL, and httpcore what was answered.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Celery logs two lines for every task; a capture's own line says more, and Flower shows the rest.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(settings.log_level)))
