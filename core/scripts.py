"""The Lua scripts: a check and the act that depends on it, in one step that nothing can come between.

The sources lie in `core/lua/`. The constants in capitals are written into them from the settings, so a
call carries only what changes.
"""

from hashlib import sha1
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.exceptions import NoScriptError

from core.keys import SEALED_TTL_S, SHARDS
from core.settings import Settings

FOLDER: Final = Path(__file__).parent / "lua"
WITH_PRELUDE: Final = ("store_chunks", "put_metadata")
PLAIN: Final = ("review", "settle_timeout", "drop", "claim", "note", "release", "close")

# How long one worker holds a capture between two notes: above the time limits of the HTTP calls in between.
LEASE_MS: Final = 20_000
# When the sweep first enqueues a complete capture again, and the longest it waits between two times.
REQUEUE_MS: Final = 10_000
MAX_REQUEUE_MS: Final = 300_000
# By so much of its end a chunk of a finished image is known again.
END_BYTES: Final = 8


class Scripts:
    """The scripts with the constants of `settings`, loaded into a Redis when it does not know them."""

    def __init__(self, settings: Settings) -> None:
        constants = {
            "CAPTURE_TIMEOUT_MS": settings.capture_timeout_ms,
            "CAPTURE_TTL_S": settings.capture_ttl_s,
            "END_BYTES": END_BYTES,
            "LEASE_MS": LEASE_MS,
            "MAX_IMAGE_BYTES": settings.max_image_bytes,
            "MAX_PER_DEVICE": settings.max_captures_per_device,
            "MAX_PER_SHARD": -(-settings.max_captures // SHARDS),
            "MAX_REQUEUE_MS": MAX_REQUEUE_MS,
            "REQUEUE_MS": REQUEUE_MS,
            "RETRANSMIT_DELAY_MS": settings.retransmit_delay_ms,
            "RETRANSMIT_MAX": settings.retransmit_max,
            "SEALED_TTL_S": SEALED_TTL_S,
        }
        head = "".join(f"local {name} = {value}\n" for name, value in constants.items())
        prelude = head + (FOLDER / "prelude.lua").read_text()
        self._sources = {name: prelude + (FOLDER / f"{name}.lua").read_text() for name in WITH_PRELUDE}
        self._sources |= {name: head + (FOLDER / f"{name}.lua").read_text() for name in PLAIN}
        # Redis names a script by the SHA-1 of its text; nothing is secured by it.
        self._digests = {
            name: sha1(source.encode(), usedforsecurity=False).hexdigest()
            for name, source in self._sources.items()
        }

    def load(self, redis: Redis) -> None:
        """Make the Redis know every script; needed once, and after it lost them in a restart."""
        for source in self._sources.values():
            redis.script_load(source)

    def command(self, name: str, keys: list[str], *arguments: Any) -> tuple[Any, ...]:
        """Give the EVALSHA command of a script, for a pipeline; its caller handles NoScriptError."""
        return ("EVALSHA", self._digests[name], len(keys), *keys, *arguments)

    def call(self, redis: Redis, name: str, keys: list[str], *arguments: Any) -> Any:
        """Run a script at once, loading it where the Redis does not know it."""
        command = self.command(name, keys, *arguments)
        try:
            return redis.execute_command(*command)
        except NoScriptError:
            self.load(redis)
            return redis.execute_command(*command)
