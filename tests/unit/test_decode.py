"""What decoding tells of a JPEG: that it is one, that its stream is whole, and what it looks like."""

import io
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import CaptureRejected, ErrorCode
from core.settings import WorkerSettings
from tasks.stations.decode import MOST_PIXELS_A_BYTE, Drawn, decode
from tasks.stations.header import MAX_PIXELS, read_header

LONGEST = 320
PHOTOS = sorted((Path(__file__).parents[2] / "simulator" / "photos").glob("*.jpg"))
CHUNK = 1024
SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def jpeg(photo=0):
    return PHOTOS[photo].read_bytes()


def picture_of(data):
    return Image.open(io.BytesIO(data))


@pytest.fixture(scope="session")
def draw(decoders):
    """Decode an image as the pipeline does."""

    def call(data, *, progressive=False):
        return decode(data, read_header(data), decoders.draw, progressive=progressive)

    return call


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
def test_a_legal_jpeg_is_whole_however_odd(draw, photo, oddity):
    picture = picture_of(photo.read_bytes())
    data = ODD[oddity](photo.read_bytes(), picture)
    drawn = draw(data, progressive=True)
    assert (drawn.damage, drawn.undecoded) == (None, None)
    size = {"odd sides": (317, 211), "one pixel": (1, 1)}.get(oddity, picture.size)
    assert read_header(data)[:2] == size
    thumbnail = picture_of(drawn.thumbnail)
    assert (thumbnail.mode, max(thumbnail.size)) == ("RGB", min(LONGEST, max(size)))


def test_a_zero_that_follows_ff_is_of_the_data_and_not_of_the_padding(draw):
    noise = (
        encoded(Image.frombytes("L", (16, 16), Random(n).randbytes(256)), quality=100) for n in range(500)
    )
    whole = next(data for data in noise if data.endswith(b"\xff\0" + EOI))
    for odd in (whole, whole[:-2], whole[:-2] + bytes(300), whole[:-2] + bytes(16) + EOI):
        assert draw(odd).damage is None


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
def test_damage_to_one_kilobyte_is_seen(draw, damage, least):
    rng, seen, tried = Random(11), 0, 0
    for photo in PHOTOS:
        pieces = chunks(photo.read_bytes())
        for _ in range(30):
            tried += 1
            seen += draw(b"".join(damage(pieces, rng))).damage is not None
    print(f"{damage.__name__}: {seen} of {tried}")
    assert seen >= least * tried


def is_whole(draw, data):
    try:
        return draw(data).damage is None
    except CaptureRejected as error:
        assert error.code == ErrorCode.NOT_A_JPEG
        return False


@pytest.mark.parametrize("kept", [0, 2, 20, 300, 600])
@pytest.mark.parametrize(
    "spoil", [lambda data: bytes(len(data)), lambda _: b"", lambda data: Random(3).randbytes(len(data))]
)
def test_damage_to_the_header_is_seen(draw, spoil, kept):
    for photo in PHOTOS:
        first, *rest = chunks(photo.read_bytes())
        assert not is_whole(draw, b"".join([first[:kept], spoil(first[kept:]), *rest]))


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
@pytest.mark.parametrize("left", [0.3, 0.7, 0.999])
def test_a_cut_is_seen_with_and_without_an_end(draw, photo, left):
    data = photo.read_bytes()
    cut = data[: int(left * len(data))]
    for broken in (cut, cut + EOI, cut + bytes(len(data) - len(cut))):
        assert draw(broken).damage is not None


def test_a_progressive_image_without_its_end_may_lack_scans(draw):
    whole = encoded(picture_of(jpeg()), progressive=True)
    last_scan = whole.rindex(b"\xff\xda")
    # Nothing tells that a scan is gone.
    assert draw(whole[:last_scan] + EOI, progressive=True).damage is None
    assert draw(whole[:last_scan], progressive=True).damage is not None
    assert draw(whole[:-2], progressive=True).damage is not None


def kept_from_decoders(data, **options):
    """Decode an image whose header must be enough; give what became of it."""

    def refuse(*_):
        raise AssertionError("a decoder has seen it")

    return decode(data, read_header(data), refuse, **options)


def test_a_progressive_image_is_kept_from_the_decoders():
    drawn = kept_from_decoders(encoded(picture_of(jpeg()), progressive=True))
    assert drawn == Drawn(undecoded="it is progressive, or has a scan for each component")


def test_so_is_one_with_very_many_scans_whatever_is_wanted(draw):
    whole = encoded(picture_of(jpeg()), progressive=True)
    last_scan = whole[whole.rindex(b"\xff\xda") : -2]
    assert draw(whole[:-2] + last_scan * 8 + EOI, progressive=True).undecoded is None
    drawn = kept_from_decoders(whole[:-2] + last_scan * 50 + EOI, progressive=True)
    assert drawn.undecoded is not None


def test_so_is_one_that_claims_more_pixels_than_its_bytes_can_hold(draw):
    """155 bytes may claim millions of pixels, which the decoder would all make up."""
    black = encoded(Image.new("L", (2000, 3000)), optimize=True)
    assert draw(black).damage is None
    drawn = kept_from_decoders(black[: 2000 * 3000 // MOST_PIXELS_A_BYTE - 1])
    assert drawn == Drawn(damage="too few bytes for its pixels")


def test_a_broken_stream_is_shown_as_far_as_it_goes(draw):
    pieces = chunks(jpeg())
    drawn = draw(b"".join([*pieces[:-20], *(bytes(CHUNK) for _ in range(20))]))
    assert drawn.damage is not None
    shown, whole = (np.asarray(picture_of(each.thumbnail)) for each in (drawn, draw(jpeg())))
    assert np.array_equal(shown[:80], whole[:80])
    assert not np.array_equal(shown, whole)


def test_what_cannot_be_decoded_at_all_has_no_thumbnail(draw):
    # A second header in the middle ends the decoding with an error.
    broken = jpeg().replace(
        b"\xff\xda", b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10\x03" + bytes(9) + b"\xff\xda", 1
    )
    drawn = draw(broken)
    assert (drawn.damage is not None, drawn.thumbnail) == (True, None)


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
        read_header(data)
    assert caught.value.code == ErrorCode.NOT_A_JPEG


def test_the_limit_of_pixels_is_that_of_the_settings():
    assert WorkerSettings.model_fields["max_image_pixels"].default == MAX_PIXELS


@given(st.binary(max_size=2000))
def test_any_bytes_are_broken_or_refused(draw, data):
    assert not is_whole(draw, jpeg()[:700] + data)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_a_thumbnail_is_the_image_at_320_px(draw, photo):
    original = picture_of(photo.read_bytes())
    thumbnail = picture_of(draw(photo.read_bytes()).thumbnail)
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
def test_a_thumbnail_of_any_shape_has_sides_of_1_to_320_px(draw, size, shown):
    assert picture_of(draw(encoded(Image.new("RGB", size))).thumbnail).size == shown


def test_a_small_image_is_not_enlarged(draw):
    thumbnail = draw(encoded(Image.new("L", (40, 30), 128))).thumbnail
    assert picture_of(thumbnail).size == (40, 30)
