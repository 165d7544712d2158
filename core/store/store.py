"""The whole store, as a worker uses it on one Redis."""

from collections.abc import Callable
from typing import NamedTuple

from redis import Redis

from core.clock import now_ms
from core.settings import SweepSettings
from core.store.breakers import Breakers
from core.store.captures import CaptureStore
from core.store.devices import DeviceStore
from core.store.keeper import Keeper
from core.store.listeners import Listeners
from core.store.locks import Locks
from core.store.places import Places
from core.store.streams import Streams


class Store(NamedTuple):
    """The parts of the store, their Redis, and the clock (ms since 1970) that schedules everything."""

    redis: Redis
    now: Callable[[], int]
    captures: CaptureStore
    devices: DeviceStore
    streams: Streams
    locks: Locks
    keeper: Keeper
    listeners: Listeners
    places: Places
    breakers: Breakers


def open_store(redis: Redis, settings: SweepSettings, clock: Callable[[], int] = now_ms) -> Store:
    """Make all parts of the store on this Redis, without connecting yet."""
    keeper = Keeper()
    return Store(
        redis,
        clock,
        CaptureStore(redis, settings, clock),
        DeviceStore(redis),
        Streams(redis),
        Locks(redis, keeper),
        keeper,
        Listeners(redis),
        Places(redis),
        Breakers.on(redis, clock),
    )
