"""How every process reaches Redis: bounded waits, and errors said in our own terms."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr
from redis import Redis, RedisError
from redis.backoff import ExponentialBackoff
from redis.connection import BlockingConnectionPool
from redis.retry import Retry

from core.errors import Transient


def connect(url: SecretStr, *, connections: int = 4) -> Redis:
    """Make a client for a Redis URL: every wait is bounded, a broken connection is tried once more.

    Its answers are bytes.
    """
    pool = BlockingConnectionPool.from_url(
        url.get_secret_value(),
        max_connections=connections,
        timeout=5,
        socket_timeout=5,
        socket_connect_timeout=5,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=1),
    )
    return Redis(connection_pool=pool)


@contextmanager
def transient() -> Iterator[None]:
    """Turn every error of Redis inside the block into Transient."""
    try:
        yield
    except RedisError as error:
        raise Transient(f"Redis: {error}") from error
