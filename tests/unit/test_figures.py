"""The figures of a picture: known pictures have known ones, and each figure follows what it is meant for."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from tasks.decoder import Figures, draw, look
from tasks.stations.decode import Figures as Known
from tasks.stations.header import read_header

PHOTOS = sorted((Path(__file__).parents[2] / "simulator" / "photos").glob("*.jpg"))


def grey(rows):
    return Image.fromarray(np.asarray(rows, np.uint8))


def bits(one, other):
    return (int(one.dhash, 16) ^ int(other.dhash, 16)).bit_count()


def seen(data):
    return draw(data, *read_header(data)[:2], sequential=True).figures


def encoded(picture, **options):
    output = io.BytesIO()
    picture.save(output, "JPEG", **options)
    return output.getvalue()


@pytest.mark.parametrize("level", [0, 77, 255])
def test_an_even_picture_has_its_level_for_brightness_and_nothing_else(level):
    assert look(Image.new("L", (320, 240), level)) == Figures(
        pytest.approx(level), pytest.approx(0), 0, "0" * 16
    )


def test_half_black_and_half_white():
    picture = grey(np.repeat([[0] * 160 + [255] * 160], 240, 0))
    figures = look(picture)
    assert figures[:2] == (pytest.approx(127.5), pytest.approx(127.5))
    # Two columns of 318 have a Laplacian of 255 and -255.
    assert figures.sharpness == pytest.approx(2 * 255**2 / 318)
    # Of nine fields the fifth is half as bright: two steps up in each row.
    assert figures.dhash == "18" * 8
    assert look(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)).dhash == "0" * 16


def test_the_sharpest_picture_has_the_sharpness_that_the_database_takes_at_most():
    board = grey(255 * (np.indices((240, 320)).sum(0) % 2))
    assert look(board).sharpness == pytest.approx(1020**2, rel=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (320, 1), (1, 240), (3, 3)])
def test_a_picture_of_few_pixels_has_figures(size):
    figures = look(Image.new("RGB", size, "red"))
    assert figures == Figures(pytest.approx(76), pytest.approx(0, abs=1e-6), 0, "0" * 16)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_figures_are_those_of_numpy_s_own_functions(photo):
    with Image.open(photo) as opened:
        picture = opened.convert("RGB").resize((320, 240))
    luma = np.asarray(picture.convert("L"), float)
    edges = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    assert look(picture)[:3] == pytest.approx((luma.mean(), luma.std(), edges.var()), rel=1e-4)


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_each_figure_follows_what_it_is_meant_for_and_the_hash_does_not(photo):
    with Image.open(photo) as opened:
        picture = opened.convert("RGB")
    whole = seen(photo.read_bytes())
    darker = seen(encoded(ImageEnhance.Brightness(picture).enhance(0.7)))
    assert darker.brightness == pytest.approx(0.7 * whole.brightness, rel=0.1)
    flatter = seen(encoded(ImageEnhance.Contrast(picture).enhance(0.5)))
    assert flatter.contrast == pytest.approx(0.5 * whole.contrast, rel=0.1)
    blurred = seen(encoded(picture.filter(ImageFilter.GaussianBlur(picture.width / 100))))
    assert blurred.sharpness < whole.sharpness / 3
    assert max(bits(whole, other) for other in (darker, flatter, blurred)) <= 12
    assert bits(whole, seen(encoded(picture.rotate(180)))) > 20


@pytest.mark.parametrize("photo", PHOTOS, ids=lambda path: path.stem)
def test_a_picture_looks_alike_at_any_size_it_is_sent_in(photo):
    with Image.open(photo) as opened:
        picture = opened.convert("RGB")
    one, other = (seen(encoded(picture.resize((4 * n, 3 * n)), quality=90)) for n in (160, 280))
    assert other.brightness == pytest.approx(one.brightness, rel=0.02)
    assert other.contrast == pytest.approx(one.contrast, rel=0.05)
    assert bits(one, other) <= 8


def test_what_is_broken_has_figures_as_far_as_it_is_shown():
    data = PHOTOS[0].read_bytes()
    broken = draw(data[: len(data) // 2], *read_header(data)[:2], sequential=True)
    assert broken.damage is not None
    assert broken.figures is not None


def test_the_worker_reads_the_figures_that_the_decoder_writes():
    assert Known._fields == Figures._fields
