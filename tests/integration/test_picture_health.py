"""Pictures go the whole way of a capture, and are stored with what they say about their camera."""

import io
from datetime import timedelta

import numpy as np
import pytest
from arrivals import TIME, arrive, photo, run
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from core.wire import parse_time

DAYS = 4


@pytest.fixture(autouse=True)
def empty(resources):
    resources.store.redis.flushdb()


@pytest.fixture(scope="module")
def scene():
    with Image.open(io.BytesIO(photo())) as opened:
        return opened.convert("RGB").resize((640, 480))


def taken(picture, seed):
    """Return the JPEG of a picture, with the noise of a sensor."""
    noise = np.random.default_rng(seed).normal(0, 4, (*picture.size[::-1], 3))
    output = io.BytesIO()
    Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8)).save(
        output, "JPEG", quality=80
    )
    return output.getvalue()


def turned(picture):
    return ImageChops.offset(picture, 200, 120)


def covered(picture):
    return Image.blend(
        picture.filter(ImageFilter.GaussianBlur(60)), Image.new("RGB", picture.size, "gray"), 0.9
    )


TROUBLES = {
    "ok": lambda picture: ImageEnhance.Brightness(picture).enhance(0.8),
    "black": lambda picture: ImageEnhance.Brightness(picture).enhance(0.02),
    "white": lambda picture: ImageOps.colorize(picture.convert("L"), "#f4f4f4", "white"),
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(8)),
    "covered": covered,
    "shifted": turned,
}


def stored(resources, database, device, data, day):
    """Send a picture of a day at noon through the worker, and return its row."""
    at = parse_time(TIME) + timedelta(days=day)
    name = f"day_{day}.jpg"
    run(resources, arrive(resources, device, data, name, time=at.isoformat()))
    rows = database.table("captures").select("*").eq("device_id", device).eq("device_capture_id", name)
    [row] = rows.execute().data
    return row


@pytest.mark.parametrize("health", TROUBLES)
def test_a_picture_ends_with_its_health(resources, database, device, scene, health):
    for day in range(DAYS):
        row = stored(resources, database, device, taken(scene, day), day)
        assert row["health"] == (None if day < 3 else "ok")
    row = stored(resources, database, device, taken(TROUBLES[health](scene), DAYS), DAYS)
    assert row["ingest_status"] == "stored"
    assert row["health"] == health
    assert (row["health_reason"] is None) == (health == "ok")


def test_a_picture_that_comes_again_is_frozen(resources, database, device, scene):
    data = taken(scene, 1)
    assert stored(resources, database, device, data, 0)["health"] is None
    row = stored(resources, database, device, data, 1)
    assert row["health"] == "frozen"
    assert "The same picture as that of" in row["health_reason"]


def test_a_picture_without_a_thumbnail_is_not_judged(resources, database, device, scene):
    output = io.BytesIO()
    scene.save(output, "JPEG", progressive=True)
    row = stored(resources, database, device, output.getvalue(), 0)
    assert [row[name] for name in ("ingest_status", "brightness", "dhash", "health")] == [
        "stored",
        None,
        None,
        None,
    ]
