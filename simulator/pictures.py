"""Photographs for the cameras: each undamaged picture is a valid JPEG with unique bytes.

A comment segment after the SOI marker makes the bytes unique. Its length varies as well, which shifts all
later bytes, so that a chunk almost never has the same bytes in two pictures of one photograph. A chunk that
is stored in the wrong picture therefore changes that picture's SHA-256. Only a frozen camera sends the same
bytes again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from random import Random

from simulator import effects
from simulator.options import OptionError

SOI, EOI, COM = b"\xff\xd8", b"\xff\xd9", b"\xff\xfe"
OWN_PHOTOS = Path(__file__).parent / "photos"
HOLE_BYTES = 1024  # what `Damage.BROKEN` loses


class Damage(Enum):
    """What is wrong with a picture."""

    NONE = "none"
    NO_START = "no SOI marker"
    NO_END = "no EOI marker"
    CUT = "cut short"
    WRONG_SIZE = "metadata with a wrong image_size"
    WRONG_SHA256 = "metadata with a wrong image_sha256"
    DEVICE_ERROR = "the device could not take it"
    COVERED = "covered"
    FROZEN = "frozen"
    BLURRED = "blurred"
    DARK = "dark"
    WHITE = "white"
    SHIFTED = "shifted"
    BROKEN = "damaged"
    PARTIAL = "partial"


# What no service can store. A picture without its end, or cut short, is what the camera made: it is stored
# once the service knows that no byte was lost on the way.
REFUSED = frozenset({Damage.NO_START, Damage.WRONG_SIZE, Damage.WRONG_SHA256})
EFFECTS: Mapping[Damage, effects.Effect] = {
    Damage.COVERED: effects.cover,
    Damage.BLURRED: effects.blur,
    Damage.DARK: effects.darken,
    Damage.WHITE: effects.whiten,
    Damage.SHIFTED: effects.shift,
}


def load_photos(folder: Path | None = None) -> tuple[bytes, ...]:
    """Return the bytes of all JPEG files of a folder, in the order of their names.

    Without a folder, the simulator's own photographs are used.

    Raises `OptionError` if the folder cannot be read or holds no usable JPEG.
    """
    source = folder or OWN_PHOTOS
    if not source.is_dir():
        raise OptionError(f"photos: no such folder: {source}")
    found = []
    for path in sorted(source.iterdir()):
        if path.suffix.lower() not in (".jpg", ".jpeg"):
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            raise OptionError(f"photos: cannot read {path}: {error.strerror}") from error
        if not (data.startswith(SOI) and data.endswith(EOI)):
            raise OptionError(f"photos: {path} is not a whole JPEG")
        found.append(data)
    if not found:
        raise OptionError(f"photos: no .jpg file in {source}")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Shot:
    """The recipe for one picture's bytes, so that a sleeping device need not keep the bytes in memory.

    `photo` is an index into the photographs. `cut` is the share of the bytes that `Damage.CUT` keeps, the
    place of the hole of `Damage.BROKEN`, and the share of the chunks that `Damage.PARTIAL` sends. `scene` is
    None for the photograph itself; else it names what a fixed camera sees, and `light` seeds its light.
    """

    photo: int
    comment: bytes
    damage: Damage = Damage.NONE
    cut: float = 1.0
    scene: str | None = None
    light: int = 0

    def develop(self, photos: Sequence[bytes]) -> bytes:
        """Return the picture's bytes; every call returns the same bytes."""
        photo = photos[self.photo]
        if self.scene is not None:
            photo = effects.view(photo, Random(self.light), EFFECTS.get(self.damage), Random(self.scene))
        segment = COM + (len(self.comment) + 2).to_bytes(2) + self.comment
        data = SOI + segment + photo[2:]
        match self.damage:
            case Damage.NO_START:
                return b"\0\0" + data[2:]
            case Damage.NO_END:
                return data[:-2] + b"\0\0"
            case Damage.CUT:
                return data[: max(1, int(len(data) * self.cut))]
            case Damage.BROKEN:
                hole = int(len(data) * self.cut)
                return data[:hole] + b"\0" * min(HOLE_BYTES, len(data) - 2 - hole) + data[hole + HOLE_BYTES :]
            case _:
                return data


def take_shot(
    photos: Sequence[bytes],
    label: str,
    damage: Damage,
    rng: Random,
    *,
    scene: str | None = None,
    last: int | None = None,
) -> Shot:
    """Choose a photograph and a comment; the comment is unique if `label` is.

    With a `scene` the photograph is always the same one. Otherwise it differs from the `last` one, if there
    is another: the same view twice, without a sensor's noise, is what a frozen camera sends.
    """
    padding = "." * rng.randrange(256)
    photo = rng.randrange(len(photos))
    if photo == last:
        photo = (photo + 1) % len(photos)
    return Shot(
        photo=photo if scene is None else Random(scene).randrange(len(photos)),
        comment=f"{label} {rng.getrandbits(64):016x} {padding}".encode("ascii"),
        damage=damage,
        cut=rng.uniform(0.3, 0.9),
        scene=scene,
        light=rng.getrandbits(64),
    )
