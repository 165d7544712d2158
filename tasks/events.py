"""The events for Flower: a worker sends what it has twice a second.

Celery collects the events of tasks, but sends them at the next turn of its loop, so under load each costs a
message of its own.
"""

from typing import Any, Final

from celery.bootsteps import StartStopStep
from celery.worker.consumer import Consumer
from celery.worker.consumer.events import Events

FLUSH_EVERY_S: Final = 0.5


class FlushEvents(StartStopStep):  # type: ignore[misc] # Celery has no types
    """A step of the consumer, which starts anew with each connection; many events are sent sooner."""

    requires = (Events,)

    def __init__(self, consumer: Consumer, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Consumer) -> None:
        """Flush from now on by time alone."""
        dispatcher = consumer.event_dispatcher
        dispatcher.on_send_buffered = None
        self._timer = consumer.timer.call_repeatedly(FLUSH_EVERY_S, dispatcher.flush)

    def stop(self, consumer: Consumer) -> None:
        """Flush a last time."""
        if self._timer:
            self._timer.cancel()
            consumer.event_dispatcher.flush()
