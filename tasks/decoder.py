"""The process in which images are decoded: it takes JPEGs from a worker, and gives their thumbnails back.

What devices send meets C code here. So this is a plain script, which imports nothing of the service but a
pure function, is started without its settings, and gives up what it does not need. A worker starts it (see
decoders.py) with a socket for its standard input. It writes `ready`; then for each line

    {"bytes": 51000, "width": 800, "height": 600, "sequential": true, "cpu_s": 1.0, "memory": 37000000}

and the image behind it, it answers with a line and the thumbnail behind that:

    {"bytes": 9000, "damage": null, "undecoded": null, "figures": {"brightness": 101.6, "contrast": 58.0,
     "sharpness": 892.5, "dhash": "f3d8cc3c3e1b1f9b"}, "hatched_bytes": 0, "rows": null}

`damage` says what is wrong with the stream, null if it is whole, as far as is known; `undecoded` why there is
no thumbnail, where it is not that; `figures` how the thumbnail looks, null without one. Where a line has
`"shrink": [400, 300, 60]` too, width, height and quality, the answer has the image as such a JPEG instead of
its thumbnail, and nothing if it is broken, of other colours, or no smaller so. Where it has `"first_bytes":
true`, the rest of the image is hatched (see core/hatch.py): the answer says how many `rows` of it are exact,
and has the image of `hatched_bytes` behind the thumbnail. A decode that takes more than `cpu_s` seconds of
CPU ends the process by SIGPROF. It ends by itself when the worker is gone.

libjpeg decodes a stream in which kilobytes are missing, zero or wrong, and shows grey or shifted blocks from
there on. It only warns, and Pillow drops the warnings. `simplejpeg` reports them.
"""

import io
import json
import re
import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import simplejpeg
from PIL import Image as Pillow

from core.hatch import Unusable, hatch

LONGEST: Final = 320  # px
QUALITY: Final = 80
# A difference hash compares each of 8 × 9 fields with its neighbour to the right.
_FIELDS: Final = (9, 8)
_LEVELS: Final = np.arange(256)

_EOI: Final = b"\xff\xd9"
# A marker, before which any number of FF may stand, and the length of its segment (ITU-T T.81, B.1.1). None
# have stuffed zeros, TEM, RST0 to RST7 and SOI.
_SEGMENT: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])(..)", re.DOTALL)
_SOS: Final = 0xDA
# What a JPEG tells of itself: EXIF and XMP, a colour profile, IPTC, comments. How its own colours and offsets
# are to be read (JFIF, Adobe, MPF) is no longer so in another.
_TOLD: Final = frozenset({*range(0xE1, 0xF0), 0xFE}) - {0xEE}
_MPF: Final = b"MPF\0"
_COLOURS: Final = frozenset({"Gray", "YCbCr", "RGB"})


class Figures(NamedTuple):
    """How a thumbnail looks, by its luma (0 to 255).

    `brightness` is the mean, `contrast` the standard deviation, `sharpness` the variance of the Laplacian
    (Pech-Pacheco et al., 2000). `dhash` is the difference hash (Krawetz, 2013) in 16 digits of hex: pictures
    that look alike differ in few of its 64 bits.
    """

    brightness: float
    contrast: float
    sharpness: float
    dhash: str


class Drawn(NamedTuple):
    """The thumbnail of an image as a JPEG, what is wrong with its stream, and how it looks."""

    thumbnail: bytes | None
    damage: str | None = None
    figures: Figures | None = None


def draw(image: bytes, width: int, height: int, *, sequential: bool) -> Drawn:
    """Decode all of a JPEG of this size (px), and return its thumbnail with sides of at most 320 px.

    A JPEG that is only odd is whole: one with padding, without an end marker, grey, in CMYK, with restart
    markers or comments.
    """
    size = scaled(width, height)
    try:
        return _drawn(_whole(image, size, sequential=sequential))
    except ValueError as error:
        damage = str(error)
    with suppress(ValueError):
        return _drawn(_pixels(image, size, strict=False), damage)
    return Drawn(None, damage)


def shrink(image: bytes, width: int, height: int, quality: int, *, sequential: bool) -> bytes:
    """Encode a JPEG anew at this size (px) and quality, with what it tells of itself.

    Nothing is returned if its stream is broken, if it has other colours than screens, or is no smaller so.
    """
    try:
        colours = simplejpeg.decode_jpeg_header(image)[2]
        if colours not in _COLOURS:
            return b""
        pixels = _whole(image, (width, height), sequential=sequential)
    except ValueError:
        return b""
    output = io.BytesIO()
    (pixels.convert("L") if colours == "Gray" else pixels).save(
        output, "JPEG", quality=quality, optimize=True
    )
    # It begins with its start marker and the segment of JFIF.
    made = output.getvalue()
    behind = 4 + int.from_bytes(made[4:6], "big")
    made = made[:behind] + told(image) + made[behind:]
    return made if len(made) < len(image) else b""


def told(image: bytes) -> bytes:
    """Return the segments in which a JPEG tells of itself, of those before its first scan."""
    kept, at = [], 0
    while (found := _SEGMENT.search(image, at)) and found[1][0] != _SOS:
        length = int.from_bytes(found[2], "big")
        at = found.end(1) + max(length, 2)
        whole = length >= 2 and at <= len(image)
        if whole and found[1][0] in _TOLD and not image.startswith(_MPF, found.end()):
            kept.append(image[found.start() : at])
    return b"".join(kept)


def scaled(width: int, height: int) -> tuple[int, int]:
    """Return the size (px) of the thumbnail of an image; a small image is not enlarged."""
    scale = min(LONGEST / width, LONGEST / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _whole(image: bytes, size: tuple[int, int], *, sequential: bool) -> Pillow.Image:
    """Decode to RGB at this size (px); raise ValueError if something is wrong with the stream."""
    try:
        return _pixels(image, size, strict=True)
    except ValueError:
        # Nothing follows the last row but the end marker, which a camera may leave out or pad with zeros.
        # What a progressive image lacks is not seen by this, since its scans repeat all rows.
        if sequential:
            with suppress(ValueError):
                return _pixels(_with_end(image), size, strict=True)
        raise


def _pixels(image: bytes, size: tuple[int, int], *, strict: bool) -> Pillow.Image:
    """Decode to RGB at this size (px), from the smallest scale that is no smaller.

    Raises ValueError at the first warning of libjpeg, or at an error if not `strict`, and MemoryError.
    """
    width, height = size
    try:
        pixels = simplejpeg.decode_jpeg(image, min_width=width, min_height=height, strict=strict)
    except ValueError as error:
        if "Insufficient memory" in str(error):
            raise MemoryError from error
        raise
    picture = Pillow.fromarray(pixels)
    return picture if picture.size == size else picture.resize(size, Pillow.Resampling.BICUBIC)


def _drawn(pixels: Pillow.Image, damage: str | None = None) -> Drawn:
    output = io.BytesIO()
    pixels.save(output, "JPEG", quality=QUALITY)
    return Drawn(output.getvalue(), damage, look(pixels))


def look(pixels: Pillow.Image) -> Figures:
    """Return how a picture looks; one without inner pixels has no sharpness (0)."""
    grey = pixels.convert("L")
    counts = np.asarray(grey.histogram()) / (grey.width * grey.height)
    mean = float(counts @ _LEVELS)
    spread = float(counts @ (_LEVELS - mean) ** 2)
    fields = np.asarray(grey.resize(_FIELDS, Pillow.Resampling.BOX))
    brighter = np.packbits(fields[:, 1:] > fields[:, :-1])
    return Figures(mean, spread**0.5, _sharpness(np.asarray(grey, np.int16)), brighter.tobytes().hex())


def _sharpness(luma: "np.ndarray[tuple[int, int], np.dtype[np.int16]]") -> float:
    if min(luma.shape) < 3:
        return 0.0
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1]
    edges += luma[1:-1, :-2]
    edges += luma[1:-1, 2:]
    edges -= 4 * luma[1:-1, 1:-1]
    # Floats of four bytes are four times as fast as numpy's own variance, and exact enough.
    values = edges.ravel().astype(np.float32)
    return max(0.0, float(values @ values) / values.size - float(values.mean()) ** 2)


def _with_end(image: bytes) -> bytes:
    """Return the image with one end marker and no zeros before and after it."""
    body = image.rstrip(b"\0").removesuffix(_EOI).rstrip(b"\0")
    # A zero after FF belongs to the data.
    return body + (b"\0" if body.endswith(b"\xff") else b"") + _EOI


def give_up() -> None:
    """Leave the signals that end a worker to the worker, and open no file, socket or process any more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    # Pillow and numpy read their modules when they first need them.
    _drawn(Pillow.new("RGB", (4, 4)).resize((3, 3), Pillow.Resampling.BICUBIC))
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):
        resource.setrlimit(limit, (0, 0))


def address_space() -> int | None:
    """Return the bytes of address space that this process has; None where there is no /proc to tell it."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    return None


def serve(stream: io.BufferedRWPair, own: int | None) -> None:
    """Answer until the worker hangs up; `own` is the address space of this process without an image."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    while line := stream.readline():
        asked = json.loads(line)
        image = stream.read(asked["bytes"])
        if own is not None:
            allowed = own + asked["memory"]
            resource.setrlimit(
                resource.RLIMIT_AS, (allowed if most == resource.RLIM_INFINITY else min(allowed, most), most)
            )
        signal.setitimer(signal.ITIMER_PROF, asked["cpu_s"])
        drawn, undecoded, hatched = Drawn(None), None, None
        try:
            if "shrink" in asked:
                drawn = Drawn(shrink(image, *asked["shrink"], sequential=asked["sequential"]))
            else:
                if "first_bytes" in asked:
                    hatched = hatch(image)
                    image = hatched.image
                drawn = draw(image, asked["width"], asked["height"], sequential=asked["sequential"])
        except MemoryError:
            undecoded = f"it takes more than {asked['memory'] // 10**6} MB"
        except Unusable as error:
            undecoded = str(error)
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        made = drawn.thumbnail or b""
        answer = {
            "bytes": len(made),
            "damage": drawn.damage,
            "undecoded": undecoded,
            "figures": drawn.figures and drawn.figures._asdict(),
            "hatched_bytes": len(hatched.image) if hatched else 0,
            "rows": hatched and hatched.rows,
        }
        stream.write(json.dumps(answer).encode() + b"\n" + made + (hatched.image if hatched else b""))
        stream.flush()


def main() -> None:
    """Decode what comes by the socket at standard input."""
    with suppress(OSError), socket.socket(fileno=0) as line, line.makefile("rwb") as stream:
        own = address_space()
        give_up()
        stream.write(b"ready\n")
        stream.flush()
        serve(stream, own)


if __name__ == "__main__":
    main()
