"""The Lua scripts: each checks and acts in one atomic step.

The sources are in `lua/`; the header of each explains its KEYS, its ARGV and the slots of its answer. The
constants in capitals are written into the source from the settings, so a call carries only what changes.
"""

from hashlib import sha1
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.commands.core import Script

from core.settings import ArrivalSettings, CaptureTimes, SweepSettings
from core.store.capture import CLOCK_SET_SINCE
from core.store.keys import LISTENERS_TTL_S, SEALED_TTL_S, SHARDS
from core.store.listeners import LISTENER_LIFE_MS

FOLDER: Final = Path(__file__).parent / "lua"

# The lease of a worker between two notes: longer than the timeouts of the HTTP calls in between.
LEASE_MS: Final = 20_000
# The sweep looks whether the message of a complete capture still waits after this time, then after twice as
# long each time, at last every MAX_REQUEUE_MS.
REQUEUE_MS: Final = 10_000
MAX_REQUEUE_MS: Final = 300_000
# How much later than its note a message may have been sent, or taken earlier than its capture was claimed.
QUEUE_MARGIN_MS: Final = 10_000
# A NACK names this many chunks at most, in some 3 kB, so one message of metadata costs the broker
# RETRANSMIT_MAX times that. A device that has lost more chunks is asked for them in portions.
NACK_AT_MOST: Final = 500
# A device may have so many images of MAX_IMAGE_BYTES in flight. The more it has, the smaller each may be, but
# not below SMALL_IMAGE_BYTES. So 32 images hold 7 times MAX_IMAGE_BYTES at most.
WHOLE_IMAGES: Final = 2
SMALL_IMAGE_BYTES: Final = 2**18
# The tombstone keeps this many last bytes of each chunk, to recognise chunks that come again.
END_BYTES: Final = 8
# What the story of a capture keeps: the longest pauses of at least GAP_MS in which no chunk came, the first
# ranges of chunks that a NACK names, and the bytes of what came to pass.
GAP_MS: Final = 1_000
GAPS: Final = 8
RANGES: Final = 6
STORY_BYTES: Final = 600
# The ACKs of a device that wait for its next hello, which tells whether they have worked.
ACKS: Final = 32

Constants = dict[str, int | str]


def arrival_constants(settings: ArrivalSettings) -> Constants:
    """Return the constants of the listener's scripts."""
    return _times(settings) | {
        "GAP_MS": GAP_MS,
        "GAPS": GAPS,
        "LISTENERS_TTL_S": LISTENERS_TTL_S,
        "LISTENER_LIFE_MS": LISTENER_LIFE_MS,
        "MAX_IMAGE_BYTES": settings.max_image_bytes,
        "MAX_PER_DEVICE": settings.max_captures_per_device,
        "MAX_PER_SHARD": -(-settings.max_captures // SHARDS),
        "SMALL_IMAGE_BYTES": SMALL_IMAGE_BYTES,
        "WHOLE_IMAGES": WHOLE_IMAGES,
    }


def sweep_constants(settings: SweepSettings) -> Constants:
    """Return the constants of the scripts of the workers and the sweep."""
    return _times(settings) | {
        "ACKS": ACKS,
        "LEASE_MS": LEASE_MS,
        "MAX_REQUEUE_MS": MAX_REQUEUE_MS,
        "NACK_AT_MOST": NACK_AT_MOST,
        "QUEUE_MARGIN_MS": QUEUE_MARGIN_MS,
        "RANGES": RANGES,
        "RETRANSMIT_MAX": settings.retransmit_max,
    }


def _times(settings: CaptureTimes) -> Constants:
    return {
        "CAPTURE_TIMEOUT_MS": settings.capture_timeout_ms,
        "CAPTURE_TTL_S": settings.capture_ttl_s,
        "CLOCK_SET_SINCE": CLOCK_SET_SINCE.isoformat(),
        "END_BYTES": END_BYTES,
        "REQUEUE_MS": REQUEUE_MS,
        "RETRANSMIT_DELAY_MS": settings.retransmit_delay_ms,
        "SEALED_TTL_S": SEALED_TTL_S,
        "STORY_BYTES": STORY_BYTES,
    }


def source(constants: Constants, *names: str) -> str:
    """Return the text of a script: the constants, then the named files of `lua/` in order."""
    head = "".join(f"local {name} = {value!r}\n" for name, value in constants.items())
    return head + "".join((FOLDER / f"{name}.lua").read_text() for name in names)


def register(redis: Redis, constants: Constants, *names: str) -> Script:
    """Make a script of the named files that loads itself if Redis does not know it."""
    return redis.register_script(source(constants, *names))


class PipelinedScript:
    """A script for pipelines, called by its digest; on NoScriptError the caller must load it."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Redis names a script by the SHA-1 of its text; no security depends on it.
        self._digest = sha1(text.encode(), usedforsecurity=False).hexdigest()

    def command(self, keys: list[str], *arguments: Any) -> tuple[Any, ...]:
        """Return the EVALSHA command."""
        return ("EVALSHA", self._digest, len(keys), *keys, *arguments)

    def load(self, redis: Redis) -> None:
        """Load the script into Redis: once, and again after a restart of Redis."""
        redis.script_load(self._text)
