"""The readings of a device's BME680."""

from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from simulator.dialects import Sensors

# Where a sensor begins that drifts, and what a BME680 can report: °C, %, hPa and ohms.
START: Mapping[str, float] = MappingProxyType(
    {"temperature": 21.0, "humidity": 50.0, "pressure": 1013.0, "gas_resistance": 50_000.0}
)
RANGE = {
    "temperature": (-40.0, 85.0),
    "humidity": (0.0, 100.0),
    "pressure": (300.0, 1100.0),
    "gas_resistance": (1_000.0, 1_000_000.0),
}


def read_sensors(rng: Random, drift: Mapping[str, float], number: int) -> Sensors:
    """Return the readings that go with a device's picture, of which the first has number 1.

    A sensor of `drift` begins at `START` and moves by its step with each picture, to the end of its range.
    The others are drawn for each picture.
    """
    drawn = {
        "temperature": rng.uniform(2, 38),
        "humidity": rng.uniform(20, 95),
        "pressure": rng.uniform(960, 1040),
        "gas_resistance": rng.uniform(1_000, 900_000),
    }
    for name, step in drift.items():
        least, most = RANGE[name]
        drawn[name] = min(most, max(least, START[name] + step * (number - 1)))
    values = {name: round(value, 2) for name, value in drawn.items()}
    return Sensors(
        temperature=values["temperature"],
        humidity=values["humidity"],
        pressure=values["pressure"],
        gas_ohms=values["gas_resistance"],
    )
