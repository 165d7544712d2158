"""How every process connects to Redis: every wait is bounded, and Redis errors become Transient."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pydantic import SecretStr
from redis import Redis, RedisError
from redis.backoff import ExponentialBackoff
from redis.connection import BlockingConnectionPool
from redis.exceptions import ConnectionError
from redis.retry import Retry

from core.errors import OutOfMemory, Transient
from core.redis_url import is_cluster
from core.store.cluster import Cluster

_BOUNDED: Final[dict[str, Any]] = {"socket_timeout": 5, "socket_keepalive": True}
# All nodes of a cluster may be tried one after the other.
_NODE_CONNECTS_S: Final = 2


def connect(url: SecretStr, *, connections: int = 4) -> Redis:
    """Make a client for a Redis URL; its answers are bytes.

    Each wait ends after 5 s. A command on a broken connection is sent once more, but not one that got no
    answer in time: Redis may still carry out both. In a cluster neither is, and each thread has at most one
    connection to each node.
    """
    text = url.get_secret_value()
    if is_cluster(text):
        return Cluster(text, **_BOUNDED, socket_connect_timeout=_NODE_CONNECTS_S)
    pool = BlockingConnectionPool.from_url(
        text,
        max_connections=connections,
        timeout=5,
        **_BOUNDED,
        socket_connect_timeout=5,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), retries=1, supported_errors=(ConnectionError,)),
    )
    return Redis(connection_pool=pool)


def servers(redis: Redis) -> list[Redis]:
    """Return a client for each server that holds keys: of a cluster its primaries, else this one."""
    return redis.primaries() if isinstance(redis, Cluster) else [redis]


@contextmanager
def transient() -> Iterator[None]:
    """Raise every Redis error inside the block as Transient, a full Redis as OutOfMemory."""
    try:
        yield
    except RedisError as error:
        raise unavailable("Redis", error) from error


def unavailable(server: str, error: Exception) -> Transient:
    """Return the error of a call that this server has not carried out."""
    kind = OutOfMemory if "used memory > 'maxmemory'" in str(error) else Transient
    return kind(f"{server}: {error}")
