"""A JPEG that is encoded anew shows the same, tells the same, and is smaller; or there is none."""

import io
from types import SimpleNamespace

import pytest
from PIL import Image, ImageChops, ImageStat

from core.settings import WorkerSettings
from local.part import REPOSITORY
from tasks.smaller import encode
from tasks.stations.header import read_header

PHOTO = (REPOSITORY / "simulator" / "photos").glob("*.jpg").__next__().read_bytes()
XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"


def encoded(picture, **options):
    output = io.BytesIO()
    picture.save(output, "JPEG", **{"quality": 95} | options)
    return output.getvalue()


def photo(mode="RGB", **options):
    return encoded(Image.open(io.BytesIO(PHOTO)).convert(mode), **options)


def shown(data):
    return Image.open(io.BytesIO(data))


def shrunk(decoders, data, scale=1.0, quality=60):
    header = read_header(data)
    size = round(header.width * scale), round(header.height * scale)
    return decoders.shrink(data, header, *size, quality)


@pytest.fixture
def resources(decoders):
    settings = SimpleNamespace(max_image_pixels=WorkerSettings.model_fields["max_image_pixels"].default)
    return SimpleNamespace(decoders=decoders, settings=settings)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_it_shows_the_same_in_fewer_bytes(decoders, mode):
    data = photo(mode)
    made = shrunk(decoders, data)
    assert len(made) < len(data) / 2
    assert (shown(made).mode, shown(made).size) == (mode, shown(data).size)
    apart = ImageStat.Stat(ImageChops.difference(shown(made).convert("L"), shown(data).convert("L")))
    assert apart.mean[0] < 5


def test_it_tells_the_same(decoders):
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a camera", 6
    exif.get_ifd(0x8769)[0x9003] = "2025:10:04 12:00:00"
    data = photo(exif=exif, icc_profile=b"a profile of colours", comment=b"of the roof", xmp=XMP)
    # This tells where other pictures begin.
    offsets = b"\xff\xe2\0\x0aMPF\0 II*"
    made = shrunk(decoders, data.replace(b"\xff\xdb", offsets + b"\xff\xdb", 1), scale=0.5)
    assert b"MPF\0" not in made
    assert shown(made).getexif() == shown(data).getexif()
    assert shown(made).getexif().get_ifd(0x8769) == {0x9003: "2025:10:04 12:00:00"}
    for name in ("icc_profile", "comment", "xmp"):
        assert shown(made).info[name] == shown(data).info[name]
    shown(made).load()


def test_an_end_that_is_cut_off_at_a_row_is_no_damage(decoders):
    assert shrunk(decoders, photo().removesuffix(b"\xff\xd9") + b"\0\0") is not None


@pytest.mark.parametrize(
    "data",
    [
        photo()[:9_000],
        photo()[:9_000] + bytes(4_000) + photo()[13_000:],
        photo("CMYK"),
        photo(progressive=True),
        photo(quality=40, optimize=True),  # no tenth of it is saved
        b"no JPEG",
    ],
    ids=["cut", "damaged", "of other colours", "progressive", "small already", "none"],
)
def test_what_is_broken_or_brings_too_little_is_left_alone(resources, data):
    assert encode(resources, data, 60, None) is None


def test_it_is_no_wider_than_is_asked_for_and_never_enlarged(resources):
    data = photo()
    width, height = shown(data).size
    half = encode(resources, data, 60, width // 2)
    assert (
        (half.width, half.height)
        == shown(half.image).size
        == (width // 2, round(height * (width // 2) / width))
    )
    assert encode(resources, data, 60, 10_000)[1:] == (width, height)


def test_the_largest_image_fits_into_the_memory_of_a_decoder(resources):
    data = encoded(Image.effect_noise((3000, 2000), 100).convert("RGB"), subsampling=0)
    assert encode(resources, data, 60, None) is not None
    assert encode(resources, data, 60, 2999) is not None


def test_metadata_that_lies_of_its_length_ends_nothing(decoders):
    data = photo()
    at = data.index(b"\xff\xdb")
    for lie in (b"\xff\xe1\0\0", b"\xff\xe1\0\1"):
        made = shrunk(decoders, data[:at] + lie + data[at:])
        assert made is None or b"\xff\xe1" not in made[:40]
