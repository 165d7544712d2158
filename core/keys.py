"""The data model in Redis: every key, what it holds and how long it stays.

All keys of a device lie in one shard, named by the hash tag `{0}` … `{15}`, so a script may touch any of
them on a Redis cluster too. `ref` is `device/image_name` while chunks arrive (open) and
`device/image_name/seal` from the moment the capture is complete (sealed): sealing renames, so the image
name is free again for the device's next picture while a worker still stores this one.

    fleet:{s}:capture:<ref>             hash: metadata, counters, what the stations have done.
                                        An open one stays CAPTURE_TTL_S, a sealed one a week
    fleet:{s}:chunks:<ref>              hash: chunk id → bytes. Stays as long as its capture
    fleet:{s}:tombstone:<device/image>  hash: the last sealed capture of that name: identity, state, ACK.
                                        Stays TOMBSTONE_TTL_S after its end
    fleet:{s}:due                       sorted set: refs by the time (ms) when the sweep must look at them
    fleet:{s}:held:<device>             sorted set: refs of the device in flight, by when they expire (ms)
    fleet:{s}:hello:<device>            string: the last hello; an hour
    fleet:{s}:answered:<device>         string: it was answered within the last seconds
    fleet:{s}:agenda:<device>           list: what to tell the device after its next ACK; 15 minutes
    fleet:{s}:wake:<device>             string: next wake and time zone, as the database said; 30 days
    fleet:unanswered                    sorted set: devices by when their hello must be answered (ms)
    fleet:awake                         string: some device was heard within the last seconds
    fleet:listeners                     hash: listener → `written_ms heard_until_ms`; a minute
    fleet:log, fleet:errors             stream: batches of records on their way to the database
    fleet:lock:<name>                   string: one holder of a periodic task, while it may run
"""

from binascii import crc32
from typing import Final, NamedTuple

SHARDS: Final = 16
SEALED_TTL_S: Final = 7 * 24 * 3600

LISTENERS: Final = "fleet:listeners"
UNANSWERED: Final = "fleet:unanswered"
AWAKE: Final = "fleet:awake"
LOG: Final = "fleet:log"
ERRORS: Final = "fleet:errors"


class CaptureRef(NamedTuple):
    """Which capture: open under its device and image name, or sealed under its seal as well."""

    device_id: str
    image_name: str
    seal: str = ""

    def __str__(self) -> str:
        name = f"{self.device_id}/{self.image_name}"
        return f"{name}/{self.seal}" if self.seal else name

    @classmethod
    def parse(cls, member: bytes) -> "CaptureRef":
        """Read a member of a `due` or `held` set."""
        return cls(*member.decode().split("/"))


def shard(device_id: str) -> int:
    """Give the shard of a device, 0 to SHARDS - 1."""
    return crc32(device_id.encode()) % SHARDS


def capture_keys(ref: CaptureRef) -> list[str]:
    """Name the five keys of a capture: capture, chunks, tombstone, due, held."""
    prefix = f"fleet:{{{shard(ref.device_id)}}}"
    return [
        f"{prefix}:capture:{ref}",
        f"{prefix}:chunks:{ref}",
        f"{prefix}:tombstone:{ref.device_id}/{ref.image_name}",
        f"{prefix}:due",
        f"{prefix}:held:{ref.device_id}",
    ]


def due_key(number: int) -> str:
    """Name the sorted set of the captures of shard `number`, by when the sweep must look at them."""
    return f"fleet:{{{number}}}:due"


def abandoned_key(number: int) -> str:
    """Name the sorted set of the captures of shard `number` that timed out, the oldest first."""
    return f"fleet:{{{number}}}:abandoned"


def hello_key(device_id: str) -> str:
    """Name the last hello of a device."""
    return _device_key("hello", device_id)


def answered_key(device_id: str) -> str:
    """Name the mark that a device was answered just now."""
    return _device_key("answered", device_id)


def agenda_key(device_id: str) -> str:
    """Name the list of what a device shall still be asked for."""
    return _device_key("agenda", device_id)


def wake_key(device_id: str) -> str:
    """Name the last known wake of a device."""
    return _device_key("wake", device_id)


def _device_key(kind: str, device_id: str) -> str:
    return f"fleet:{{{shard(device_id)}}}:{kind}:{device_id}"


def lock_key(name: str) -> str:
    """Name the lock of a periodic task."""
    return f"fleet:lock:{name}"
