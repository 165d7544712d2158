"""The errors, in one tree; only what is transient is tried again.

FleetError
├── Rejected             permanent, carries an error code of `device_errors`
│   ├── WireError        a message that cannot be used (2100–2107); raised by `protocol`
│   └── CaptureRejected  a capture that cannot be stored as it is (2200–2207)
├── Transient            worth trying again: Supabase, Redis or the broker is away or busy
│   └── AccessDenied     Supabase refuses the key: the data is kept, an operator must act
└── Misconfigured        a service refuses what the settings say: a process that starts exits with it
"""

from enum import IntEnum
from typing import Any


class ErrorCode(IntEnum):
    """The values of `device_errors.error_code`."""

    DEVICE_ERROR = 1000  # plus the number the device reported
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


class FleetError(Exception):
    """The root of the errors this service raises itself."""


class Rejected(FleetError):
    """Permanent: trying again gives the same answer. `details` are bounded and safe to store."""

    def __init__(self, code: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


class WireError(Rejected):
    """A message from the wire that cannot be used."""


class CaptureRejected(Rejected):
    """A capture that cannot be stored as it is."""


class Transient(FleetError):
    """The other side is away or busy; the same call may succeed later."""


class AccessDenied(Transient):
    """Supabase refuses the service key (401 or 403): nothing is dropped, and an operator must act."""


class Misconfigured(FleetError):
    """A service refuses what the settings say; the message is one line with the remedy."""
