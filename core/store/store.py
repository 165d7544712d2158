"""The whole store, as a worker uses it on one Redis."""

from typing import NamedTuple

from redis import Redis

from core.clock import Clock
from core.settings import SweepSettings
from core.store.announced import Announced
from core.store.breakers import Breakers
from core.store.captures import CaptureStore
from core.store.clock import RedisClock
from core.store.devices import DeviceStore
from core.store.keeper import Keeper
from core.store.listeners import Listeners
from core.store.locks import Locks
from core.store.places import Places
from core.store.streams import Streams


class Store(NamedTuple):
    """The parts of the store, their Redis, and the clock that schedules everything."""

    redis: Redis
    now: Clock
    captures: CaptureStore
    devices: DeviceStore
    streams: Streams
    locks: Locks
    keeper: Keeper
    listeners: Listeners
    places: Places
    breakers: Breakers
    announced: Announced


def open_store(redis: Redis, settings: SweepSettings, clock: Clock | None = None) -> Store:
    """Make all parts of the store on this Redis, without connecting yet; `clock` stands for that of Redis."""
    clock, keeper = clock or RedisClock(redis), Keeper()
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
        Announced(redis),
    )
