"""The listener in this process, fed by hand: the real decoder, Redis and loop, without a broker."""

import threading

from core import keys
from core.chunk_store import ChunkStore
from core.keys import CaptureRef
from core.settings import Settings
from listener.connection import Received
from listener.listen import Listener


class Line:
    """Stands for the connection to the broker: gives the batches, notes what is acknowledged."""

    client_id, ping_topic, heard_until_ms = "fleet", "ESP32CAM/fleet/ping", 0

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

    def acknowledge(self, messages):
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
        return lambda *arguments: self.tasks.append((name, *arguments))


def listen(redis, batches, **settings):
    """Run a listener over the batches; give the line, what was enqueued and the error records."""
    settings = Settings(mqtt_host="broker.test", **settings)
    line, enqueued, store = Line(batches), Enqueued(), ChunkStore(redis, settings)
    # A batch that finds no scripts is committed a second time, and so are its records.
    store.review(CaptureRef("D0", "none.jpg"), store.now(), None)
    Listener(settings, line, store, enqueued).run(line.stopping)
    errors = [record for _, records in store.records(keys.ERRORS, 10**6) for record in records]
    return line, enqueued.tasks, errors
