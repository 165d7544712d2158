"""The locks of periodic tasks: of several processes with the same task, one runs it at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import LockNotOwnedError

from core.store.connection import transient
from core.store.keys import lock_key


class Locks:
    """The locks in one Redis. A lock holds its owner's token, so that nobody else can release it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @contextmanager
    def turn(self, name: str, seconds: float) -> Iterator[bool]:
        """Hold the lock for the block, at most for `seconds`; False if another process holds it.

        Raises Transient. A holder that takes longer than `seconds` goes on, and another process may take the
        lock.
        """
        lock = self._redis.lock(lock_key(name), timeout=seconds, thread_local=False)
        with transient():
            mine = lock.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                with transient(), suppress(LockNotOwnedError):
                    lock.release()
