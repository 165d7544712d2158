"""The process in which images are decoded: it takes JPEGs from a worker, and gives their thumbnails back.

What devices send meets C code here. So this is a plain script, which imports nothing of the service, is
started without its settings, and gives up what it does not need. A worker starts it (see decoders.py) as
`python -I decoder.py` with a socket for its standard input. It writes `ready`; then for each line

    {"bytes": 51000, "width": 800, "height": 600, "sequential": true, "cpu_s": 1.0, "memory": 37000000}

and the image behind it, it answers with a line and the thumbnail behind that:

    {"bytes": 9000, "damage": null, "undecoded": null}

`damage` says what is wrong with the stream, null if it is whole, as far as is known; `undecoded` why there is
no thumbnail, where it is not that. A decode that takes more than `cpu_s` seconds of CPU ends the process by
SIGPROF. It ends by itself when the worker is gone.

libjpeg decodes a stream in which kilobytes are missing, zero or wrong, and shows grey or shifted blocks from
there on. It only warns, and Pillow drops the warnings. `simplejpeg` reports them.
"""

import io
import json
import resource
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import simplejpeg
from PIL import Image as Pillow

LONGEST: Final = 320  # px
QUALITY: Final = 80

_EOI: Final = b"\xff\xd9"


class Drawn(NamedTuple):
    """The thumbnail of an image as a JPEG, and what is wrong with its stream."""

    thumbnail: bytes | None
    damage: str | None = None


def draw(image: bytes, width: int, height: int, *, sequential: bool) -> Drawn:
    """Decode all of a JPEG of this size (px), and return its thumbnail with sides of at most 320 px.

    A JPEG that is only odd is whole: one with padding, without an end marker, grey, in CMYK, with restart
    markers or comments.
    """
    size = scaled(width, height)
    try:
        return Drawn(_thumbnail(_pixels(image, size, strict=True), size))
    except ValueError as error:
        damage = str(error)
    # Nothing follows the last row but the end marker, which a camera may leave out or pad with zeros. What a
    # progressive image lacks is not seen by this, since its scans repeat all rows.
    if sequential:
        with suppress(ValueError):
            return Drawn(_thumbnail(_pixels(_with_end(image), size, strict=True), size))
    with suppress(ValueError):
        return Drawn(_thumbnail(_pixels(image, size, strict=False), size), damage)
    return Drawn(None, damage)


def scaled(width: int, height: int) -> tuple[int, int]:
    """Return the size (px) of the thumbnail of an image; a small image is not enlarged."""
    scale = min(LONGEST / width, LONGEST / height, 1.0)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _pixels(image: bytes, size: tuple[int, int], *, strict: bool) -> Pillow.Image:
    """Decode to RGB at the smallest scale that is no smaller than `size`.

    Raises ValueError at the first warning of libjpeg, or at an error if not `strict`, and MemoryError.
    """
    width, height = size
    try:
        pixels = simplejpeg.decode_jpeg(image, min_width=width, min_height=height, strict=strict)
    except ValueError as error:
        if "Insufficient memory" in str(error):
            raise MemoryError from error
        raise
    return Pillow.fromarray(pixels)


def _thumbnail(pixels: Pillow.Image, size: tuple[int, int]) -> bytes:
    if pixels.size != size:
        pixels = pixels.resize(size, Pillow.Resampling.BICUBIC)
    output = io.BytesIO()
    pixels.save(output, "JPEG", quality=QUALITY)
    return output.getvalue()


def _with_end(image: bytes) -> bytes:
    """Return the image with one end marker and no zeros before and after it."""
    body = image.rstrip(b"\0").removesuffix(_EOI).rstrip(b"\0")
    # A zero after FF belongs to the data.
    return body + (b"\0" if body.endswith(b"\xff") else b"") + _EOI


def give_up() -> None:
    """Leave the signals that end a worker to the worker, and open no file, socket or process any more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    # Pillow reads its modules when it first needs them.
    _thumbnail(Pillow.new("RGB", (2, 2)), (1, 1))
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
        drawn, undecoded = Drawn(None), None
        try:
            drawn = draw(image, asked["width"], asked["height"], sequential=asked["sequential"])
        except MemoryError:
            undecoded = f"it takes more than {asked['memory'] // 10**6} MB"
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        thumbnail = drawn.thumbnail or b""
        answer = {"bytes": len(thumbnail), "damage": drawn.damage, "undecoded": undecoded}
        stream.write(json.dumps(answer).encode() + b"\n" + thumbnail)
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
