"""The errors, in one tree; only Transient errors are retried.

FleetError
├── Rejected             permanent; carries an error code of `device_errors`
│   ├── WireError        a message that cannot be used (2100–2107)
│   └── CaptureRejected  a capture that cannot be stored (2200–2208)
│       └── PathTaken    another capture's row names the same object
├── Transient            may pass: Supabase, Redis or the broker is unavailable or busy
│   ├── OutOfMemory      Redis refuses every write until it has room
│   ├── NotAsked         Supabase was away a moment ago, so it was not asked
│   └── AccessDenied     Supabase or the broker refuses the service: an operator must act
├── NotDelivered         a channel did not take a message; says whether it may later
└── Misconfigured        a server refuses the settings: a process that is starting exits
"""

from enum import IntEnum
from typing import Any


class ErrorCode(IntEnum):
    """The values of `device_errors.error_code`."""

    DEVICE_ERROR = 1000  # plus the number the device reported, if it is from 1 to 99
    METADATA_UNUSABLE = 2100
    NOT_JSON = 2101
    CHUNK_WITHOUT_PAYLOAD = 2102
    PAYLOAD_NOT_BASE64 = 2103
    UNSAFE_IMAGE_NAME = 2104
    CHUNK_ID_OUT_OF_RANGE = 2105
    LIMIT_EXCEEDED = 2106
    DEVICE_ID_DIFFERS = 2107
    PROCESSING_FAILED = 2200
    ASSEMBLY_TIMEOUT = 2201
    SIZE_MISMATCH = 2202
    NOT_A_JPEG = 2203
    UPLOAD_FAILED = 2204
    DATABASE_FAILED = 2205
    THUMBNAIL_FAILED = 2206
    CHECKSUM_MISMATCH = 2207
    DAMAGED = 2208


class FleetError(Exception):
    """The base class of the errors in this module."""


class Rejected(FleetError):
    """A permanent error: a retry fails in the same way. `details` are bounded and safe to store."""

    def __init__(self, code: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class WireError(Rejected):
    """A message from a device that cannot be used."""


class CaptureRejected(Rejected):
    """A capture that cannot be stored."""


class PathTaken(CaptureRejected):
    """Another row of `captures` names the same object; nothing was recorded."""


class Transient(FleetError):
    """The other side is unavailable or busy; a retry may succeed.

    `station` is where a capture was when it was raised, '' if it was at none.
    """

    station = ""


class OutOfMemory(Transient):
    """Redis is full and refuses every write; it still answers what only reads."""


class NotAsked(Transient):
    """Supabase was away a moment ago, so this call was not made; that says nothing of what it was for."""


class AccessDenied(Transient):
    """A server refuses the service, and only an operator can change that.

    Supabase refuses the key, lacks a part of sql/, is over its quota, unpaid or read-only; the broker
    refuses a message. All data is kept and tried again slowly.
    """


class Misconfigured(FleetError):
    """A server refuses the settings; the message is one line with the remedy."""


class NotDelivered(FleetError):
    """A channel did not take a message; the text is for its owners, and has nothing secret in it.

    `retry_after_s` is when the receiver wants to be asked again, if it says so (s). `gone` means that nobody
    is there any more.
    """

    def __init__(self, message: str, *, retry_after_s: int | None = None, gone: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.gone = gone
