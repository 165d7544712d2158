"""The station that decodes an image: it proves that it is a JPEG, and finds out whether its stream is whole.

libjpeg decodes a stream in which kilobytes are missing, zero or wrong, and shows grey or shifted blocks from
there on. It only warns, and Pillow drops the warnings. `simplejpeg` reports them.
"""

import os
import threading
from contextlib import suppress
from typing import Final, NamedTuple

import simplejpeg
from PIL import Image as Pillow

from tasks.stations.header import MAX_PIXELS, read_header

MESSAGE_LENGTH: Final = 200
# The shortest code of a block of 64 pixels has two bits: its mean is that of the block before, and nothing
# else follows (ITU-T T.81, F.1.2).
MOST_PIXELS_A_BYTE: Final = 256
# libjpeg makes 10 scans of a colour image.
MOST_SCANS: Final = 20

_EOI: Final = b"\xff\xd9"
_SOS: Final = b"\xff\xda"
# Decoding needs a core, and memory: more at once would only take turns.
_decodes: Final = threading.BoundedSemaphore(max(1, os.cpu_count() or 1))


class Decoded(NamedTuple):
    """What is known of a JPEG once it is decoded.

    `width` and `height` are the size of the image in px. `pixels` is the image in RGB, scaled down by the
    decoder; None if nothing could be decoded. `damage` says what is wrong with the stream, None if it is
    whole, as far as is known. `undecoded` says why no decoder has seen it, None if one has.
    """

    width: int
    height: int
    pixels: Pillow.Image | None = None
    damage: str | None = None
    undecoded: str | None = None


def decode(image: bytes, longest: int, *, max_pixels: int = MAX_PIXELS, progressive: bool = False) -> Decoded:
    """Decode all of a JPEG, at the smallest scale at which its longest side has `longest` px or more.

    Raises CaptureRejected (2203) if it is no JPEG or has more than `max_pixels`. A JPEG that is only odd is
    whole: one with padding, without an end marker, grey, in CMYK, with restart markers or comments.

    One that a decoder goes over once for each of its scans is left undecoded, unless `progressive` images are
    wanted: no camera of the fleet makes such, and 9 kB of them can cost seconds.
    """
    width, height, sequential = read_header(image, max_pixels)
    if not (sequential or (progressive and image.count(_SOS) <= MOST_SCANS)):
        return Decoded(width, height, undecoded="it is progressive, or has a scan for each component")
    if len(image) * MOST_PIXELS_A_BYTE < width * height:
        return Decoded(width, height, damage="too few bytes for its pixels")
    with _decodes:
        return _decode(image, Decoded(width, height), scaled(width, height, longest), sequential=sequential)


def _decode(image: bytes, header: Decoded, size: tuple[int, int], *, sequential: bool) -> Decoded:
    try:
        return header._replace(pixels=_pixels(image, size, strict=True))
    except ValueError as error:
        damage = "".join(filter(str.isprintable, str(error)))[:MESSAGE_LENGTH]
    # Nothing follows the last row but the end marker, which a camera may leave out or pad with zeros. What a
    # progressive image lacks is not seen by this, since its scans repeat all rows.
    if sequential:
        with suppress(ValueError):
            return header._replace(pixels=_pixels(_with_end(image), size, strict=True))
    pixels = None
    with suppress(ValueError):
        pixels = _pixels(image, size, strict=False)
    return header._replace(pixels=pixels, damage=damage)


def scaled(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return the size (px) of an image that is scaled down to a longest side of at most `longest` px."""
    scale = min(longest / width, longest / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _pixels(image: bytes, size: tuple[int, int], *, strict: bool) -> Pillow.Image:
    """Decode to RGB; raise ValueError at the first warning of libjpeg, or at an error if not `strict`."""
    width, height = size
    return Pillow.fromarray(simplejpeg.decode_jpeg(image, min_width=width, min_height=height, strict=strict))


def _with_end(image: bytes) -> bytes:
    """Return the image with one end marker and no zeros before and after it."""
    body = image.rstrip(b"\0").removesuffix(_EOI).rstrip(b"\0")
    # A zero after FF belongs to the data.
    return body + (b"\0" if body.endswith(b"\xff") else b"") + _EOI
