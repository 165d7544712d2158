"""The conversation with each device, as far as it must outlive a process: held in Redis.

A hello is remembered until it is answered, so that the sweep can repeat a lost task: a device that is never
answered stays awake until its battery is empty. What the device shall still be asked for after its next ACK
is its agenda. The last wake the database named is the answer when the database cannot be asked.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from redis import Redis, RedisError

from core import keys
from core.errors import Transient

HELLO_TTL_S: Final = 3600
# A hello that is not answered by then is taken for lost; an answer takes some 10 ms.
ANSWER_WITHIN_MS: Final = 5_000
# A second hello within this time has crossed with the answer to the first.
CROSSING_MS: Final = 5_000
AGENDA_TTL_S: Final = 900
WAKE_TTL_S: Final = 30 * 24 * 3600
# How long after a sign of life a device is taken to be awake, so that a command may reach it at once.
AWAKE_MS: Final = 12_000


class Wake(NamedTuple):
    """When a device wakes next, in UTC, and its time zone; `at` is None where no schedule is set."""

    at: datetime | None
    timezone: str


def hello_commands(device_id: str, hello: dict[str, Any], now: int) -> list[tuple[Any, ...]]:
    """Give the commands that remember a hello until it is answered, for the listener's batch."""
    return [
        ("SET", keys.hello_key(device_id), orjson.dumps(hello), "EX", HELLO_TTL_S),
        ("ZADD", keys.UNANSWERED, now + ANSWER_WITHIN_MS, device_id),
        ("EXPIRE", keys.UNANSWERED, HELLO_TTL_S),
    ]


class DeviceStore:
    """What is remembered of the conversation with each device; raises Transient where Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def unanswered(self, now: int, limit: int) -> list[dict[str, Any]]:
        """Give hellos that are due for an answer, and look at them again later."""
        devices = [
            name.decode()
            for name in self._run("ZRANGEBYSCORE", keys.UNANSWERED, "-inf", now, "LIMIT", 0, limit)
        ]
        hellos = []
        for device_id in devices:
            if hello := self._run("GET", keys.hello_key(device_id)):
                self._run("ZADD", keys.UNANSWERED, now + ANSWER_WITHIN_MS, device_id)
                hellos.append(orjson.loads(hello))
            else:
                self._run("ZREM", keys.UNANSWERED, device_id)
        return hellos

    def answered(self, device_id: str) -> None:
        """Note that the device has its answer."""
        self._run("ZREM", keys.UNANSWERED, device_id)
        self._run("SET", keys.answered_key(device_id), 1, "PX", CROSSING_MS)
        self.is_awake()

    def answered_just_now(self, device_id: str) -> bool:
        """Say whether the device was answered within the last seconds."""
        return bool(self._run("EXISTS", keys.answered_key(device_id)))

    def plan(self, device_id: str, messages: list[dict[str, Any]]) -> None:
        """Make `messages` the agenda of the device, in place of what was left of the last one."""
        key = keys.agenda_key(device_id)
        self._run("DEL", key)
        if messages:
            self._run("RPUSH", key, *map(orjson.dumps, messages))
            self._run("EXPIRE", key, AGENDA_TTL_S)

    def next_message(self, device_id: str) -> dict[str, Any] | None:
        """Take the next message from the agenda; None where nothing is left."""
        message = self._run("LPOP", keys.agenda_key(device_id))
        return orjson.loads(message) if message else None

    def remember_wake(self, device_id: str, next_wake_at: str | None, timezone: str | None) -> Wake:
        """Keep what the database says of the next wake, and give it."""
        if next_wake_at:
            value = orjson.dumps([next_wake_at, timezone])
            self._run("SET", keys.wake_key(device_id), value, "EX", WAKE_TTL_S)
        return Wake(datetime.fromisoformat(next_wake_at) if next_wake_at else None, timezone or "UTC")

    def last_wake(self, device_id: str) -> Wake:
        """Give the wake that the database named last."""
        value = self._run("GET", keys.wake_key(device_id))
        next_wake_at, timezone = orjson.loads(value) if value else (None, None)
        return Wake(datetime.fromisoformat(next_wake_at) if next_wake_at else None, timezone or "UTC")

    def is_awake(self) -> None:
        """Note that some device was heard just now."""
        self._run("SET", keys.AWAKE, 1, "PX", AWAKE_MS)

    def any_awake(self) -> bool:
        """Say whether any device was heard within the last seconds."""
        return bool(self._run("EXISTS", keys.AWAKE))

    def _run(self, *command: Any) -> Any:
        try:
            return self._redis.execute_command(*command)
        except RedisError as error:
            raise Transient(f"Redis: {error}") from error
