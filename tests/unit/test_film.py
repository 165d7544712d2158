"""What the process that makes films does with pictures: brightness, size, text, and how large the film becomes."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tasks import film
from tasks.film import Shot, burnt, deflickered, encoded, fitted

PHOTOS = sorted((Path(__file__).parents[2] / "simulator" / "photos").glob("*.jpg"))
ASKED = {"format": "mp4", "fps": 24, "frames": 1, "most_bytes": 45_000_000}


def jpeg(picture, **options):
    output = io.BytesIO()
    picture.save(output, "JPEG", **options)
    return output.getvalue()


def luma(picture):
    return float(np.asarray(picture.convert("L")).mean())


def scene(exposures, photo=PHOTOS[1]):
    """The same scene, exposed so: factors of light, not of the values of pixels."""
    light = (np.asarray(Image.open(photo).convert("RGB").resize((320, 240))) / 255) ** 2.2
    for exposure in exposures:
        lit = np.clip(light * exposure, 0, 1) ** (1 / 2.2)
        yield Shot(Image.fromarray((255 * lit).astype(np.uint8)), "")


def flicker(shots):
    """Standard deviation of the difference in mean luma from one picture to the next."""
    return float(np.diff([luma(shot.picture) for shot in shots]).std())


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_flicker_goes_down_to_a_third_at_least(photo, show):
    exposures = np.exp(np.random.default_rng(7).normal(0, 0.2, 120))
    before, after = list(scene(exposures, photo)), list(deflickered(scene(exposures, photo)))
    assert len(after) == len(before)
    show(f"flicker of {photo.stem}, ±20 % of light: {flicker(before):.2f} before, {flicker(after):.2f} after")
    assert flicker(after) < flicker(before) / 3


def test_day_and_night_stay():
    hours = np.arange(4 * 96)
    day = 0.03 + np.clip(np.sin(2 * np.pi * hours / 96), 0, 1)
    noise = np.exp(np.random.default_rng(7).normal(0, 0.2, hours.size))
    plain = np.array([luma(shot.picture) for shot in scene(day)])
    before = np.array([luma(shot.picture) for shot in scene(day * noise)])
    after = np.array([luma(shot.picture) for shot in deflickered(scene(day * noise))])
    assert np.corrcoef(plain, after)[0, 1] > 0.99
    assert np.ptp(after) > 0.9 * np.ptp(plain)
    assert np.abs(after - plain).mean() < np.abs(before - plain).mean()


def test_a_light_that_was_switched_on_stays_on():
    after = [luma(shot.picture) for shot in deflickered(scene([0.2] * 20 + [1.0] * 20))]
    assert np.ptp(after[:20]) < 1 > np.ptp(after[20:])
    assert after[20] > after[19] + 20


@pytest.mark.parametrize("number", [1, 2, film.AROUND, 2 * film.AROUND, 2 * film.AROUND + 1])
def test_few_pictures_stay_as_many_and_in_order(number):
    shots = [Shot(shot.picture, str(place)) for place, shot in enumerate(scene([1.0] * number))]
    assert [shot.text for shot in deflickered(shots)] == [shot.text for shot in shots]


def test_what_is_done_is_bounded():
    """A picture that is black among white ones is not made up."""
    black = Shot(Image.new("RGB", (32, 24)), "")
    white = Shot(Image.new("RGB", (32, 24), "white"), "")
    after = [luma(shot.picture) for shot in deflickered([white] * 5 + [black] + [white] * 5)]
    assert after[5] == 0
    assert after[4] == 255


@pytest.mark.parametrize(
    ("own", "size"),
    [
        ((800, 600), (800, 600)),
        ((1600, 1200), (1280, 960)),
        ((1200, 1600), (960, 1280)),
        ((641, 481), (640, 480)),
        ((2000, 3), (1280, 16)),
        ((1, 1), (16, 16)),
    ],
)
def test_the_first_picture_gives_its_size_even_and_bounded(own, size):
    assert fitted(jpeg(Image.new("RGB", own)), None, 1280, 6_000_000).size == size


def test_others_are_brought_to_it_with_black_bars():
    red = jpeg(Image.new("RGB", (400, 400), "red"), quality=95)
    frame = fitted(red, (320, 240), 1280, 6_000_000)
    assert frame.size == (320, 240)
    pixels = np.asarray(frame)
    assert pixels[:, :40].max() == pixels[:, 280:].max() == 0
    assert pixels[:, 44:276, 0].min() > 240


@pytest.mark.parametrize(
    "image", [b"", b"\xff\xd8\xff\xd9", b"GIF89a", jpeg(Image.new("RGB", (40, 40)))[:120]]
)
def test_what_is_no_picture_is_told(image):
    with pytest.raises(ValueError):
        fitted(image, None, 1280, 6_000_000)


def test_too_many_pixels_are_not_decoded():
    with pytest.raises(ValueError, match="more pixels"):
        fitted(jpeg(Image.new("RGB", (100, 100))), None, 1280, 9_999)


@pytest.mark.parametrize("ground", ["black", "white", "grey"])
def test_text_can_be_read_on_any_ground(ground):
    plain = Image.new("RGB", (640, 480), ground)
    [written] = burnt([Shot(plain.copy(), "2025-10-04 12:34   23.5 °C  46 %  1013 hPa")])
    before, after = np.asarray(plain.convert("L")), np.asarray(written.convert("L"))
    changed = before != after
    assert changed[:400].sum() == 0
    assert not changed[:, -60:].any()
    assert changed[440:].sum() > 1000
    assert np.ptp(after[440:]) == 255, "white beside black"


def test_every_sign_of_the_text_is_in_the_font():
    def drawn(text):
        [picture] = burnt([Shot(Image.new("RGB", (120, 60)), text)])
        return picture.tobytes()

    missing = drawn("\U0010ffff")
    assert {sign for sign in "0123456789-:.°C%hPa" if drawn(sign) == missing} == set()


def noise(number, size=(640, 480)):
    random = np.random.default_rng(number)
    return Image.fromarray(random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def test_an_mp4_keeps_within_its_bytes_whatever_is_in_it():
    most = 1_000_000
    data, frames, size = encoded(map(noise, range(96)), ASKED | {"frames": 96, "most_bytes": most})
    assert (frames, size) == (96, (640, 480))
    assert len(data) <= most
    with av.open(io.BytesIO(data)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 96
    # A player may begin before it has all of it.
    assert 0 < data.find(b"moov") < data.find(b"mdat")


def test_a_webp_that_becomes_too_large_is_told():
    with pytest.raises(film.TooLargeError):
        encoded(map(noise, range(24)), ASKED | {"format": "webp", "frames": 24, "most_bytes": 500_000})


def test_no_pictures_make_no_film():
    assert encoded([], ASKED)[1] == 0
