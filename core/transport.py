"""Celery's transport to Redis, with one client for the commands of a channel.

kombu makes a client for every message that is sent, received or acknowledged, and for every event; to make
one takes as long as its command. Threads may share a client, since each command takes a connection of its own
from the pool.
"""

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """A channel that keeps its client for as long as it keeps its connections."""

    _kept: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[no-untyped-call]
        if self._kept is None or self._kept.connection_pool is not self.pool:
            self._kept = super()._create_client()  # type: ignore[no-untyped-call]
        return self._kept


class Transport(redis.Transport):
    """The transport for redis:// and rediss://."""

    Channel = Channel
