"""The header of a JPEG, read before a decoder sees the bytes.

A decoder allocates memory and spends time by what the header claims, so the claims are checked here first.
"""

import re
from typing import Final, NamedTuple

from core.errors import CaptureRejected, ErrorCode

# The largest camera of the family, the OV5640, has 5 megapixels. A header that claims far more is an attack
# on memory (a decompression bomb). MAX_IMAGE_PIXELS replaces this.
MAX_PIXELS: Final = 6_000_000

# Cameras and editors write some dozen. Each costs a step here, and 8 MB have room for millions.
MOST_MARKERS: Final = 10_000

_SOI: Final = b"\xff\xd8"
# Any number of FF may precede a marker.
_MARKER: Final = re.compile(rb"\xff([^\xff])")
_EOI: Final = 0xD9
_SOS: Final = 0xDA
# Markers of a frame; C4, C8 and CC are tables and an extension. C0 and C1 are sequential, with Huffman codes.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
# Markers without a length: a stuffed zero, TEM, RST0 to RST7, SOI.
_BARE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})


class Header(NamedTuple):
    """The size of an image in px, and whether one scan has all of it, as every camera sends it.

    In an image that is not `sequential` scans refine each other, or each has one component: the decoder holds
    all of it in memory, and goes over it once for each scan.
    """

    width: int
    height: int
    sequential: bool


def read_header(image: bytes, max_pixels: int = MAX_PIXELS) -> Header:
    """Read the markers up to the first scan; raise CaptureRejected (2203) if it is no JPEG or too large.

    Format: ITU-T T.81, annex B. Bytes between markers are skipped, as libjpeg does.
    """
    if not image.startswith(_SOI):
        raise _refusal("no start marker", image)
    frame: tuple[int, int, int, int] | None = None
    at = len(_SOI)
    for _ in range(MOST_MARKERS):
        found = _MARKER.search(image, at)
        if found is None:
            raise _refusal("it has no scan", image)
        marker, at = found[1][0], found.end()
        if marker in _BARE:
            continue
        if marker == _EOI:
            raise _refusal("it ends before its first scan", image)
        if marker == _SOS:
            if frame is None:
                raise _refusal("a scan before its frame", image)
            kind, width, height, components = frame
            if not 0 < width * height <= max_pixels:
                raise _refusal("too many pixels or none", image, width=width, height=height)
            # The scan tells the number of its components behind its length.
            whole = image[at + 2 : at + 3] == bytes([components])
            return Header(width, height, kind in _SEQUENTIAL and whole)
        if marker in _FRAMES:
            frame = marker, *_frame(image, at)
        at += int.from_bytes(image[at : at + 2], "big")
    raise _refusal("too many markers before its first scan", image)


def _frame(image: bytes, at: int) -> tuple[int, int, int]:
    """Return width and height (px) and the number of components, 0 for what is cut off."""
    height, width = (int.from_bytes(image[start : start + 2], "big") for start in (at + 3, at + 5))
    return width, height, int.from_bytes(image[at + 7 : at + 8], "big")


def _refusal(why: str, image: bytes, **details: int) -> CaptureRejected:
    return CaptureRejected(ErrorCode.NOT_A_JPEG, f"not a JPEG: {why}", bytes=len(image), **details)
