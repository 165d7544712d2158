"""What Home Assistant was told: how far in the database's changes, and what the broker keeps of each device.

If Redis loses it, all is told anew.
"""

from typing import Any, Final, NamedTuple

import orjson
from redis import Redis

from core.store import keys, scripts
from core.store.connection import transient

# No device's name: those are letters, digits, `_` and `-`.
_MARK: Final = ":mark"

# Topic → what tells the message that the broker keeps there from another.
Kept = dict[str, str]


class Mark(NamedTuple):
    """How far Home Assistant was told: `after` and `after_device` as the SQL function takes them.

    `prefix` is the one under which it was told. `tries` counts the runs since the mark has stood still for
    something that could not be told.
    """

    prefix: str
    after: int = 0
    after_device: str = ""
    tries: int = 0


class Announced:
    """What was told, in one Redis; every method raises Transient if Redis fails."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        constants: scripts.Constants = {"MARK": _MARK, "ANNOUNCED_TTL_S": keys.ANNOUNCED_TTL_S}
        self._set_mark = scripts.register(redis, constants, "mark")

    def mark(self, prefix: str) -> Mark:
        """Return how far Home Assistant was told; not at all if that was under another prefix, or is lost."""
        value = self._run("HGET", keys.ANNOUNCED, _MARK)
        mark = Mark(*orjson.loads(value)) if value else Mark(prefix)
        if not value or mark.prefix != prefix:
            mark = Mark(prefix)
            self._note(mark, begins=True)
        return mark

    def set_mark(self, mark: Mark) -> bool:
        """Note how far Home Assistant was told; False if Redis has lost what it was told since `mark`."""
        return self._note(mark, begins=False)

    def kept(self, devices: list[str]) -> list[Kept | None]:
        """Return what the broker keeps of each of these devices; None for one that is not known."""
        values = self._run("HMGET", keys.ANNOUNCED, *devices) if devices else []
        return [orjson.loads(value) if value else None for value in values]

    def keep(self, kept: dict[str, Kept]) -> None:
        """Note what the broker keeps of each of these devices."""
        if kept:
            pairs = [value for device_id, its in kept.items() for value in (device_id, orjson.dumps(its))]
            self._run("HSET", keys.ANNOUNCED, *pairs)

    def forget(self, devices: list[str]) -> None:
        """Forget these devices, of which the broker keeps nothing any more."""
        if devices:
            self._run("HDEL", keys.ANNOUNCED, *devices)

    def _note(self, mark: Mark, *, begins: bool) -> bool:
        with transient():
            return bool(self._set_mark(keys=[keys.ANNOUNCED], args=[orjson.dumps(list(mark)), int(begins)]))

    def _run(self, *command: Any) -> Any:
        with transient():
            return self._redis.execute_command(*command)
