"""Cameras that look at photographs: what they see by day and by night, and with a lens in trouble.

A camera sees a part of a photograph. Its pictures differ as those of a real one do: the light of the day with
clouds and a drifting shadow, an exposure that follows it unevenly, noise that grows with the gain, wind,
things that pass, haze in some mornings, drops on the lens on some days. All is made in grey and at the size
of a thumbnail, since figures are taken from that alone. Light is linear here, 1 is white, and a picture
becomes a JPEG at the end.
"""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

Light = NDArray[np.float32]
Kind = Literal["outdoor", "infrared", "indoor"]

GAMMA: Final = 2.2  # of the photographs
# A camera sees this share of a photograph's sides; the rest is what it may be turned to.
PART: Final = 0.6
WIDTH, HEIGHT = 320, 240
# What the exposure aims at, and how far it can brighten and darken.
TARGET: Final = 0.2
MOST_GAIN, LEAST_GAIN = 12.0, 0.3
NIGHT: Final = 0.0008
SCHEDULES: Final = {"hourly": range(24), "every 3 h": range(1, 24, 3), "twice": (9, 16), "daily": (12,)}
BEGIN: Final = datetime(2026, 3, 1, tzinfo=UTC)


class Trouble(NamedTuple):
    """What is wrong with a picture, and how much of it; `kind` is what the service should call it."""

    kind: str
    how: str
    amount: float = 0.0


# From weak to strong: the weakest are meant to be at the edge of what can be told.
TROUBLES: Final = (
    *(Trouble("black", f"{100 * left:g} % of the light left", left) for left in (0.0, 0.0002, 0.001)),
    *(Trouble("white", f"{gain} times too much light", gain) for gain in (30, 100, 300)),
    *(Trouble("blurred", f"{100 * share:g} % of the width", share) for share in (0.004, 0.008, 0.016)),
    *(Trouble("blurred", f"condensation, {100 * haze:g} % haze", haze) for haze in (0.3, 0.6)),
    *(Trouble("covered", f"{100 * share:g} % of the view", share) for share in (0.7, 0.9, 1.0)),
    *(Trouble("shifted", f"by {100 * share:g} % of the width", share) for share in (0.06, 0.12, 0.25)),
    Trouble("shifted", "turned by 12 degrees", 12),
)


class Camera:
    """One camera: where it looks, what kind it is, and when it takes pictures. A seed gives the same one."""

    def __init__(self, photo: Path, seed: int, kind: Kind, schedule: str) -> None:
        self.name = f"{photo.stem} {seed} {kind} {schedule}"
        self.photo, self.kind, self.schedule = photo.stem, kind, schedule
        self._rng = np.random.default_rng([seed, *photo.stem.encode()])
        with Pillow.open(photo) as opened:
            self._photo = opened.convert("L")
        room = 1 - PART
        self._left, self._top = self._rng.uniform(0.25 * room, 0.75 * room, 2)

    def times(self, days: int) -> list[datetime]:
        """Return when it takes pictures, in order; a device's wakes are spread over some minutes."""
        hours = [(day, hour) for day in range(days) for hour in SCHEDULES[self.schedule]]
        return [
            BEGIN + timedelta(days=day, hours=hour, seconds=int(self._rng.integers(0, 300)))
            for day, hour in hours
        ]

    def take(self, at: datetime, trouble: Trouble | None = None) -> bytes:
        """Return the JPEG that it takes, with noise of its own at each call."""
        rng = self._rng
        sunny, haze, drops = self._weather_of(at)
        sun, lamp = self._light(at)
        scene = self._passing(self._view(trouble))
        if trouble and trouble.kind == "blurred" and trouble.how.endswith("width"):
            scene = _blurred(scene, trouble.amount * WIDTH)
        light = scene * (sun * (self._shadow(at) if sunny else 1.0) + lamp)
        # Haze is lit as the scene is.
        if trouble and trouble.how.startswith("condensation"):
            light = _hazy(_blurred(light, 0.006 * WIDTH), trouble.amount)
        elif at.hour < 10:
            light = _hazy(light, haze)
        light = _with_drops(light, drops, rng)
        if trouble and trouble.kind == "covered":
            light = _covered(light, trouble.amount, rng)
        light = light * trouble.amount if trouble and trouble.kind == "black" else light
        gain = float(np.clip(TARGET / max(light.mean(), 1e-6), LEAST_GAIN, MOST_GAIN))
        gain *= rng.lognormal(0, 0.15)
        if trouble and trouble.kind == "white":
            gain *= trouble.amount
        light = light * gain
        noise = np.sqrt((0.0004 * gain) ** 2 + 0.0002 * np.maximum(light, 0))
        light = light + noise * rng.standard_normal(light.shape, np.float32)
        return _jpeg(light)

    def _weather_of(self, at: datetime) -> tuple[bool, float, int]:
        """Whether the sun shines that day, how much haze its morning has, and how many drops there are."""
        if self.kind == "indoor":
            return False, 0.0, 0
        day = (at - BEGIN).days
        rng = np.random.default_rng([day, int(1e6 * self._left)])
        haze = rng.uniform(0.1, 0.4) if rng.random() < 0.1 else 0.0
        drops = int(rng.integers(2, 12)) if rng.random() < 0.15 else 0
        return bool(rng.random() < 0.5), haze, drops

    def _light(self, at: datetime) -> tuple[float, Light]:
        """Return the light of the day, and that of lamps over the view."""
        rng, hour = self._rng, at.hour + at.minute / 60
        height = np.sin(np.pi * (hour - 6) / 12)
        sun = NIGHT + max(0.0, float(height)) ** 1.3 * rng.uniform(0.4, 1.0)
        sun += 0.02 * float(np.exp(-((height / 0.15) ** 2)))  # twilight
        dark = np.zeros((HEIGHT, WIDTH), np.float32)
        if self.kind == "indoor":
            lit = 7 <= hour < 21 and rng.random() < 0.85
            return 0.25 * sun, dark + (0.4 * rng.uniform(0.8, 1.2) if lit else 0.0)
        if self.kind == "infrared" and height < 0.05:
            y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
            return sun, (0.08 * np.exp(-(x**2 + y**2))).astype(np.float32)
        return sun, dark

    def _view(self, trouble: Trouble | None) -> Light:
        """Return the part of the photograph that it sees; wind moves it by some px."""
        rng = self._rng
        wide, high = (PART * side for side in self._photo.size)
        across, down = rng.normal(0, 0.002, 2)
        turn = rng.normal(0, 0.15)
        if trouble and trouble.kind == "shifted":
            if trouble.how.startswith("turned"):
                turn += trouble.amount * rng.choice((-1, 1))
            else:
                angle = rng.uniform(0, 2 * np.pi)
                across += trouble.amount * np.cos(angle)
                down += trouble.amount * np.sin(angle)
        left = self._left * self._photo.width + across * wide
        top = self._top * self._photo.height + down * wide
        middle = (left + wide / 2, top + high / 2)
        cut = self._photo.rotate(turn, Pillow.Resampling.BILINEAR, center=middle).transform(
            (WIDTH, HEIGHT),
            Pillow.Transform.EXTENT,
            (left, top, left + wide, top + high),
            Pillow.Resampling.BICUBIC,
        )
        return np.asarray((np.asarray(cut, np.float32) / 255) ** GAMMA)

    def _shadow(self, at: datetime) -> Light:
        """Return a shadow with a soft edge, which drifts through the view in the course of the day."""
        y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
        edge = (at.hour - 12) / 8 + 0.5
        return np.asarray(1 - 0.6 / (1 + np.exp(40 * (x + 0.3 * y - edge))), np.float32)

    def _passing(self, scene: Light) -> Light:
        """Let something stand in the view in a third of the pictures: 6 to 20 % of its width."""
        rng = self._rng
        if rng.random() > 1 / 3:
            return scene
        wide, high = rng.uniform(0.06, 0.2, 2) * WIDTH
        left, top = rng.uniform(0, WIDTH - wide), rng.uniform(0, HEIGHT - high)
        mask = Pillow.new("L", (WIDTH, HEIGHT))
        ImageDraw.Draw(mask).ellipse((left, top, left + wide, top + high), fill=255)
        cover = np.asarray(mask.filter(ImageFilter.GaussianBlur(1)), np.float32) / 255
        texture = scene[::-1, ::-1] * rng.uniform(0.5, 1.5)
        return np.asarray(scene * (1 - cover) + texture * cover)


def _blurred(light: Light, radius: float) -> Light:
    """Blur light itself, so that what is bright spreads as in a lens; `radius` is the deviation in px."""
    edge = int(3 * radius) + 1
    padded = np.pad(light, edge, "reflect")
    down, across = np.fft.fftfreq(padded.shape[0])[:, None], np.fft.rfftfreq(padded.shape[1])
    waves = np.fft.rfft2(padded) * np.exp(-2 * (np.pi * radius) ** 2 * (down**2 + across**2))
    return np.fft.irfft2(waves, padded.shape)[edge:-edge, edge:-edge].astype(np.float32)


def _hazy(light: Light, share: float) -> Light:
    return np.asarray(light * (1 - share) + light.mean() * share)


def _with_drops(light: Light, drops: int, rng: np.random.Generator) -> Light:
    """Let drops show a blurred view of what lies behind them."""
    if not drops:
        return light
    mask = Pillow.new("L", (WIDTH, HEIGHT))
    for _ in range(drops):
        x, y, radius = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(0.01, 0.05) * WIDTH
        ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    cover = np.asarray(mask.filter(ImageFilter.GaussianBlur(2)), np.float32) / 255
    return np.asarray(light * (1 - cover) + _blurred(light, 0.02 * WIDTH) * cover)


def _covered(light: Light, share: float, rng: np.random.Generator) -> Light:
    """Put something close before the lens, out of focus, from one side up to this share of the view."""
    y, x = np.mgrid[-0.5 : 0.5 : HEIGHT * 1j, -0.5 : 0.5 : WIDTH * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    along = (along - along.min()) / (along.max() - along.min())
    edge = np.quantile(along, share)
    cover = 1.0 if share >= 1 else 1 / (1 + np.exp(25 * (along - edge)))
    tone = light.mean() * rng.uniform(0.05, 0.6)
    shade = 1 + 0.3 * (along - 0.5)
    return np.asarray(light * (1 - cover) + tone * shade * cover, np.float32)


def _jpeg(light: Light) -> bytes:
    output = io.BytesIO()
    light = np.clip(light, 0, 1)
    toned = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    picture = (toned * 255).astype(np.uint8)
    Pillow.fromarray(picture).save(output, "JPEG", quality=80)
    return output.getvalue()
