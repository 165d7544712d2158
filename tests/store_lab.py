"""The whole store on one Redis, as listener and workers see it together."""

from core.clock import now_ms
from core.settings import ArrivalSettings, SweepSettings
from core.store.store import open_store
from listener.batch import Batches


class StoreSettings(ArrivalSettings, SweepSettings):
    """What both sides go by."""


class StoreLab:
    """Every part of the store by its name, and batches as the listener makes them."""

    def __init__(self, redis, *, clock=now_ms, **settings):
        self.settings = StoreSettings(**settings)
        store = open_store(redis, self.settings, clock)
        self.redis, self.now = redis, store.now
        self.captures, self.devices, self.streams = store.captures, store.devices, store.streams
        self.locks, self.listeners, self.places = store.locks, store.listeners, store.places
        self.announced, self.breakers = store.announced, store.breakers
        self._batches = Batches(redis, self.settings)

    def batch(self):
        """Begin a batch."""
        return self._batches.begin()


def batch_on(resources):
    """Begin a batch in the Redis of a worker's resources, as a listener beside it would."""
    return Batches(resources.store.redis, ArrivalSettings()).begin()
