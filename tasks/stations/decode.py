"""The station that decodes an image: it finds out whether its stream is whole, and makes its thumbnail.

What the header shows to be too costly is left undecoded. All else goes to a decoder: a process that can be
ended (see tasks/decoders.py).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from tasks.stations.header import Header

# The shortest code of a block of 64 pixels has two bits: its mean is that of the block before, and nothing
# else follows (ITU-T T.81, F.1.2).
MOST_PIXELS_A_BYTE: Final = 256
# libjpeg makes 10 scans of a colour image.
MOST_SCANS: Final = 20

_SOS: Final = b"\xff\xda"


class Figures(NamedTuple):
    """How a picture looks; `tasks/decoder.py` says what each is."""

    brightness: float
    contrast: float
    sharpness: float
    dhash: str


class Hatching(NamedTuple):
    """A JPEG made of the first bytes of one: its first `rows` rows (px) are exact, the rest is hatched."""

    image: bytes
    rows: int


class Drawn(NamedTuple):
    """What is known of a JPEG once it is decoded.

    `thumbnail` is a JPEG with sides of at most 320 px; None if nothing could be decoded. `damage` says what
    is wrong with the stream, None if it is whole, as far as is known. `undecoded` says why no decoder has
    seen it, or got to its end; None if one has. `figures` are those of the thumbnail. `hatching` is the whole
    picture, where only its first bytes were given.
    """

    thumbnail: bytes | None = None
    damage: str | None = None
    undecoded: str | None = None
    figures: Figures | None = None
    hatching: Hatching | None = None


def decode(
    image: bytes, header: Header, draw: Callable[[bytes, Header], Drawn], *, progressive: bool = False
) -> Drawn:
    """Have all of a JPEG decoded by `draw`, unless its header shows that it costs too much.

    One that a decoder goes over once for each of its scans is left undecoded, unless `progressive` images are
    wanted: no camera of the fleet makes such, and 9 kB of them can cost seconds.
    """
    if not (header.sequential or (progressive and image.count(_SOS) <= MOST_SCANS)):
        return Drawn(undecoded="it is progressive, or has a scan for each component")
    if len(image) * MOST_PIXELS_A_BYTE < header.width * header.height:
        return Drawn(damage="too few bytes for its pixels")
    return draw(image, header)
