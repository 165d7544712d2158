"""The Lua scripts: a check and the act that depends on it, in one step that nothing can come between.

The sources lie in `lua/`; the header of each says what its KEYS, its ARGV and the slots of its answer mean.
The constants in capitals are written into them from the settings, so a call carries only what changes.
"""

from hashlib import sha1
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.commands.core import Script

from core.settings import ArrivalSettings, CaptureTimes, SweepSettings
from core.store.keys import SEALED_TTL_S, SHARDS

FOLDER: Final = Path(__file__).parent / "lua"

# How long one worker holds a capture between two notes: above the time limits of the HTTP calls in between.
LEASE_MS: Final = 20_000
# When the sweep first enqueues a complete capture again, and the longest it waits between two times.
REQUEUE_MS: Final = 10_000
MAX_REQUEUE_MS: Final = 300_000
# A chunk of a finished image is recognised by so many of its last bytes.
END_BYTES: Final = 8

Constants = dict[str, int]


def arrival_constants(settings: ArrivalSettings) -> Constants:
    """Give what the scripts of the listener go by."""
    return _times(settings) | {
        "MAX_IMAGE_BYTES": settings.max_image_bytes,
        "MAX_PER_DEVICE": settings.max_captures_per_device,
        "MAX_PER_SHARD": -(-settings.max_captures // SHARDS),
    }


def sweep_constants(settings: SweepSettings) -> Constants:
    """Give what the scripts of the workers go by."""
    return _times(settings) | {
        "LEASE_MS": LEASE_MS,
        "MAX_REQUEUE_MS": MAX_REQUEUE_MS,
        "RETRANSMIT_MAX": settings.retransmit_max,
    }


def _times(settings: CaptureTimes) -> Constants:
    return {
        "CAPTURE_TIMEOUT_MS": settings.capture_timeout_ms,
        "CAPTURE_TTL_S": settings.capture_ttl_s,
        "END_BYTES": END_BYTES,
        "REQUEUE_MS": REQUEUE_MS,
        "RETRANSMIT_DELAY_MS": settings.retransmit_delay_ms,
        "SEALED_TTL_S": SEALED_TTL_S,
    }


def source(constants: Constants, *names: str) -> str:
    """Give the text of a script: its constants, then the files of `lua/` one after the other."""
    head = "".join(f"local {name} = {value}\n" for name, value in constants.items())
    return head + "".join((FOLDER / f"{name}.lua").read_text() for name in names)


def register(redis: Redis, constants: Constants, name: str) -> Script:
    """Make a script that runs at once, and loads itself where the Redis does not know it."""
    return redis.register_script(source(constants, name))


class PipelinedScript:
    """A script for pipelines, which call it by its digest; their caller loads it on NoScriptError."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Redis names a script by the SHA-1 of its text; nothing is secured by it.
        self._digest = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: list[str], *arguments: Any) -> tuple[Any, ...]:
        """Give the EVALSHA command."""
        return ("EVALSHA", self._digest, len(keys), *keys, *arguments)

    def load(self, redis: Redis) -> None:
        """Make the Redis know the script; needed once, and after it lost its scripts in a restart."""
        redis.script_load(self._text)
