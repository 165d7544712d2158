"""The data model in Redis: every key, what it holds and how long it stays.

All keys of a device are in one shard, named by the hash tag `{0}` … `{15}`, so that one script may use
several of them on a Redis Cluster too; every other key is the only one of its command or script. `ref` is
`device/image_name` while chunks arrive (open), and `device/image_name/seal` once the capture is complete
(sealed). Sealing renames the keys, so the device can reuse the image name for its next picture while a worker
still stores this one.

KEYS is the whole list; a test compares it with the keys that a run of the service leaves in Redis.
"""

from binascii import crc32
from typing import Final, Literal, NamedTuple

SHARDS: Final = 16
SEALED_TTL_S: Final = 7 * 24 * 3600
STREAM_TTL_S: Final = 7 * 24 * 3600
# As long as a session lasts at the broker (core/mqtt.py).
LISTENERS_TTL_S: Final = 24 * 3600
TURNED_AWAY_TTL_S: Final = 24 * 3600
HELLO_TTL_S: Final = 3600
# A second hello this soon after the answer to the first was sent before that answer arrived.
CROSSING_MS: Final = 5_000
AGENDA_TTL_S: Final = 900
WAKE_TTL_S: Final = 30 * 24 * 3600
# Longer than any upload takes: afterwards the object itself shows that its name is taken.
PLACE_TTL_S: Final = 24 * 3600
# An open breaker that nobody probes any more counts as closed after this time.
BREAKER_TTL_S: Final = 60
# Afterwards Home Assistant is told of all devices anew.
ANNOUNCED_TTL_S: Final = 30 * 24 * 3600
# A device counts as awake for this long after it was heard, so that a command can reach it at once.
AWAKE_MS: Final = 12_000

LISTENERS: Final = "fleet:listeners"
TURNED_AWAY: Final = "fleet:turned_away"
UNANSWERED: Final = "fleet:unanswered"
AWAKE: Final = "fleet:awake"
ANNOUNCED: Final = "fleet:announced"
LOG: Final = "fleet:log"
ERRORS: Final = "fleet:errors"

Stream = Literal["fleet:log", "fleet:errors"]


class Key(NamedTuple):
    """A kind of key: its pattern, its Redis type, its TTL (s, or the setting that gives it), its contents."""

    pattern: str
    type: Literal["hash", "zset", "string", "list", "stream"]
    stays: int | str
    holds: str


KEYS: Final = (
    Key(
        "fleet:{s}:capture:<ref>",
        "hash",
        SEALED_TTL_S,
        "metadata, counters, and what the stations have done; an open or failed one stays CAPTURE_TTL_S only",
    ),
    Key("fleet:{s}:chunks:<ref>", "hash", SEALED_TTL_S, "chunk id → bytes; stays as long as its capture"),
    Key(
        "fleet:{s}:tombstone:<device/image>",
        "hash",
        SEALED_TTL_S,
        "the last sealed image of that name: identity, state; TOMBSTONE_TTL_S after its end",
    ),
    Key(
        "fleet:{s}:report:<device/image>",
        "hash",
        SEALED_TTL_S,
        "the last report of an error under that name; two minutes after its end",
    ),
    Key(
        "fleet:{s}:due",
        "zset",
        SEALED_TTL_S,
        "refs that arrive, or have just ended incomplete, by the time (ms) when the sweep must look at them",
    ),
    Key(
        "fleet:{s}:waiting",
        "zset",
        SEALED_TTL_S,
        "sealed refs that are not stored yet, by the time (ms) when the sweep must look at them",
    ),
    Key(
        "fleet:{s}:held:<device>",
        "zset",
        SEALED_TTL_S,
        "refs of a device in flight, and those whose ACK it asks for, by their end (ms)",
    ),
    Key(
        "fleet:{s}:abandoned",
        "zset",
        "CAPTURE_TTL_S",
        "refs that timed out or were let go, by when (ms)",
    ),
    Key(
        "fleet:{s}:failed",
        "zset",
        "CAPTURE_TTL_S",
        "sealed refs that failed for good and whose chunks are kept, by when (ms)",
    ),
    Key(
        "fleet:{s}:partial",
        "zset",
        "CAPTURE_TTL_S",
        "refs that timed out with their first chunk and of which the top is not shown yet, by when (ms)",
    ),
    Key("fleet:{s}:hello:<device>", "string", HELLO_TTL_S, "the last hello of a device, as JSON"),
    Key("fleet:{s}:answered:<device>", "string", CROSSING_MS // 1000, "the device was answered just now"),
    Key(
        "fleet:{s}:agenda:<device>",
        "list",
        AGENDA_TTL_S,
        "what to tell the device next, as JSON",
    ),
    Key(
        "fleet:{s}:acked:<device>",
        "hash",
        SEALED_TTL_S,
        "capture_id → `when (ms):how often` its ACK was sent since the last hello",
    ),
    Key("fleet:{s}:wake:<device>", "string", WAKE_TTL_S, "next wake and time zone, from the database"),
    Key(
        "fleet:{s}:place:<device>/<day>/<object>",
        "string",
        PLACE_TTL_S,
        "the suffix of the capture that has this name without one",
    ),
    Key(UNANSWERED, "zset", HELLO_TTL_S, "devices by when their hello must be answered (ms)"),
    Key(AWAKE, "string", AWAKE_MS // 1000, "some device was heard within the last seconds"),
    Key(
        ANNOUNCED,
        "hash",
        ANNOUNCED_TTL_S,
        "device → what Home Assistant was told of it; `:mark` → up to where",
    ),
    Key(LISTENERS, "hash", LISTENERS_TTL_S, "`client id@start` of a listener → `written_ms heard_until_ms`"),
    Key(TURNED_AWAY, "string", TURNED_AWAY_TTL_S, "until when (ms) chunks were turned away"),
    Key(LOG, "stream", STREAM_TTL_S, "batches of log entries on their way to the database"),
    Key(ERRORS, "stream", STREAM_TTL_S, "batches of error entries on their way to the database"),
    Key(
        "fleet:breaker:<service>",
        "hash",
        BREAKER_TTL_S,
        "failures of Supabase's service since its last answer, and when it was last probed (ms)",
    ),
    Key("fleet:lock:<name>", "string", 60, "the token of the one holder, while it may run"),
)


class CaptureRef(NamedTuple):
    """The name of a capture: device and image name while it is open, and the seal once it is sealed."""

    device_id: str
    image_name: str
    seal: str = ""

    def __str__(self) -> str:
        name = f"{self.device_id}/{self.image_name}"
        return f"{name}/{self.seal}" if self.seal else name

    @classmethod
    def parse(cls, member: bytes) -> "CaptureRef":
        """Parse a member of a set of captures."""
        return cls(*member.decode().split("/"))


def shard(device_id: str) -> int:
    """Return the shard of a device, 0 to SHARDS - 1: the CRC-32 of its id modulo SHARDS."""
    return crc32(device_id.encode()) % SHARDS


def capture_keys(ref: CaptureRef) -> list[str]:
    """Return the five keys of a capture: capture, chunks, tombstone, due, held."""
    prefix = f"fleet:{{{shard(ref.device_id)}}}"
    return [
        f"{prefix}:capture:{ref}",
        f"{prefix}:chunks:{ref}",
        f"{prefix}:tombstone:{ref.device_id}/{ref.image_name}",
        f"{prefix}:due",
        f"{prefix}:held:{ref.device_id}",
    ]


def report_key(ref: CaptureRef) -> str:
    """Return the key of the last report of an error under the name of a capture."""
    return f"fleet:{{{shard(ref.device_id)}}}:report:{ref.device_id}/{ref.image_name}"


def due_key(number: int) -> str:
    """Return the key of the unfinished captures of shard `number`, sorted by when to look at them (ms)."""
    return f"fleet:{{{number}}}:due"


def waiting_key(number: int) -> str:
    """Return the key of the sealed captures of shard `number` that wait to be stored."""
    return f"fleet:{{{number}}}:waiting"


def abandoned_key(number: int) -> str:
    """Return the key of the captures of shard `number` that timed out or were let go, the oldest first."""
    return f"fleet:{{{number}}}:abandoned"


def failed_key(number: int) -> str:
    """Return the key of the failed captures of shard `number` that are kept, the oldest first."""
    return f"fleet:{{{number}}}:failed"


def partial_key(number: int) -> str:
    """Return the key of the captures of shard `number` that timed out and whose top is to be shown."""
    return f"fleet:{{{number}}}:partial"


def hello_key(device_id: str) -> str:
    """Return the key of the last hello of a device."""
    return _device_key("hello", device_id)


def answered_key(device_id: str) -> str:
    """Return the key that marks a device as answered just now."""
    return _device_key("answered", device_id)


def agenda_key(device_id: str) -> str:
    """Return the key of the messages to send to a device next."""
    return _device_key("agenda", device_id)


def acked_key(device_id: str) -> str:
    """Return the key of the ACKs that were sent to a device since its last hello."""
    return _device_key("acked", device_id)


def wake_key(device_id: str) -> str:
    """Return the key of the last known wake of a device."""
    return _device_key("wake", device_id)


def place_key(device_id: str, place: str) -> str:
    """Return the key of the reservation of an object; `place` begins with the device."""
    return f"fleet:{{{shard(device_id)}}}:place:{place}"


def _device_key(kind: str, device_id: str) -> str:
    return f"fleet:{{{shard(device_id)}}}:{kind}:{device_id}"


def breaker_key(service: str) -> str:
    """Return the key of the breaker of a service of Supabase."""
    return f"fleet:breaker:{service}"


def lock_key(name: str) -> str:
    """Return the key of the lock of a periodic task."""
    return f"fleet:lock:{name}"
