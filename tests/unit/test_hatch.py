"""The first bytes of a JPEG: what is shown of them is what the whole picture shows, pixel for pixel."""

import io
from pathlib import Path
from random import Random

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.hatch import Unusable, hatch
from tasks.stations.header import read_header

PHOTOS = sorted((Path(__file__).parents[2] / "simulator" / "photos").glob("*.jpg"))
CHUNK = 1024
SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


def pixels(data, *, strict=True):
    return simplejpeg.decode_jpeg(data, strict=strict)


def encoded(picture, **options):
    output = io.BytesIO()
    picture.save(output, "JPEG", **options)
    return output.getvalue()


def opened(photo):
    return Image.open(photo).convert("RGB")


def shown(data, size):
    """Hatch the first bytes, and say how many rows are shown; all of them are those of the whole picture."""
    whole, (made, rows) = pixels(data), hatch(data[:size])
    drawn = pixels(made)  # strictly: libjpeg-turbo has nothing to say against it
    assert drawn.shape == whole.shape
    assert np.array_equal(drawn[:rows], whole[:rows])
    return rows, drawn


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda photo: photo.stem)
def test_the_rows_that_are_shown_are_those_of_the_whole_picture(photo):
    data = photo.read_bytes()
    size, rows = len(data), 0
    for cut in [*range(4 * CHUNK, size, 7 * CHUNK), size - 2, size]:
        before = rows
        rows, _ = shown(data, cut)
        assert rows >= before
    assert rows == pixels(data).shape[0]


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=SAMPLINGS)
@pytest.mark.parametrize("size", [(320, 240), (333, 251), (17, 1000)])
def test_so_they_are_of_every_sampling_and_size(sampling, size):
    data = encoded(opened(PHOTOS[0]).resize(size), quality=90, subsampling=sampling)
    # Most of a small picture is its tables.
    scan = data.index(b"\xff\xda")
    for part in (0.3, 0.6, 0.9):
        rows, _ = shown(data, scan + int(part * (len(data) - scan)))
        assert rows > 0


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_and_of_grey_and_of_four_colours(mode):
    data = encoded(opened(PHOTOS[1]).convert(mode), quality=80)
    rows, _ = shown(data, len(data) // 2)
    assert rows > 0


def test_nearly_all_that_came_is_shown():
    """A row of blocks is lost at most, since the hole begins somewhere in it."""
    data = encoded(opened(PHOTOS[0]), quality=90, subsampling=1)
    whole = pixels(data)
    for cut in range(8 * CHUNK, len(data), 5 * CHUNK):
        rows, drawn = shown(data, cut)
        differ = np.flatnonzero((drawn != whole).any(axis=(1, 2)))[0]
        assert differ - rows < 8


def test_what_is_missing_is_hatched_with_two_shades():
    data = PHOTOS[0].read_bytes()
    rows, drawn = shown(data, len(data) // 2)
    missing = drawn[rows + 16 :].astype(int)
    assert np.ptp(missing, axis=2).max() <= 2, "grey"
    shades, counts = np.unique(missing[..., 0].round(-1), return_counts=True)
    assert len(shades) == 2
    assert shades[1] - shades[0] > 40
    assert counts.min() > counts.sum() / 4
    assert (missing[0] != missing[-1]).any(), "the stripes lean"


def test_rows_are_counted_below_which_all_came_but_the_end():
    data = PHOTOS[0].read_bytes()
    assert hatch(data).image == data
    rows, _ = shown(data, len(data) - 2)
    assert rows == pixels(data).shape[0]


def test_what_follows_a_hole_is_not_taken_for_what_comes_next():
    """The caller cuts at the hole; should bytes be wrong all the same, only what can be right is shown."""
    data = PHOTOS[0].read_bytes()
    half = len(data) // 2
    assert hatch(data[:half] + b"\xff\xd3" + data[half:]).rows <= hatch(data[:half]).rows


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not begun"),
        (PHOTOS[0].read_bytes()[:300], "not begun"),
        (PHOTOS[0].read_bytes()[:1000], "first row"),
        (encoded(opened(PHOTOS[0]), progressive=True), "not sequential"),
        (encoded(opened(PHOTOS[0]), restart_marker_blocks=4), "restart"),
        (encoded(Image.new("RGB", (64, 64)), optimize=True)[:-3], "no codes"),
        (PHOTOS[0].read_bytes().replace(b"\xff\xc4", b"\xff\xfe"), "table"),
    ],
)
def test_where_nothing_can_be_shown_it_says_why(data, why):
    with pytest.raises(Unusable, match=why):
        hatch(data)


HEADED = PHOTOS[0].read_bytes()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.booleans())
def test_whatever_comes_a_picture_is_made_or_refused(seed, changes, in_head):
    random, data = Random(seed), bytearray(HEADED[: 6 * CHUNK])
    for _ in range(changes):
        data[random.randrange(2, 700 if in_head else len(data))] = random.randrange(256)
    if b"\xff\xc0\x00\x11\x08" not in data:
        return  # its size may be any, of which the header's reader lets few pass
    try:
        made, rows = hatch(bytes(data))
    except Unusable:
        return
    header = read_header(made, 2**32)
    assert 0 < rows <= header.height
