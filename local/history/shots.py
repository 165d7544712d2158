"""The pictures of the history: what the simulator's cameras see, with the service's thumbnails of them."""

import io
import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from PIL import Image

from local.history.fleet import FLEET, Device
from simulator.pictures import Damage, load_photos, take_shot
from tasks.decoder import draw

# So many pictures of a scene take turns, each in another light.
LIGHTS: Final = 12
_INDEX: Final = "index.json"


@dataclass(frozen=True)
class Picture:
    """A picture, in a folder as `<name>.jpg` and `<name>-thumbnail.jpg`; sizes in bytes and px."""

    name: str
    sha256: str
    size: int
    thumbnail_size: int
    width: int
    height: int
    figures: dict[str, Any]


class Pictures:
    """The pictures in a folder that `make` has filled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = json.loads((folder / _INDEX).read_text())
        self._by_name = {name: Picture(**values) for name, values in found.items()}

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Take all pictures, with their thumbnails and figures."""
        folder.mkdir()
        photos = load_photos()
        index = {}
        for device in FLEET:
            for covered in {False, bool(device.covered)}:
                for light in range(LIGHTS):
                    name = _name(device, light, covered=covered)
                    # Devices that see the same scene have the same pictures of it.
                    if name not in index:
                        index[name] = asdict(_take(folder, photos, device, name, covered=covered))
        (folder / _INDEX).write_text(json.dumps(index))
        return cls(folder)

    def of(self, device: Device, number: int, *, covered: bool) -> Picture:
        """Return the picture that a device takes at its wake of this number."""
        return self._by_name[_name(device, number % LIGHTS, covered=covered)]


def _photo(device: Device) -> int:
    return Random(device.scene).randrange(len(load_photos()))  # noqa: S311


def _name(device: Device, light: int, *, covered: bool) -> str:
    return f"{_photo(device)}-{light}-covered" if covered else f"{_photo(device)}-{light}"


def _take(folder: Path, photos: tuple[bytes, ...], device: Device, name: str, *, covered: bool) -> Picture:
    damage = Damage.COVERED if covered else Damage.NONE
    rng = Random(name)  # noqa: S311
    image = take_shot(photos, name, damage, rng, scene=device.scene).develop(photos)
    with Image.open(io.BytesIO(image)) as opened:
        width, height = opened.size
    drawn = draw(image, width, height, sequential=True)
    if drawn.thumbnail is None or drawn.figures is None:
        raise ValueError(f"the picture {name} has no thumbnail: {drawn.damage}")
    (folder / f"{name}.jpg").write_bytes(image)
    (folder / f"{name}-thumbnail.jpg").write_bytes(drawn.thumbnail)
    figures, digest = drawn.figures._asdict(), sha256(image).hexdigest()
    return Picture(name, digest, len(image), len(drawn.thumbnail), width, height, figures)
