"""What a camera on a wall sees, made with Pillow from one photograph: changing light, and a lens in trouble.

An effect takes an RGB picture and a random generator, and returns a picture of the same size and mode. The
same generator state gives the same picture.
"""

import io
from collections.abc import Callable
from random import Random

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

Effect = Callable[[Image.Image, Random], Image.Image]

QUALITY = 80  # of the JPEG, in Pillow's scale
GRAIN = 4  # the noise of the sensor goes so many levels up and down


def view(photo: bytes, light: Random, effect: Effect | None, trouble: Random) -> bytes:
    """Return a JPEG of the scene that a photograph shows.

    `light` decides on brightness and noise, which differ from picture to picture. `trouble` is for the
    effect, and stays the same while the trouble does.
    """
    with Image.open(io.BytesIO(photo), formats=["JPEG"]) as opened:
        scene = opened.convert("RGB")
    scene = ImageEnhance.Brightness(scene).enhance(light.uniform(0.92, 1.08))
    if effect is not None:
        scene = effect(scene, trouble)
    out = io.BytesIO()
    _grainy(scene, light).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def cover(scene: Image.Image, rng: Random) -> Image.Image:
    """Put something before the lens: it is out of focus, dark, and leaves a rim of the scene on one side."""
    width, height = scene.size
    colour = tuple(rng.randint(25, 55) for _ in range(3))
    thing = Image.new("RGB", scene.size, colour)
    mask = Image.new("L", scene.size, 255)
    rim = int(width * rng.uniform(0.05, 0.12))
    left = 0 if rng.random() < 0.5 else width - rim
    mask.paste(90, (left, 0, left + rim, height))
    soft = ImageFilter.GaussianBlur(width / 20)
    return Image.composite(thing, scene.filter(soft), mask.filter(soft))


def blur(scene: Image.Image, rng: Random) -> Image.Image:
    """Put the scene out of focus, as condensation on the lens does."""
    return scene.filter(ImageFilter.GaussianBlur(scene.width / rng.uniform(90, 130)))


def darken(scene: Image.Image, rng: Random) -> Image.Image:
    """Take nearly all light away."""
    return ImageEnhance.Brightness(scene).enhance(rng.uniform(0.01, 0.03))


def whiten(scene: Image.Image, rng: Random) -> Image.Image:
    """Give so much light that next to nothing but white is left."""
    return Image.blend(scene, Image.new("RGB", scene.size, "white"), rng.uniform(0.97, 0.99))


def shift(scene: Image.Image, rng: Random) -> Image.Image:
    """Turn the camera: the scene moves by 20 to 35 % of width and height; its mirror image comes in."""
    width, height = scene.size
    mirrored = Image.new("RGB", (3 * width, 3 * height))
    for column in range(3):
        for row in range(3):
            tile = ImageOps.mirror(scene) if column != 1 else scene
            mirrored.paste(ImageOps.flip(tile) if row != 1 else tile, (column * width, row * height))
    across, down = (rng.choice((-1, 1)) * rng.uniform(0.2, 0.35) for _ in range(2))
    left, top = int(width * (1 + across)), int(height * (1 + down))
    return mirrored.crop((left, top, left + width, top + height))


def _grainy(scene: Image.Image, rng: Random) -> Image.Image:
    noise = Image.frombytes("L", scene.size, rng.randbytes(scene.width * scene.height))
    grain = noise.point([level * 2 * GRAIN // 255 for level in range(256)])
    return ImageChops.add(scene, Image.merge("RGB", [grain] * 3), offset=-GRAIN)
