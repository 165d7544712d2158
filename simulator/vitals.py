"""Battery, radio and memory values of a device, as newer firmware reports them."""

from collections.abc import Mapping
from random import Random

AWAKE_MILLIAMPERES = 160.0
BATTERY_MAH = 2600.0
FULL_VOLTS, EMPTY_VOLTS = 4.2, 3.3


def charge_used_mah(awake_seconds: float) -> float:
    """Return the charge used while awake, in mAh: AWAKE_MILLIAMPERES times the time awake in hours."""
    return awake_seconds * AWAKE_MILLIAMPERES / 3600


def charge_left(awake_seconds: float) -> float:
    """Return what is left of BATTERY_MAH after so many seconds awake, from 0 to 1."""
    return max(0.0, 1 - charge_used_mah(awake_seconds) / BATTERY_MAH)


def vitals(rng: Random, boots: int, left: float, rssi: int | None = None) -> Mapping[str, float | str]:
    """Return every telemetry value under every name that some firmware version uses.

    `boots` is the number of wakes so far. `left` is the charge of the battery from 0 to 1; its voltage falls
    linearly from FULL_VOLTS to EMPTY_VOLTS. `rssi` is in dBm, by default drawn.
    """
    volts = round(EMPTY_VOLTS + (FULL_VOLTS - EMPTY_VOLTS) * left, 2)
    millivolts = round(volts * 1000)
    drawn = rng.randint(-85, -40)
    level = drawn if rssi is None else rssi
    uptime_ms = rng.randint(900, 4000)
    return {
        "firmware_version": "2.4.1",
        "uptime_ms": uptime_ms,
        "uptime_seconds": uptime_ms // 1000,
        "boot_count": boots,
        "battery_mv": millivolts,
        "battery_voltage": volts,
        "battery_voltage_mv": millivolts,
        "battery_percent": round(100 * left),
        "wifi_rssi": level,
        "wifi_rssi_dbm": level,
        "free_heap_bytes": rng.randint(120_000, 220_000),
    }
