"""The locks: of several processes with the same periodic task, one acts at a time."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import LockNotOwnedError

from core.store.connection import transient
from core.store.keys import lock_key


class Locks:
    """The locks on one Redis. Each has an owner's token, so nobody frees a lock that another holds by now."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @contextmanager
    def turn(self, name: str, seconds: float) -> Iterator[bool]:
        """Hold the lock for a block, at most for `seconds`; False where another process has its turn now.

        Raises Transient. A holder that takes longer than `seconds` goes on, and another may take its turn.
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
