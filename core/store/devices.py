"""The state of the exchange with each device, kept in Redis because it must outlive a process.

A hello stays until it is answered, so that the sweep can repeat a lost task: a device that gets no answer
stays awake until its battery is empty. The agenda of a device holds the messages to send after its next ACKs.
The last wake that the database gave is the answer while the database cannot be reached.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple, TypedDict

import orjson
from redis import Redis

from core.store import keys
from core.store.connection import transient
from core.wake import Wake
from core.wire import Status

# After this time an unanswered hello counts as lost; an answer takes some 10 ms.
ANSWER_WITHIN_MS: Final = 5_000


class Hello(NamedTuple):
    """A status message that waits for its answer.

    `key` makes a second delivery of its task harmless: the database takes one row for each key.
    """

    status: Status
    received_at_ms: int
    key: str

    @property
    def device_id(self) -> str:
        """The device that sent it."""
        return self.status.device_id

    @classmethod
    def of(cls, status: Status, received_at_ms: int) -> "Hello":
        """Make the hello of a status message that arrived at `received_at_ms`."""
        return cls(status, received_at_ms, f"{status.device_id}:{received_at_ms}")

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Hello":
        """Read the result of `to_json`."""
        known = {name: fields[name] for name in Status._fields if name in fields}
        known |= {"raw": orjson.dumps(fields["raw"]), "pending_list": tuple(fields["pending_list"])}
        return cls(Status(**known, claimed_id=None), fields["received_at_ms"], fields["message_key"])

    def to_json(self) -> dict[str, Any]:
        """Return the fields as tasks carry them and the SQL function `record_hello` takes them."""
        fields = self.status._asdict()
        del fields["claimed_id"]
        fields["raw"] = orjson.loads(self.status.raw)
        return fields | {"received_at_ms": self.received_at_ms, "message_key": self.key}


def hello_commands(hello: Hello) -> list[tuple[Any, ...]]:
    """Return the Redis commands that keep a hello until it is answered."""
    device_id = hello.device_id
    return [
        ("SET", keys.hello_key(device_id), orjson.dumps(hello.to_json()), "EX", keys.HELLO_TTL_S),
        ("ZADD", keys.UNANSWERED, hello.received_at_ms + ANSWER_WITHIN_MS, device_id),
        ("EXPIRE", keys.UNANSWERED, keys.HELLO_TTL_S),
    ]


class SentAck(TypedDict):
    """An ACK, as the SQL function `record_hello` takes it: of which row, when it was sent last, how often."""

    capture_id: str
    at_ms: int
    times: int


class DeviceStore:
    """The state of each device in one Redis; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def unanswered(self, now: int, limit: int) -> list[Hello]:
        """Return hellos whose answer is overdue, and make them due again in ANSWER_WITHIN_MS."""
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
        """Count the devices that wait for an answer to their hello."""
        return int(self._run("ZCARD", keys.UNANSWERED))

    def answered(self, device_id: str) -> None:
        """Note that the hello of the device is answered."""
        self._run("ZREM", keys.UNANSWERED, device_id)
        self._run("SET", keys.answered_key(device_id), 1, "PX", keys.CROSSING_MS)
        self.is_awake()

    def answered_just_now(self, device_id: str) -> bool:
        """Say whether the device was answered within the last CROSSING_MS."""
        return bool(self._run("EXISTS", keys.answered_key(device_id)))

    def plan(self, device_id: str, messages: list[dict[str, Any]]) -> None:
        """Replace the agenda of the device by `messages`."""
        key = keys.agenda_key(device_id)
        self._run("DEL", key)
        if messages:
            self._run("RPUSH", key, *map(orjson.dumps, messages))
            self._run("EXPIRE", key, keys.AGENDA_TTL_S)

    def next_message(self, device_id: str) -> dict[str, Any] | None:
        """Remove and return the next message of the agenda; None if it is empty."""
        message = self._run("LPOP", keys.agenda_key(device_id))
        return orjson.loads(message) if message else None

    def acks(self, device_id: str, before_ms: int) -> list[SentAck]:
        """Return the ACKs sent to the device before a moment (ms) of which no hello has told yet."""
        flat = self._run("HGETALL", keys.acked_key(device_id))
        found = []
        for row, said in flat.items():
            at_ms, times = map(int, said.split(b":"))
            if at_ms < before_ms:
                found.append(SentAck(capture_id=row.decode(), at_ms=at_ms, times=times))
        return found

    def forget_acks(self, device_id: str, acks: list[SentAck]) -> None:
        """Forget ACKs whose effect is told."""
        if acks:
            self._run("HDEL", keys.acked_key(device_id), *(ack["capture_id"] for ack in acks))

    def remember_wake(self, device_id: str, next_wake_at: str | None, timezone: str | None) -> Wake:
        """Store the next wake that the database gave, None without a schedule, and return it."""
        if next_wake_at:
            value = orjson.dumps([next_wake_at, timezone])
            self._run("SET", keys.wake_key(device_id), value, "EX", keys.WAKE_TTL_S)
        else:
            self._run("DEL", keys.wake_key(device_id))
        return _wake(next_wake_at, timezone)

    def last_wake(self, device_id: str) -> Wake:
        """Return the stored wake; without one, no schedule and UTC."""
        value = self._run("GET", keys.wake_key(device_id))
        return _wake(*orjson.loads(value)) if value else Wake(None, "UTC")

    def is_awake(self) -> None:
        """Note that a device was heard just now."""
        self._run("SET", keys.AWAKE, 1, "PX", keys.AWAKE_MS)

    def any_awake(self) -> bool:
        """Say whether any device was heard within the last AWAKE_MS."""
        return bool(self._run("EXISTS", keys.AWAKE))

    def _run(self, *command: Any) -> Any:
        with transient():
            return self._redis.execute_command(*command)


def _wake(next_wake_at: str | None, timezone: str | None) -> Wake:
    return Wake(datetime.fromisoformat(next_wake_at) if next_wake_at else None, timezone or "UTC")
