"""Log lines for people and, on demand, as JSON; those about a capture carry its device and its image."""

import logging
import sys
from typing import Final

from pythonjsonlogger.json import JsonFormatter

from core.settings import Settings

CONTEXT: Final = ("device", "capture", "task_id")


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        context = "".join(f" {name}={getattr(record, name)}" for name in CONTEXT if hasattr(record, name))
        return super().format(record) + context


def configure(settings: Settings) -> None:
    """Send every log line of this process to standard output, in the form the settings ask for."""
    handler = logging.StreamHandler(sys.stdout)
    if settings.log_format == "json":
        fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
        handler.setFormatter(JsonFormatter(fields, rename_fields={"levelname": "level", "asctime": "time"}))
    else:
        handler.setFormatter(_TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # httpx writes a line for every request, with the whole address.
    logging.getLogger("httpx").setLevel(logging.WARNING)
