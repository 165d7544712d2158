"""A generator of images that no camera should send: photographs in many forms of JPEG, and then damaged."""

import io
from pathlib import Path
from random import Random

from PIL import Image

PHOTOS = [
    path.read_bytes() for path in sorted((Path(__file__).parents[2] / "simulator" / "photos").glob("*.jpg"))
]
FORMS = (
    {"quality": 85},
    {"quality": 5},
    {"quality": 95, "subsampling": "4:4:4"},
    {"quality": 60, "optimize": True},
    {"quality": 60, "restart_marker_blocks": 3},
    {"quality": 60, "progressive": True},
    {"quality": 60, "comment": b"x" * 1000},
)
MARKERS = bytes([0x01, *range(0xC0, 0x100)])


def originals() -> list[bytes]:
    """Give the photographs, and each of them smaller in every form, in grey and in CMYK."""
    made = list(PHOTOS)
    for photo in PHOTOS:
        small = Image.open(io.BytesIO(photo)).convert("RGB").resize((320, 240))
        for mode in ("RGB", "L", "CMYK"):
            for form in FORMS:
                output = io.BytesIO()
                small.convert(mode).save(output, "JPEG", **form)
                made.append(output.getvalue())
    return made


def image(rng: Random, originals: list[bytes]) -> bytes:
    """Give an image with up to four faults."""
    data = bytearray(rng.choice(originals))
    for _ in range(rng.randrange(5)):
        rng.choice(FAULTS)(rng, data)
    if rng.random() < 0.05:
        other = rng.choice(originals)
        data[rng.randrange(len(data) + 1) :] = other[rng.randrange(len(other)) :]
    return bytes(data)


def _flip(rng: Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 10, 200))):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)


def _flip_in_the_header(rng: Random, data: bytearray) -> None:
    for _ in range(rng.randrange(1, 6)):
        if data:
            data[rng.randrange(min(len(data), 700))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))


def _cut(rng: Random, data: bytearray) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _drop(rng: Random, data: bytearray) -> None:
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.choice((1, 100, 1024))]


def _zero(rng: Random, data: bytearray) -> None:
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((16, 1024, 10_000)))
    data[at:end] = bytes(end - at)


def _repeat(rng: Random, data: bytearray) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + 1024] * rng.choice((1, 2, 20))


def _mark(rng: Random, data: bytearray) -> None:
    """Put a marker somewhere, with a length that may lie."""
    at = rng.randrange(len(data) + 1)
    data[at:at] = bytes([0xFF, rng.choice(MARKERS)]) + rng.randbytes(rng.choice((0, 2, 20)))


def _resize(rng: Random, data: bytearray) -> None:
    """Let the frame claim another size, or other components."""
    for marker in (0xC0, 0xC2):
        at = data.find(bytes([0xFF, marker, 0]))
        if at >= 0:
            side = rng.choice((0, 1, 7, 255, 2_449, 65_535))
            where = at + rng.choice((5, 7))
            data[where : where + 2] = side.to_bytes(2, "big")
            if rng.random() < 0.3:
                data[at + 9 : at + 10] = bytes([rng.choice((0, 1, 2, 3, 4, 255))])


def _pad(rng: Random, data: bytearray) -> None:
    data += rng.choice((b"\0", b"\xff", b"\xff\xd9", b"<script>")) * rng.choice((1, 16, 5_000))


FAULTS = (_flip, _flip_in_the_header, _cut, _drop, _zero, _repeat, _mark, _resize, _pad)
