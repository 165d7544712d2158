"""The listener in this process, fed by hand: the real decoder, Redis and loop, without a broker."""

import threading

from core.clock import now_ms
from core.dispatch import Dispatcher
from core.settings import ListenerSettings
from core.store import keys
from core.store.keys import CaptureRef
from core.store.streams import Streams
from listener.batch import Batches
from listener.connection import Received
from listener.listen import Listener


class Line:
    """Stands for the connection to the broker: gives the batches, notes what is acknowledged."""

    client_id, heard_until_ms, connected = "fleet", 0, True

    def __init__(self, batches):
        self._batches = iter(batches)
        self.stopping = threading.Event()
        self.acknowledged = 0
        self.tended = 0

    def read(self, _wait_s):
        """Give the next batch; after the last one the listener is told to stop."""
        batch = next(self._batches, None)
        if batch is None:
            self.stopping.set()
            return []
        return [Received(topic, payload, 1, 1, 1) for topic, payload in batch]

    def puback(self, messages):
        """Count."""
        self.acknowledged += len(messages)

    def tend(self):
        """Count."""
        self.tended += 1

    def leave(self):
        """Do nothing."""

    close = leave


class Enqueued:
    """Stands for Celery: notes what is enqueued."""

    def __init__(self):
        self.tasks = []

    def __getattr__(self, name):
        assert hasattr(Dispatcher, name), f"nothing is enqueued by {name}"
        return lambda *arguments: self.tasks.append((name, *arguments))


def listen(redis, batches, clock=None, enqueued=None, **settings):
    """Run a listener over the batches; give the line, what was enqueued and the error records.

    Without a clock all of it happens in one minute.
    """
    began, enqueued = now_ms(), enqueued or Enqueued()
    settings = ListenerSettings(mqtt_host="broker.test", **settings)
    line = Line(batches)
    # A batch that finds no scripts is executed a second time, and so are its entries.
    warm_up = Batches(redis, settings).begin()
    warm_up.chunks(CaptureRef("D0", "none.jpg"), 0, [0, b"x"])
    warm_up.commit()
    redis.flushdb()
    Listener(settings, line, redis, enqueued, clock or (lambda: began)).run(line.stopping)
    errors = [entry for batch in Streams(redis).oldest(keys.ERRORS, 10**6) for entry in batch.entries]
    return line, enqueued.tasks, errors
