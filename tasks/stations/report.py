"""The station of what has failed: what a device says is wrong, or what did not come, as an error."""

import re
from typing import Final

from core.errors import CaptureRejected, ErrorCode, Rejected
from core.store.capture import Capture

# The numbers of the protocol are below 100, and each has a code of its own in `device_errors`. All other
# reports share one code: so none can be taken for an error of the service, and labels of metrics stay few.
LARGEST: Final = 99
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}")

MESSAGES: Final = {
    1: "camera initialisation failed",
    2: "image capture failed",
    3: "sensor read failed",
    4: "memory allocation failed",
    # Firmware that reports what ESP-IDF and its camera driver (esp_err.h, esp_camera.h) have returned.
    -1: "ESP_FAIL",
    0x101: "out of memory",
    0x105: "not found",
    0x107: "timeout",
    0x20001: "camera not detected",
    0x20002: "camera refused the frame size",
    0x20003: "camera refused the pixel format",
    0x20004: "camera not supported",
}


def timed_out(capture: Capture, chunks: int) -> CaptureRejected:
    """Return the error of a capture of which so many chunks came, and no more (2201)."""
    missing = "metadata never came" if capture.total_chunks is None else "chunks are missing"
    return CaptureRejected(ErrorCode.ASSEMBLY_TIMEOUT, f"timed out: {missing}", chunks=chunks)


def device_error(said: str) -> Rejected:
    """Return the error of a report: code 1000 + n for a number n from 1 to 99, else 1000.

    `said` is as in `Metadata.error`. `details.reported` is the number that was said, or else the text.
    """
    if not _NUMBER.fullmatch(said):
        return Rejected(ErrorCode.DEVICE_ERROR, f"unknown error ({said})", reported=said)
    number = int(said)
    message = MESSAGES.get(number, "unknown error")
    if 1 <= number <= LARGEST:
        return Rejected(ErrorCode.DEVICE_ERROR + number, message, reported=number)
    return Rejected(ErrorCode.DEVICE_ERROR, f"{message} ({number})", reported=number)
