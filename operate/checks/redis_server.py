"""Checks that Redis, or each node of a cluster, is reachable, evicts nothing, and keeps its data."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from redis import Redis, RedisError
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, ResponseError

from core.clock import now_ms
from core.settings import RedisSettings
from core.store.clock import RedisClock
from core.store.cluster import Cluster
from core.store.connection import connect
from core.store.keys import SHARDS, due_key
from core.store.memory import FULL, limit_of
from operate.checks import Check

KEPT: Final = "noeviction"
# The times of retries are of the worker's host, so they are off by as much.
MOST_AHEAD_S: Final = 3
# What redis-py says of a server that knows no CLUSTER.
NO_CLUSTER: Final = "Cluster mode is not enabled"


def check_redis_servers(settings: RedisSettings) -> Iterator[Check]:
    """Yield the checks of the Redis of the chunks, and of Celery's Redis if it is another server."""
    urls = {"REDIS_URL": settings.redis_url, "CELERY_BROKER_URL": settings.queue_url}
    seen = set()
    for name, url in urls.items():
        # Databases of one server share everything that is checked here.
        server = url.get_secret_value().rpartition("/")[0]
        if server not in seen:
            seen.add(server)
            with connect(url) as redis:
                if isinstance(redis, Cluster):
                    yield from check_cluster(redis, name, settings.redis_memory_mb)
                else:
                    yield from check_redis(redis, name, settings.redis_memory_mb)


def check_cluster(cluster: Cluster, name: str, limit_mb: int = 0) -> Iterator[Check]:
    """Yield the checks of a cluster as a whole, then those of each of its nodes, replicas too."""
    try:
        nodes, shares = cluster.members(), Counter(map(cluster.address_of, map(due_key, range(SHARDS))))
        primaries, state = len(cluster.primaries()), cluster.state()
    except RedisError as error:
        yield _failed(error, name)
        return
    title, spread = (
        f"{name}: cluster",
        ", ".join(f"{share} on {node}" for node, share in sorted(shares.items())),
    )
    detail = f"{primaries} primaries, {len(nodes) - primaries} replicas; shards: {spread}"
    if state != "ok":
        remedy = (
            "is a primary away with all its replicas? `redis-cli --cluster check` says which slots it has"
        )
        yield Check(title, "unreachable", f"cluster_state is {state}", remedy)
    elif len(shares) < primaries:
        remedy = "move slots, so that each primary has some of the 16 shards (docs/scaling.md)"
        yield Check(title, "warning", f"{detail}, and none on another", remedy)
    else:
        yield Check(title, "ok", detail)
    for address, node in nodes.items():
        yield from _check_server(node, f"{name} {address}", limit_mb)


def check_redis(redis: Redis, name: str, limit_mb: int = 0) -> Iterator[Check]:
    """Yield the checks of eviction policy, memory and persistence; `name` is the setting of the Redis URL.

    `limit_mb` is the limit of the memory gate where Redis has none.
    """
    try:
        in_cluster = int(redis.info("cluster").get("cluster_enabled", 0))
    except RedisError:
        in_cluster = 0  # the other checks say why
    if in_cluster:
        remedy = {"REDIS_URL": "begin it with redis+cluster://"}.get(name, "let it name a Redis of its own")
        yield Check(name, "wrong", "this Redis is a node of a cluster", remedy)
    else:
        yield from _check_server(redis, name, limit_mb)


def _check_server(redis: Redis, name: str, limit_mb: int) -> Iterator[Check]:
    try:
        memory, persistence = redis.info("memory"), redis.info("persistence")
        snapshots, seconds = _snapshots(redis), (now_ms() - RedisClock(redis)()) / 1000
    except NoPermissionError as error:
        gate = f"the memory gate counts with {limit_mb} MB" if limit_mb else "there is no memory gate"
        remedy = f"permit INFO{'' if limit_mb else ', or set REDIS_MEMORY_MB'}"
        yield Check(f"{name}: eviction", "warning", f"cannot be seen, and {gate}: {error}", remedy)
        return
    except RedisError as error:
        yield _failed(error, name)
        return
    yield Check(name, "ok", "reachable")
    yield _eviction(memory, name, limit_mb)
    yield _persistence(persistence, snapshots, name)
    yield _clock(seconds, name)


def _failed(error: RedisError, name: str) -> Check:
    setting = name.partition(" ")[0]
    if isinstance(error, (AuthenticationError, AuthorizationError)):
        return Check(name, "wrong", f"the login is refused: {error}", f"put user and password into {setting}")
    if NO_CLUSTER in str(error):
        return Check(name, "wrong", "this Redis is no cluster", f"begin {setting} with redis://")
    remedy = f"is it running, and is {setting} its address? `rediss://` is for TLS only"
    return Check(name, "unreachable", f"{error}", remedy)


def _eviction(memory: dict[str, Any], name: str, limit_mb: int) -> Check:
    policy, limit = memory.get("maxmemory_policy", "unknown"), limit_of(memory, limit_mb)
    title = f"{name}: eviction"
    if policy != KEPT:
        return Check(
            title,
            "wrong",
            f"maxmemory-policy is {policy}: when memory runs out, queues and chunks vanish without an error",
            f"set it to {KEPT} (Render: `maxmemoryPolicy: {KEPT}`)",
        )
    share = int(memory["used_memory"]) / limit
    detail = f"{KEPT}, {share:.0%} of {limit / 2**20:.0f} MB in use"
    if not int(memory.get("maxmemory", 0)):
        source = "REDIS_MEMORY_MB" if limit_mb else "half of its host's memory"
        detail += f"; no maxmemory, so the memory gate counts with {source}"
    if share >= FULL:
        return Check(
            title, "warning", detail, "find what fills it (docs/operations.md) or take a larger plan"
        )
    return Check(title, "ok", detail)


def _persistence(persistence: dict[str, Any], snapshots: str | None, name: str) -> Check:
    title = f"{name}: persistence"
    if int(persistence.get("aof_enabled", 0)):
        return Check(title, "ok", "append-only file")
    if snapshots:
        return Check(
            title,
            "warning",
            "snapshots only: a restart loses the chunks since the last one",
            "turn on the append-only file (Render: a paid Key Value plan); devices send again what is lost",
        )
    return Check(
        title,
        "warning",
        "cannot be seen" if snapshots is None else "none: a restart loses all chunks in flight",
        "turn on the append-only file (Render: a paid Key Value plan); devices send again what is lost",
    )


def _clock(seconds: float, name: str) -> Check:
    title, way = f"{name}: clock", "ahead of" if seconds > 0 else "behind"
    if abs(seconds) <= MOST_AHEAD_S:
        return Check(title, "ok", "that of this host")
    detail = f"this host is {abs(seconds):.0f} s {way} Redis; all schedules follow Redis"
    return Check(title, "warning", detail, "let both hosts synchronise their clocks (NTP)")


def _snapshots(redis: Redis) -> str | None:
    try:
        answer: dict[Any, Any] = redis.config_get("save")
    except ResponseError:  # hosted servers forbid CONFIG
        return None
    return "".join(str(value, "ascii") if isinstance(value, bytes) else value for value in answer.values())
