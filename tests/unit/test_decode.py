"""What decoding tells of a JPEG: that it is one, that its stream is whole, and what it looks like."""

import io
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import CaptureRejected, ErrorCode
from core.settings import WorkerSettings
from tasks.stations.decode import MOST_PIXELS_A_BYTE, decode
from tasks.stations.header import MAX_PIXELS
from tasks.stations.thumbnail import LONGEST, make_thumbnail

PHOTOS = sorted((Path(__file__).parents[2] / "simulator" / "photos").glob("*.jpg"))
CHUNK = 1024
SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def jpeg(photo=0):
    return PHOTOS[photo].read_bytes()


def picture_of(data):
    return Image.open(io.BytesIO(data))


def chunks(data):
    return [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]


def encoded(picture, **options):
    output = io.BytesIO()
    picture.save(output, "JPEG", **options)
    return output.getvalue()


def with_fill_bytes(data):
    """Markers may be preceded by any number of FF."""
    return data.replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1).replace(b"\xff\xda", b"\xff\xff\xda", 1)


def exif():
    tags = Image.Exif()
    tags[0x0110] = "OV2640"
    return tags


ODD = {
    "as it is": lambda data, _: data,
    "zeros after its end": lambda data, _: data + bytes(700),
    "FF after its end": lambda data, _: data + b"\xff" * 700,
    "text after its end": lambda data, _: data + b"made by a camera" * 99,
    "two ends": lambda data, _: data + EOI,
    "zeros before its end": lambda data, _: data[:-2] + bytes(16) + EOI,
    "no end": lambda data, _: data[:-2],
    "zeros for its end": lambda data, _: data[:-2] + bytes(300),
    "fill bytes": lambda data, _: with_fill_bytes(data),
    "restart markers": lambda _, picture: encoded(picture, restart_marker_blocks=8),
    "restart markers and no end": lambda _, picture: encoded(picture, restart_marker_rows=1)[:-2],
    "EXIF": lambda _, picture: encoded(picture, exif=exif()),
    "broken EXIF": lambda _, picture: encoded(picture, exif=b"Exif\0\0MM\0*" + bytes(3000)),
    "comments": lambda _, picture: encoded(picture, comment=b"x" * 60_000),
    "progressive": lambda _, picture: encoded(picture, progressive=True),
    "grey": lambda _, picture: encoded(picture.convert("L")),
    "CMYK": lambda _, picture: encoded(picture.convert("CMYK")),
    "RGB": lambda _, picture: encoded(picture, keep_rgb=True),
    "4:4:4": lambda _, picture: encoded(picture, subsampling="4:4:4"),
    "4:2:0": lambda _, picture: encoded(picture, subsampling="4:2:0"),
    "tables of its own": lambda _, picture: encoded(picture, optimize=True),
    "quality 1": lambda _, picture: encoded(picture, quality=1),
    "quality 100": lambda _, picture: encoded(picture, quality=100),
    "all black": lambda _, picture: encoded(Image.new("RGB", picture.size), optimize=True),
    "odd sides": lambda _, picture: encoded(picture.crop((0, 0, 317, 211))),
    "one pixel": lambda _, picture: encoded(picture.crop((5, 5, 6, 6))),
}


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("oddity", ODD)
def test_a_legal_jpeg_is_whole_however_odd(photo, oddity):
    picture = picture_of(photo.read_bytes())
    data = ODD[oddity](photo.read_bytes(), picture)
    decoded = decode(data, LONGEST, progressive=True)
    assert (decoded.damage, decoded.undecoded) == (None, None)
    size = {"odd sides": (317, 211), "one pixel": (1, 1)}.get(oddity, picture.size)
    assert (decoded.width, decoded.height) == size
    assert decoded.pixels.mode == "RGB"
    assert max(decoded.pixels.size) >= min(LONGEST, max(size))


def test_a_zero_that_follows_ff_is_of_the_data_and_not_of_the_padding():
    noise = (
        encoded(Image.frombytes("L", (16, 16), Random(n).randbytes(256)), quality=100) for n in range(500)
    )
    whole = next(data for data in noise if data.endswith(b"\xff\0" + EOI))
    for odd in (whole, whole[:-2], whole[:-2] + bytes(300), whole[:-2] + bytes(16) + EOI):
        assert decode(odd, LONGEST).damage is None


def zeroed(pieces, rng):
    pieces = pieces.copy()
    number = rng.randrange(1, len(pieces))
    pieces[number] = bytes(len(pieces[number]))
    return pieces


def dropped(pieces, rng):
    number = rng.randrange(1, len(pieces))
    return pieces[:number] + pieces[number + 1 :]


def random(pieces, rng):
    pieces = pieces.copy()
    number = rng.randrange(1, len(pieces))
    pieces[number] = rng.randbytes(len(pieces[number]))
    return pieces


def repeated(pieces, rng):
    pieces = pieces.copy()
    number = rng.randrange(2, len(pieces) - 1)
    pieces[number] = pieces[number - 1]
    return pieces


def swapped(pieces, rng):
    pieces = pieces.copy()
    one, two = rng.sample(range(1, len(pieces) - 1), 2)
    pieces[one], pieces[two] = pieces[two], pieces[one]
    return pieces


def flipped(pieces, rng):
    pieces = pieces.copy()
    number = rng.randrange(1, len(pieces))
    changed = bytearray(pieces[number])
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    pieces[number] = bytes(changed)
    return pieces


# What this test prints stands in docs/reliability.md.
@pytest.mark.parametrize(
    ("damage", "least"),
    [(zeroed, 0.98), (dropped, 1.0), (random, 1.0), (repeated, 0.75), (swapped, 0.6), (flipped, 0.1)],
)
def test_damage_to_one_kilobyte_is_seen(damage, least):
    rng, seen, tried = Random(11), 0, 0
    for photo in PHOTOS:
        pieces = chunks(photo.read_bytes())
        for _ in range(30):
            tried += 1
            seen += decode(b"".join(damage(pieces, rng)), LONGEST).damage is not None
    print(f"{damage.__name__}: {seen} of {tried}")
    assert seen >= least * tried


def is_whole(data):
    try:
        return decode(data, LONGEST).damage is None
    except CaptureRejected as error:
        assert error.code == ErrorCode.NOT_A_JPEG
        return False


@pytest.mark.parametrize("kept", [0, 2, 20, 300, 600])
@pytest.mark.parametrize(
    "spoil", [lambda data: bytes(len(data)), lambda _: b"", lambda data: Random(3).randbytes(len(data))]
)
def test_damage_to_the_header_is_seen(spoil, kept):
    for photo in PHOTOS:
        first, *rest = chunks(photo.read_bytes())
        assert not is_whole(b"".join([first[:kept], spoil(first[kept:]), *rest]))


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("left", [0.3, 0.7, 0.999])
def test_a_cut_is_seen_with_and_without_an_end(photo, left):
    data = photo.read_bytes()
    cut = data[: int(left * len(data))]
    for broken in (cut, cut + EOI, cut + bytes(len(data) - len(cut))):
        assert decode(broken, LONGEST).damage is not None


def test_a_progressive_image_without_its_end_may_lack_scans():
    whole = encoded(picture_of(jpeg()), progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    # Nothing tells that a scan is gone.
    assert decode(whole[:last_scan] + EOI, LONGEST, progressive=True).damage is None
    assert decode(whole[:last_scan], LONGEST, progressive=True).damage is not None
    assert decode(whole[:-2], LONGEST, progressive=True).damage is not None


def no_decoder(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a decoder has seen it")

    monkeypatch.setattr(simplejpeg, "decode_jpeg", refuse)


def test_a_progressive_image_is_kept_from_the_decoder(monkeypatch):
    whole = encoded(picture_of(jpeg()), progressive=True)
    no_decoder(monkeypatch)
    decoded = decode(whole, LONGEST)
    assert (decoded.width, decoded.height) == picture_of(jpeg()).size
    assert (decoded.damage, decoded.pixels) == (None, None)
    with pytest.raises(CaptureRejected, match="progressive") as caught:
        make_thumbnail(decoded)
    assert caught.value.code == ErrorCode.THUMBNAIL_FAILED


def test_so_is_one_with_very_many_scans_whatever_is_wanted(monkeypatch):
    whole = encoded(picture_of(jpeg()), progressive=True)
    last_scan = whole[whole.rindex(b"\xff\xda") : -2]
    assert decode(whole[:-2] + last_scan * 8 + EOI, LONGEST, progressive=True).undecoded is None
    no_decoder(monkeypatch)
    assert decode(whole[:-2] + last_scan * 50 + EOI, LONGEST, progressive=True).undecoded is not None


def test_so_is_one_that_claims_more_pixels_than_its_bytes_can_hold(monkeypatch):
    """155 bytes may claim millions of pixels, which the decoder would all make up."""
    black = encoded(Image.new("L", (2000, 3000)), optimize=True)
    assert decode(black, LONGEST).damage is None
    no_decoder(monkeypatch)
    decoded = decode(black[: 2000 * 3000 // MOST_PIXELS_A_BYTE - 1], LONGEST)
    assert (decoded.damage, decoded.pixels) == ("too few bytes for its pixels", None)


def test_no_more_images_are_decoded_at_once_than_there_are_cores(monkeypatch):
    running, most, lock, real = 0, 0, threading.Lock(), simplejpeg.decode_jpeg

    def count(*arguments, **options):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return real(*arguments, **options)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(simplejpeg, "decode_jpeg", count)
    with ThreadPoolExecutor(8 * os.cpu_count()) as threads:
        found = list(threads.map(lambda _: decode(jpeg(), LONGEST).damage, range(16 * os.cpu_count())))
    assert (set(found), most <= os.cpu_count()) == ({None}, True)


def test_a_broken_stream_is_shown_as_far_as_it_goes():
    pieces = chunks(jpeg())
    broken = b"".join([*pieces[:-20], *(bytes(CHUNK) for _ in range(20))])
    decoded = decode(broken, LONGEST)
    assert decoded.damage is not None
    whole = np.asarray(decode(jpeg(), LONGEST).pixels)
    assert np.array_equal(np.asarray(decoded.pixels)[:100], whole[:100])
    assert max(picture_of(make_thumbnail(decoded)).size) == LONGEST


def test_what_cannot_be_decoded_at_all_has_no_thumbnail():
    # A second header in the middle ends the decoding with an error.
    broken = jpeg().replace(
        b"\xff\xda", b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03" + bytes(9) + b"\xff\xda", 1
    )
    decoded = decode(broken, LONGEST)
    assert (decoded.damage is not None, decoded.pixels) == (True, None)
    with pytest.raises(CaptureRejected) as caught:
        make_thumbnail(decoded)
    assert caught.value.code == ErrorCode.THUMBNAIL_FAILED


def bomb():
    """A small file that claims 65500 × 65500 pixels in its SOF0 header."""
    data = bytearray(jpeg())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = (65500).to_bytes(2, "big") * 2
    return bytes(data)


def as_png():
    output = io.BytesIO()
    Image.new("RGB", (40, 30)).save(output, "PNG")
    return output.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", SOI, SOI + EOI, bytes(2000), jpeg()[2:], b"\0\0" + jpeg()[2:], jpeg()[:200], bomb(), as_png()],
)
def test_what_is_no_jpeg_is_refused(data):
    with pytest.raises(CaptureRejected) as caught:
        decode(data, LONGEST)
    assert caught.value.code == ErrorCode.NOT_A_JPEG


def sized(width, height):
    """The photograph with another size in its header."""
    data = bytearray(jpeg())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


def test_the_limit_of_pixels_is_that_of_the_settings():
    assert decode(sized(3000, 2000), LONGEST).width == 3000
    with pytest.raises(CaptureRejected) as caught:
        decode(sized(3000, 2001), LONGEST)
    assert caught.value.details == {"bytes": len(jpeg()), "width": 3000, "height": 2001}
    assert decode(sized(3000, 2001), LONGEST, max_pixels=6_003_000).width == 3000
    assert WorkerSettings.model_fields["max_image_pixels"].default == MAX_PIXELS


@given(st.binary(max_size=2000))
def test_any_bytes_are_broken_or_refused(data):
    assert not is_whole(jpeg()[:700] + data)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_a_thumbnail_is_the_image_at_320_px(photo):
    original = picture_of(photo.read_bytes())
    thumbnail = picture_of(make_thumbnail(decode(photo.read_bytes(), LONGEST)))
    assert thumbnail.format == "JPEG"
    assert max(thumbnail.size) == 320
    assert thumbnail.width / thumbnail.height == pytest.approx(original.width / original.height, rel=0.01)
    best = np.asarray(original.resize(thumbnail.size, Image.Resampling.LANCZOS), float)
    error = np.sqrt(((np.asarray(thumbnail, float) - best) ** 2).mean())
    assert 20 * np.log10(255 / error) > 30  # dB of PSNR


@pytest.mark.parametrize(
    ("size", "shown"),
    [((480, 640), (240, 320)), ((900, 900), (320, 320)), ((2000, 1), (320, 1)), ((1, 2000), (1, 320))],
)
def test_a_thumbnail_of_any_shape_has_sides_of_1_to_320_px(size, shown):
    assert picture_of(make_thumbnail(decode(encoded(Image.new("RGB", size)), LONGEST))).size == shown


def test_an_image_whose_thumbnail_cannot_be_written_is_told_apart():
    decoded = decode(jpeg(), LONGEST)._replace(
        pixels=Image.new("RGBA", (640, 480))
    )  # JPEG has no transparency
    with pytest.raises(CaptureRejected) as caught:
        make_thumbnail(decoded)
    assert caught.value.code == ErrorCode.THUMBNAIL_FAILED


def test_a_small_image_is_not_enlarged():
    thumbnail = make_thumbnail(decode(encoded(Image.new("L", (40, 30), 128)), LONGEST))
    assert picture_of(thumbnail).size == (40, 30)
