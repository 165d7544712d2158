"""The station that joins the chunks of a capture and compares the image with the device's metadata."""

from hashlib import sha256
from itertools import count, takewhile
from typing import NamedTuple

from core.errors import CaptureRejected, ErrorCode
from core.store.capture import Capture


class Image(NamedTuple):
    """The bytes of an image as the device sent it, and their SHA-256 (hex)."""

    data: bytes
    sha256: str


def assemble(chunks: dict[int, bytes]) -> Image:
    """Join chunks (id → bytes) in the order of their ids; `verify` checks whether any is missing."""
    data = b"".join(chunks[number] for number in sorted(chunks))
    return Image(data, sha256(data).hexdigest())


def assemble_first(chunks: dict[int, bytes]) -> bytes:
    """Join the chunks up to the first that is missing."""
    return b"".join(chunks[number] for number in takewhile(chunks.__contains__, count()))


def verify(capture: Capture, chunks: dict[int, bytes], image: Image) -> None:
    """Check count, size and checksum; raise CaptureRejected (2202 count or size, 2207 checksum).

    The decoder reports no error if a kilobyte in the middle of a JPEG is missing or wrong, so only these
    checks show whether the image is whole.
    """
    total = capture.total_chunks
    if len(chunks) != total:
        raise CaptureRejected(ErrorCode.SIZE_MISMATCH, "chunks are missing", chunks=len(chunks), total=total)
    size = len(image.data)
    if capture.image_bytes not in (None, size):
        raise CaptureRejected(
            ErrorCode.SIZE_MISMATCH,
            "size differs from image_size",
            bytes=size,
            image_size=capture.image_bytes,
        )
    if capture.image_sha256 not in (None, image.sha256):
        raise CaptureRejected(
            ErrorCode.CHECKSUM_MISMATCH,
            "SHA-256 differs from image_sha256",
            sha256=image.sha256,
            expected=capture.image_sha256,
        )
