"""The process in which a time-lapse is made: it takes pictures from a worker, and gives the film back.

As in decoder.py what devices send meets C code here, so this too is a plain script, which imports nothing of
the service, starts without its settings, and gives up what it does not need. A worker starts it (see
film_process.py) with a socket for its standard input. It writes `ready`; then comes a line

    {"format": "mp4", "fps": 25, "width": 800, "deflicker": true, "frames": 240, "most_bytes": 45000000,
     "most_pixels": 6000000, "cpu_s": 600, "memory": 250000000}

and for each picture a line `{"bytes": 51000, "text": "2025-10-04 12:00"}` and the JPEG behind it. It answers
each with `{"taken": true}`, or false if the picture cannot be used. A line with 0 bytes ends the film: then
it answers `{"bytes": 1200000, "frames": 240, "width": 800, "height": 600, "fault": null}` and the film behind
that, or `fault`: `too_large` or `no_pictures`. What takes more than `cpu_s` of CPU ends the process by
SIGPROF, and what takes more than `memory` bytes ends it with an error.

Frames are held for as long as flicker and the encoder look around them, and no longer.
"""

import io
import json
import os
import resource
import signal
import socket
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import av
import numpy as np
import simplejpeg
from PIL import Image, ImageDraw, ImageFont

# A picture's brightness is compared with that of so many before and after it.
AROUND: Final = 4
# What is done against flicker is bounded: the light of day and night stays (see correction).
MOST_GAIN: Final = 1.25
MOST_GAMMA: Final = 1.6
# Beside the frames themselves, an MP4 needs some bytes for each in its index, which comes first.
INDEX_BYTES: Final = 48
INDEX_FIXED: Final = 4096
# A second of film in which the rate may be twice what it is as a whole.
BURST_S: Final = 1

_LEVELS: Final = np.arange(256)


class Shot(NamedTuple):
    """A picture as it is on its way into the film, and what is written on it."""

    picture: Image.Image
    text: str


def fitted(image: bytes, size: tuple[int, int] | None, width: int, most_pixels: int) -> Image.Image:
    """Decode a JPEG and bring it to this size (px), with black bars if its sides are in another proportion.

    Without a size it gets its own, made smaller so that no side is longer than `width`. Raises ValueError.
    """
    own_height, own_width, _, _ = simplejpeg.decode_jpeg_header(image)
    if own_width * own_height > most_pixels:
        raise ValueError("more pixels than are decoded")
    wanted = size or even(own_width, own_height, min(1.0, width / max(own_width, own_height)))
    scale = min(wanted[0] / own_width, wanted[1] / own_height)
    inner = size_of(own_width, own_height, scale) if size else wanted
    # Damaged pictures were left out by the claim, and strictness would refuse those that are only odd.
    pixels = simplejpeg.decode_jpeg(image, min_width=inner[0], min_height=inner[1], strict=False)
    picture = Image.fromarray(pixels)
    if picture.size != inner:
        picture = picture.resize(inner, Image.Resampling.BICUBIC, reducing_gap=2.0)
    if inner == wanted:
        return picture
    frame = Image.new("RGB", wanted)
    frame.paste(picture, ((wanted[0] - inner[0]) // 2, (wanted[1] - inner[1]) // 2))
    return frame


def size_of(width: int, height: int, scale: float) -> tuple[int, int]:
    """Return a size (px) by this scale."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def even(width: int, height: int, scale: float) -> tuple[int, int]:
    """Return an even size (px) near this scale: H.264 has one pixel of colour for four of brightness."""
    wide, high = size_of(width, height, scale)
    return max(16, wide // 2 * 2), max(16, high // 2 * 2)


def brightness(histogram: "np.ndarray[Any, Any]") -> float:
    """Return the mean luma (0 to 255) of a histogram of it."""
    return float(histogram @ _LEVELS / histogram.sum())


def correction(histogram: "np.ndarray[Any, Any]", wanted: float) -> "np.ndarray[Any, Any]":
    """Return what each value (0 to 255) becomes, so that the mean luma is `wanted` as far as that is allowed.

    Half of it is gain, as of another exposure, and the rest gamma, which leaves black and white as they are.
    Both are bounded.
    """
    gain = float(np.clip(((wanted + 1) / (brightness(histogram) + 1)) ** 0.5, 1 / MOST_GAIN, MOST_GAIN))
    lit = np.minimum(_LEVELS * gain / 255, 1.0)
    low, high = 1 / MOST_GAMMA, MOST_GAMMA
    for _ in range(12):  # halves the interval to a thousandth of it
        middle = (low + high) / 2
        if brightness_of(histogram, lit**middle) > wanted:
            low = middle
        else:
            high = middle
    return np.round(255 * lit**high).astype(np.uint8)


def brightness_of(histogram: "np.ndarray[Any, Any]", curve: "np.ndarray[Any, Any]") -> float:
    """Return the mean luma (0 to 255) that a curve (0 to 1) makes of a histogram."""
    return float(255 * (histogram @ curve) / histogram.sum())


def deflickered(shots: Iterable[Shot]) -> Iterator[Shot]:
    """Give each picture the brightness that is usual around it.

    That is the median of AROUND pictures before it, itself and AROUND after it, on a scale of logarithms, as
    eyes have one. A single picture that is brighter or darker does not move a median, and what stays so for
    longer, as day and night do, moves it when it comes.
    """
    held: deque[tuple[Shot, np.ndarray[Any, Any]]] = deque()
    levels: deque[float] = deque()  # of the pictures before those held, too
    for shot in shots:
        histogram = np.asarray(shot.picture.convert("L").histogram())
        held.append((shot, histogram))
        levels.append(float(np.log1p(brightness(histogram))))
        if len(held) > AROUND:
            yield _evened(*held.popleft(), levels)
        if len(levels) > 2 * AROUND:
            levels.popleft()
    while held:
        # The window ends with the film; it begins AROUND before the first of those that are held.
        while len(levels) > len(held) + AROUND:
            levels.popleft()
        yield _evened(*held.popleft(), levels)


def _evened(shot: Shot, histogram: "np.ndarray[Any, Any]", levels: Iterable[float]) -> Shot:
    wanted = float(np.expm1(median(levels)))
    curve = correction(histogram, wanted).tolist()
    return Shot(shot.picture.point(curve * 3), shot.text)


def burnt(shots: Iterable[Shot]) -> Iterator[Image.Image]:
    """Write its text at the bottom left of each picture: white with a black rim, to be read on any ground."""
    font: Any = None
    for picture, text in shots:
        if text:
            size = max(12, picture.height // 24)
            font = font or ImageFont.load_default(size)
            ImageDraw.Draw(picture).text(
                (size // 2, picture.height - size // 2), text, "white", font, "ls",
                stroke_width=max(1, size // 10), stroke_fill="black",
            )  # fmt: skip
        yield picture


class TooLargeError(Exception):
    """The film has more bytes than it may have."""


def encoded(pictures: Iterable[Image.Image], asked: dict[str, Any]) -> tuple[bytes, int, tuple[int, int]]:
    """Return the film, its number of frames, and its size (px); raise TooLargeError.

    An MP4 that would become too large gets coarser pictures instead. No thread is started.
    """
    output = io.BytesIO()
    frames, size, fps, most = 0, (0, 0), asked["fps"], asked["most_bytes"]
    if asked["format"] == "mp4":
        index = INDEX_FIXED + INDEX_BYTES * asked["frames"]
        container = av.open(output, "w", format="mp4", options={"moov_size": str(index)})
        rate = int(8 * 0.95 * (most - index) / (asked["frames"] / fps + BURST_S))
        codec = "libx264"
        options = {
            "preset": "veryfast",
            "crf": "23",
            "maxrate": str(rate),
            "bufsize": str(rate * BURST_S),
            "g": str(2 * fps),  # a player that looks for a place is never further from a whole picture
            "x264-params": "threads=1:lookahead-threads=1:sync-lookahead=0:rc-lookahead=10",
        }
    else:
        container = av.open(output, "w", format="webp", options={"loop": "0"})
        codec, options = "libwebp_anim", {"quality": "70", "compression_level": "2"}
    stream: Any = None
    for picture in pictures:
        if stream is None:
            size = picture.size
            stream = container.add_stream(codec, rate=fps, options=options)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.thread_count = 1
        frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
        frame.pts, frame.time_base = frames, Fraction(1, fps)
        container.mux(stream.encode(frame))
        frames += 1
        if output.tell() > most:
            raise TooLargeError
    if stream is not None:
        container.mux(stream.encode(None))
        container.close()
    if len(film := output.getvalue()) > most:
        raise TooLargeError
    return film, frames, size


def give_up() -> int | None:
    """Leave the signals that end a worker to it, let everything else go first, and open nothing any more.

    Returns the bytes of address space that this process has then; None where there is no /proc to tell it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    os.nice(10)
    # Libraries read their modules, fonts and codecs when they first need them.
    image = io.BytesIO()
    Image.new("RGB", (64, 40)).save(image, "JPEG")
    for kind in ("mp4", "webp"):
        shot = Shot(fitted(image.getvalue(), (32, 24), 32, 64 * 40), "x")
        asked = {"format": kind, "fps": 1, "frames": 1, "most_bytes": 10**6}
        encoded(burnt(deflickered([shot])), asked)
    own = None
    with suppress(OSError):
        own = int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE):
        resource.setrlimit(limit, (0, 0))
    return own


def shots(stream: io.BufferedRWPair, asked: dict[str, Any]) -> Iterator[Shot]:
    """Take the pictures that come, and say of each whether it is in the film."""
    size: tuple[int, int] | None = None
    while (said := read(stream))["bytes"]:
        image = stream.read(said["bytes"])
        try:
            picture = fitted(image, size, asked["width"], asked["most_pixels"])
        except ValueError:
            picture = None
        if picture is not None:
            size = picture.size
            yield Shot(picture, said["text"])
        # Said when the picture before is encoded, so the worker sends no faster than that.
        answer(stream, taken=picture is not None)


def read(stream: io.BufferedRWPair) -> dict[str, Any]:
    """Read a line; raise ConnectionResetError if the worker is gone."""
    line = stream.readline()
    if not line:
        raise ConnectionResetError
    said: dict[str, Any] = json.loads(line)
    return said


def answer(stream: io.BufferedRWPair, **said: object) -> None:
    """Write a line."""
    stream.write(json.dumps(said).encode() + b"\n")
    stream.flush()


def serve(stream: io.BufferedRWPair, own: int | None) -> None:
    """Make the film for which this process was started; `own` is its address space before that (bytes)."""
    asked = read(stream)
    if own is not None:
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        allowed = own + asked["memory"]
        allowed = allowed if most == resource.RLIM_INFINITY else min(allowed, most)
        resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    signal.setitimer(signal.ITIMER_PROF, asked["cpu_s"])
    taken = shots(stream, asked)
    film, frames, size, fault = b"", 0, (0, 0), None
    try:
        film, frames, size = encoded(burnt(deflickered(taken) if asked["deflicker"] else taken), asked)
    except TooLargeError:
        fault = "too_large"
    if not frames and fault is None:
        fault = "no_pictures"
    if fault:
        film = b""
    answer(stream, bytes=len(film), frames=frames, width=size[0], height=size[1], fault=fault)
    stream.write(film)
    stream.flush()


def main() -> None:
    """Make a film of what comes by the socket at standard input."""
    with suppress(ConnectionError), socket.socket(fileno=0) as line, line.makefile("rwb") as stream:
        own = give_up()
        stream.write(b"ready\n")
        stream.flush()
        serve(stream, own)


if __name__ == "__main__":
    main()
