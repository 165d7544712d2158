"""The workers: one Celery task per capture, and the tasks that repeat, answer and record."""

from tasks.app import app

__all__ = ["app"]
