"""The simulated fleet: who its devices are, what has happened to them, and how each of them goes on."""

from dataclasses import dataclass
from math import inf
from typing import Final

COMPANY: Final = "Greenhouse Ltd"
# What the console shows with each device, so that nobody takes it for a real one.
MARK: Final = "simulated"
NOTE: Final = "Simulated: `make up` has made the three weeks before it started, and plays the device since."
TIMEZONE: Final = "Europe/Berlin"
DAYS: Final = 21
WAKE_HOURS: Final = 6
# With it the devices' scenes, which their seeds choose, are spread over the photographs.
SEED: Final = 33

# From when to when, in days since the history began.
Stretch = tuple[float, float]


def within(stretches: tuple[Stretch, ...], day: float) -> bool:
    """Whether a moment is in one of these."""
    return any(begin <= day < end for begin, end in stretches)


@dataclass(frozen=True)
class Device:
    """A simulated device.

    `away`: it is not heard, and keeps its pictures until it comes back. `off`: it is not awake at all.
    `covered`: something is before its lens. `broken`: its camera takes no picture. `lost`: the share of
    pictures of which chunks get lost for good, halfway through. `signal`: in dBm at the beginning and at the
    end. `drain`: per cent that its battery loses in a day; 0: the sun charges it. `goes_on`: the simulator's
    options for the time from now; with None nobody plays it.
    """

    number: int
    name: str
    site: str
    tags: tuple[str, ...] = ()
    away: tuple[Stretch, ...] = ()
    off: tuple[Stretch, ...] = ()
    covered: tuple[Stretch, ...] = ()
    broken: tuple[Stretch, ...] = ()
    lost: float = 0.0
    signal: tuple[int, int] = (-58, -62)
    drain: float = 0.0
    goes_on: tuple[str, ...] | None = ()

    @property
    def device_id(self) -> str:
        """The id, by which too it is seen to be simulated."""
        return f"SIMULATED{self.number:02d}"

    @property
    def scene(self) -> str:
        """What names the scene that it sees, as the simulator's camera does."""
        return f"{SEED}/{self.device_id}/scene"


FLEET: Final = (
    Device(1, "Tomatoes", "Greenhouse", ("vegetables",)),
    Device(2, "Cucumbers", "Greenhouse", ("vegetables",), lost=0.04, signal=(-71, -84)),
    Device(3, "Seedlings", "Greenhouse", ("vegetables",), covered=((12.0, 14.5),)),
    Device(4, "Herbs", "Greenhouse", drain=4.4, goes_on=("--battery-from", "7")),
    Device(5, "Water tank", "Greenhouse", broken=((19.5, inf),), goes_on=("--device-error", "1")),
    Device(6, "Pear row", "Orchard", ("fruit",), away=((8.0, 9.4),)),
    Device(7, "Apple row", "Orchard", ("fruit",), lost=0.02),
    Device(8, "Beehives", "Orchard", ("animals",), off=((18.3, inf),), goes_on=None),
    Device(9, "Gate", "Orchard", broken=((5.2, 5.9),), signal=(-66, -70)),
    Device(10, "Cold store", "Store", ("fruit",), off=((15.1, 15.6),)),
)
