"""Checks that Redis is reachable, evicts nothing, and keeps its data over a restart."""

from collections.abc import Iterator
from typing import Any, Final

from redis import Redis, RedisError
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError, ResponseError

from core.clock import now_ms
from core.settings import RedisSettings
from core.store.clock import RedisClock
from core.store.connection import connect
from core.store.memory import FULL, limit_of
from operate.checks import Check

KEPT: Final = "noeviction"
# The times of retries are of the worker's host, so they are off by as much.
MOST_AHEAD_S: Final = 3


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
                yield from check_redis(redis, name, settings.redis_memory_mb)


def check_redis(redis: Redis, name: str, limit_mb: int = 0) -> Iterator[Check]:
    """Yield the checks of eviction policy, memory and persistence; `name` is the setting of the Redis URL.

    `limit_mb` is the limit of the memory gate where Redis has none.
    """
    try:
        memory, persistence = redis.info("memory"), redis.info("persistence")
        snapshots, seconds = _snapshots(redis), (now_ms() - RedisClock(redis)()) / 1000
    except (AuthenticationError, AuthorizationError) as error:
        yield Check(name, "wrong", f"the login is refused: {error}", f"put user and password into {name}")
        return
    except NoPermissionError as error:
        gate = f"the memory gate counts with {limit_mb} MB" if limit_mb else "there is no memory gate"
        remedy = f"permit INFO{'' if limit_mb else ', or set REDIS_MEMORY_MB'}"
        yield Check(f"{name}: eviction", "warning", f"cannot be seen, and {gate}: {error}", remedy)
        return
    except RedisError as error:
        remedy = f"is it running, and is {name} its address? `rediss://` is for TLS only"
        yield Check(name, "unreachable", f"{error}", remedy)
        return
    yield Check(name, "ok", "reachable")
    yield _eviction(memory, name, limit_mb)
    yield _persistence(persistence, snapshots, name)
    yield _clock(seconds, name)


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
