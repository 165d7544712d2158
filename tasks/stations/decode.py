"""The station that decodes an image: it proves that it is a JPEG, and finds out whether its stream is whole.

libjpeg decodes a stream in which kilobytes are missing, zero or wrong, and shows grey or shifted blocks from
there on. It only warns, and Pillow drops the warnings. `simplejpeg` reports them.
"""

from contextlib import suppress
from typing import Final, NamedTuple

import simplejpeg
from PIL import Image as Pillow

from tasks.stations.header import read_header

MESSAGE_LENGTH: Final = 200

_EOI: Final = b"\xff\xd9"


class Decoded(NamedTuple):
    """What is known of a JPEG once it is decoded.

    `width` and `height` are the size of the image in px. `pixels` is the image in RGB, scaled down by the
    decoder; None if nothing could be decoded. `damage` says what libjpeg finds wrong with the stream, None if
    it is whole.
    """

    width: int
    height: int
    pixels: Pillow.Image | None
    damage: str | None


def decode(image: bytes, longest: int) -> Decoded:
    """Decode all of a JPEG, at the smallest scale at which its longest side has `longest` px or more.

    Raises CaptureRejected (2203) if it is no JPEG or has too many pixels. A JPEG that is only odd is whole:
    one with padding, without an end marker, progressive, grey, in CMYK, with restart markers or comments.
    """
    width, height, progressive = read_header(image)
    size = scaled(width, height, longest)
    try:
        return Decoded(width, height, _pixels(image, size, strict=True), None)
    except ValueError as error:
        damage = "".join(filter(str.isprintable, str(error)))[:MESSAGE_LENGTH]
    # Nothing follows the last row but the end marker, which a camera may leave out or pad with zeros. What a
    # progressive image lacks is not seen by this, since its scans repeat all rows.
    if not progressive:
        with suppress(ValueError):
            return Decoded(width, height, _pixels(_with_end(image), size, strict=True), None)
    pixels = None
    with suppress(ValueError):
        pixels = _pixels(image, size, strict=False)
    return Decoded(width, height, pixels, damage)


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
