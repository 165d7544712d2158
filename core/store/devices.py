"""What must outlive a process of the talk with each device, held in Redis.

A hello is remembered until it is answered, so that the sweep can repeat a lost task: a device that is never
answered stays awake until its battery is empty. What the device shall still be told after its next ACK is its
agenda. The last wake that the database named is the answer when the database cannot be asked.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from redis import Redis

from core.store import keys
from core.store.connection import transient
from core.wire import Status

# A hello that is not answered by then is taken for lost; an answer takes some 10 ms.
ANSWER_WITHIN_MS: Final = 5_000


class Hello(NamedTuple):
    """A status message that waits for its answer.

    `key` makes a second delivery of its task harmless: the database takes one row for each.
    """

    status: Status
    received_at_ms: int
    key: str

    @property
    def device_id(self) -> str:
        """The device that said it."""
        return self.status.device_id

    @classmethod
    def of(cls, status: Status, received_at_ms: int) -> "Hello":
        """Make the hello of a status message that came at this time (ms)."""
        return cls(status, received_at_ms, f"{status.device_id}:{received_at_ms}")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Hello":
        """Read what `to_json` gave."""
        known = {name: fields[name] for name in Status._fields if name in fields}
        known |= {"raw": orjson.dumps(fields["raw"]), "pending_list": tuple(fields["pending_list"])}
        return cls(Status(**known, claimed_id=None), fields["received_at_ms"], fields["message_key"])

    def to_json(self) -> dict[str, Any]:
        """Give it as tasks carry it and `record_hello` takes it."""
        fields = self.status._asdict()
        del fields["claimed_id"]
        fields["raw"] = orjson.loads(self.status.raw)
        return fields | {"received_at_ms": self.received_at_ms, "message_key": self.key}


class Wake(NamedTuple):
    """When a device wakes next, in UTC, and its time zone; `at` is None where no schedule is set."""

    at: datetime | None
    timezone: str


def hello_commands(hello: Hello) -> list[tuple[Any, ...]]:
    """Give the Redis commands that remember a hello until it is answered."""
    device_id = hello.device_id
    return [
        ("SET", keys.hello_key(device_id), orjson.dumps(hello.to_json()), "EX", keys.HELLO_TTL_S),
        ("ZADD", keys.UNANSWERED, hello.received_at_ms + ANSWER_WITHIN_MS, device_id),
        ("EXPIRE", keys.UNANSWERED, keys.HELLO_TTL_S),
    ]


class DeviceStore:
    """What Redis knows of each device; raises Transient where Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def unanswered(self, now: int, limit: int) -> list[Hello]:
        """Give hellos that are due for an answer, and look at them again later."""
        devices = [
            name.decode()
            for name in self._run("ZRANGEBYSCORE", keys.UNANSWERED, "-inf", now, "LIMIT", 0, limit)
        ]
        hellos = []
        for device_id in devices:
            if hello := self._run("GET", keys.hello_key(device_id)):
                self._run("ZADD", keys.UNANSWERED, now + ANSWER_WITHIN_MS, device_id)
                hellos.append(Hello.from_json(orjson.loads(hello)))
            else:
                self._run("ZREM", keys.UNANSWERED, device_id)
        return hellos

    def count_unanswered(self) -> int:
        """Count the devices that wait for the answer to their hello."""
        return int(self._run("ZCARD", keys.UNANSWERED))

    def answered(self, device_id: str) -> None:
        """Note that the device has its answer."""
        self._run("ZREM", keys.UNANSWERED, device_id)
        self._run("SET", keys.answered_key(device_id), 1, "PX", keys.CROSSING_MS)
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
            self._run("EXPIRE", key, keys.AGENDA_TTL_S)

    def next_message(self, device_id: str) -> dict[str, Any] | None:
        """Take the next message from the agenda; None where nothing is left."""
        message = self._run("LPOP", keys.agenda_key(device_id))
        return orjson.loads(message) if message else None

    def remember_wake(self, device_id: str, next_wake_at: str | None, timezone: str | None) -> Wake:
        """Keep what the database says of the next wake, and give it."""
        if next_wake_at:
            value = orjson.dumps([next_wake_at, timezone])
            self._run("SET", keys.wake_key(device_id), value, "EX", keys.WAKE_TTL_S)
        return _wake(next_wake_at, timezone)

    def last_wake(self, device_id: str) -> Wake:
        """Give the wake that the database named last."""
        value = self._run("GET", keys.wake_key(device_id))
        return _wake(*orjson.loads(value)) if value else Wake(None, "UTC")

    def is_awake(self) -> None:
        """Note that some device was heard just now."""
        self._run("SET", keys.AWAKE, 1, "PX", keys.AWAKE_MS)

    def any_awake(self) -> bool:
        """Say whether any device was heard within the last seconds."""
        return bool(self._run("EXISTS", keys.AWAKE))

    def _run(self, *command: Any) -> Any:
        with transient():
            return self._redis.execute_command(*command)


def _wake(next_wake_at: str | None, timezone: str | None) -> Wake:
    return Wake(datetime.fromisoformat(next_wake_at) if next_wake_at else None, timezone or "UTC")
