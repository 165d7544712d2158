"""The header of a JPEG, read before a decoder sees the bytes.

A decoder allocates memory and spends time by what the header claims, so the claims are checked here first.
"""

import re
from typing import Final, NamedTuple

from core.errors import CaptureRejected, ErrorCode

# The largest camera of the family, the OV5640, has 5 megapixels. A header that claims far more is an attack
# on memory (a decompression bomb).
MAX_PIXELS: Final = 25_000_000

_SOI: Final = b"\xff\xd8"
# Any number of FF may precede a marker.
_MARKER: Final = re.compile(rb"\xff([^\xff])")
_EOI: Final = 0xD9
_SOS: Final = 0xDA
# Markers of a frame; C4, C8 and CC are tables and an extension.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# Markers without a length: a stuffed zero, TEM, RST0 to RST7, SOI.
_BARE: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})


class Header(NamedTuple):
    """The size of an image in px, and whether it is sent in scans that refine each other."""

    width: int
    height: int
    progressive: bool


def read_header(image: bytes) -> Header:
    """Read the markers up to the first scan; raise CaptureRejected (2203) if it is no JPEG or too large.

    Format: ITU-T T.81, annex B. Bytes between markers are skipped, as libjpeg does.
    """
    if not image.startswith(_SOI):
        raise _refusal("no start marker", image)
    frame: Header | None = None
    at = len(_SOI)
    while found := _MARKER.search(image, at):
        marker, at = found[1][0], found.end()
        if marker in _BARE:
            continue
        if marker == _EOI:
            raise _refusal("it ends before its first scan", image)
        if marker == _SOS:
            if frame is None:
                raise _refusal("a scan before its frame", image)
            return frame
        if marker in _FRAMES:
            frame = _frame(image, at, marker)
        at += int.from_bytes(image[at : at + 2], "big")
    raise _refusal("it has no scan", image)


def _frame(image: bytes, at: int, marker: int) -> Header:
    height, width = (int.from_bytes(image[start : start + 2], "big") for start in (at + 3, at + 5))
    if not 0 < width * height <= MAX_PIXELS:
        raise _refusal("too many pixels or none", image, width=width, height=height)
    return Header(width, height, marker in _PROGRESSIVE)


def _refusal(why: str, image: bytes, **details: int) -> CaptureRejected:
    return CaptureRejected(ErrorCode.NOT_A_JPEG, f"not a JPEG: {why}", bytes=len(image), **details)
