"""The station that joins the chunks of a capture and checks that they are what the device said."""

from hashlib import sha256
from typing import NamedTuple

from core.errors import CaptureRejected, ErrorCode
from tasks.describe import Fields


class Image(NamedTuple):
    """The bytes of an image as the device took it, and their SHA-256 (hex)."""

    data: bytes
    sha256: str


def assemble(chunks: dict[int, bytes]) -> Image:
    """Join the chunks, by chunk id; whether they are all, `verify` tells."""
    data = b"".join(chunks[number] for number in sorted(chunks))
    return Image(data, sha256(data).hexdigest())


def verify(fields: Fields, chunks: dict[int, bytes], image: Image) -> None:
    """Check count, size and checksum; raise CaptureRejected (2202, 2207).

    A kilobyte that is missing or wrong in the middle of a JPEG decodes without an error, so these checks,
    not the decoder, tell whether the image is whole.
    """
    total = int(fields["total"])
    if len(chunks) != total:
        raise CaptureRejected(ErrorCode.SIZE_MISMATCH, "chunks are missing", chunks=len(chunks), total=total)
    size = int(fields.get("image_bytes", len(image.data)))
    if len(image.data) != size:
        raise CaptureRejected(
            ErrorCode.SIZE_MISMATCH, "size differs from image_size", bytes=len(image.data), image_size=size
        )
    expected = fields.get("image_sha256", image.sha256.encode()).decode()
    if image.sha256 != expected:
        raise CaptureRejected(
            ErrorCode.CHECKSUM_MISMATCH,
            "SHA-256 differs from image_sha256",
            sha256=image.sha256,
            expected=expected,
        )
