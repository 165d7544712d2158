"""The locks of periodic tasks: of several processes with the same task, one runs it at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import LockError, LockNotOwnedError
from redis.lock import Lock

from core.store.connection import transient
from core.store.keeper import Keeper
from core.store.keys import lock_key


class Locks:
    """The locks in one Redis. A lock holds its owner's token, so that nobody else can release it."""

    def __init__(self, redis: Redis, keeper: Keeper) -> None:
        self._redis = redis
        self._keeper = keeper

    @contextmanager
    def turn(self, name: str, seconds: float, every: float = 0.0) -> Iterator[bool]:
        """Hold the lock for the block, however long it takes; False if another process holds it.

        The lock stays for `every` seconds longer, so that of many messages that have waited only one is
        followed. Raises Transient. If its process dies, the lock is free after `seconds`. It may also be lost
        while Redis is away for that long; then its holder goes on, and another process may take it.
        """
        lock = self._redis.lock(lock_key(name), timeout=seconds, thread_local=False)
        with transient():
            mine = lock.acquire(blocking=False)
        if not mine:
            yield False
            return
        try:
            with self._keeper.keeping(lambda: _renew(lock)):
                yield True
        finally:
            with transient(), suppress(LockNotOwnedError):
                if every:
                    lock.extend(every, replace_ttl=True)
                else:
                    lock.release()


def _renew(lock: Lock) -> bool:
    with transient():
        try:
            return bool(lock.reacquire())
        except LockError:
            return False  # it is lost, or has been released just now
