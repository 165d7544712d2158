"""Battery, radio and memory values of a device, as newer firmware reports them."""

from collections.abc import Mapping
from random import Random

AWAKE_MILLIAMPERES = 160.0
BATTERY_MAH = 2600.0
FULL_VOLTS, EMPTY_VOLTS = 4.2, 3.3


def charge_used_mah(awake_seconds: float) -> float:
    """Return the charge used while awake, in mAh: AWAKE_MILLIAMPERES times the time awake in hours."""
    return awake_seconds * AWAKE_MILLIAMPERES / 3600


def vitals(rng: Random, boots: int, awake_seconds: float) -> Mapping[str, float | str]:
    """Return every telemetry value under every name that some firmware version uses.

    `boots` is the number of wakes so far. The battery voltage falls linearly from FULL_VOLTS to EMPTY_VOLTS
    as the charge used goes from 0 to BATTERY_MAH.
    """
    left = max(0.0, 1 - charge_used_mah(awake_seconds) / BATTERY_MAH)
    volts = round(EMPTY_VOLTS + (FULL_VOLTS - EMPTY_VOLTS) * left, 2)
    millivolts = round(volts * 1000)
    rssi = rng.randint(-85, -40)
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
        "wifi_rssi": rssi,
        "wifi_rssi_dbm": rssi,
        "free_heap_bytes": rng.randint(120_000, 220_000),
    }
