"""What each device of the fleet said at its wakes, as the service hands it to its SQL functions."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from local.history.fleet import DAYS, FLEET, WAKE_HOURS, Device, within
from local.history.shots import Picture, Pictures

HOUR_MS: Final = 3_600_000
SLOT_MS: Final = WAKE_HOURS * HOUR_MS
# A device wakes so long after the fleet's hour; the first ones before they are late.
_APART_MS: Final = 25_000
_ASSEMBLY_TIMEOUT, _CAMERA_FAILED = 2201, 1001
_CHUNK: Final = 1024


@dataclass(frozen=True)
class Stored:
    """An object of the bucket: its key, its size in bytes, and the file of the pictures that it is."""

    key: str
    size: int
    file: str
    at_ms: int


@dataclass
class Told:
    """What came of a time: calls (when in ms since 1970, the function, its argument), and their objects."""

    calls: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    objects: list[Stored] = field(default_factory=list)


def begin_of(now_ms: int) -> int:
    """Return when a history begins that is made now, at one of the fleet's hours."""
    return (now_ms // SLOT_MS) * SLOT_MS - DAYS * 24 * HOUR_MS


def tell(pictures: Pictures, begun_ms: int, since_ms: int, until_ms: int) -> Told:
    """Return what the fleet said from one moment to another, of which the first belongs to it."""
    told = Told()
    for device in FLEET:
        for number in range((since_ms - begun_ms) // SLOT_MS, (until_ms - begun_ms) // SLOT_MS + 1):
            wake = _Wake(device, number, begun_ms)
            if since_ms <= wake.at_ms < until_ms and not wake.is_silent:
                wake.tell(told, pictures)
    return told


class _Wake:
    """One wake of a device. All that is drawn for it depends on the device and the number alone."""

    def __init__(self, device: Device, number: int, begun_ms: int) -> None:
        self._device, self._number, self._begun_ms = device, number, begun_ms
        self._rng = Random(f"{device.device_id}/{number}")  # noqa: S311
        self.at_ms = begun_ms + number * SLOT_MS + device.number * _APART_MS + self._rng.randrange(20_000)
        self._day = number * WAKE_HOURS / 24

    @property
    def is_silent(self) -> bool:
        """Whether nothing of it is heard at its time."""
        return within((*self._device.away, *self._device.off), self._day)

    def tell(self, told: Told, pictures: Pictures) -> None:
        """Add the hello, the picture, and those of the wakes before it at which the device was away."""
        kept = list(self._kept())
        told.calls.append((self.at_ms, "record_hello", self._hello([wake._file() for wake in kept])))
        at_ms = self.at_ms + 4_000
        for wake in [*kept, self]:
            told.calls.append((at_ms + 3_000, "record_capture", wake._capture(at_ms, pictures, told)))
            at_ms += 6_000

    def _kept(self) -> Iterator["_Wake"]:
        """The wakes just before this one at which the device was away, the oldest first."""
        number = self._number
        while number > 0 and within(self._device.away, (number - 1) * WAKE_HOURS / 24):
            number -= 1
        return (_Wake(self._device, each, self._begun_ms) for each in range(number, self._number))

    def _file(self) -> str:
        return f"{datetime.fromtimestamp(self.at_ms / 1000, UTC):%Y%m%d_%H%M%S}.jpg"

    def _share(self) -> float:
        return min(1.0, self._day / DAYS)

    def _hello(self, pending: list[str]) -> dict[str, Any]:
        first, last = self._device.signal
        sun = 94 + 5 * math.sin(2 * math.pi * (self._day - 0.3))
        battery = max(6.0, 100 - self._device.drain * self._day) if self._device.drain else sun
        return {
            "device_id": self._device.device_id,
            "status": "alive",
            "pending_count": len(pending),
            "pending_list": pending[:10],
            "received_at": iso(self.at_ms),
            "message_key": f"history:{self._device.device_id}:{self._number}",
            "firmware_version": "2.4.0" if self._day < 9 else "2.4.1",
            "uptime_s": 2,
            "boot_count": 1 + self._number,
            "battery_mv": round(3300 + 9 * battery),
            "battery_percent": round(battery),
            "wifi_rssi_dbm": round(first + (last - first) * self._share() + self._rng.gauss(0, 1.5)),
            "free_heap_bytes": self._rng.randrange(178_000, 184_000),
            "raw": {"simulated": True},
        }

    def _capture(self, arrived_ms: int, pictures: Pictures, told: Told) -> dict[str, Any]:
        device = self._device
        picture = pictures.of(device, self._number, covered=within(device.covered, self._day))
        chunks = -(-picture.size // _CHUNK)
        capture = {
            "device_id": device.device_id,
            "image_name": self._file(),
            "captured_at": iso(self.at_ms),
            "arrived_at": iso(arrived_ms),
            "firmware_version": "2.4.0" if self._day < 9 else "2.4.1",
            "metadata": {"simulated": True},
            "image_bytes": picture.size,
            "total_chunks": chunks,
        }
        if within(device.broken, self._day):
            failed = {"code": _CAMERA_FAILED, "message": "the camera took no picture", "details": {}}
            return {
                **capture,
                "image_bytes": 0,
                "total_chunks": 0,
                "ingest_status": "failed",
                "error": failed,
            }
        weak = device.lost * (0.5 + self._share())
        if self._rng.random() < weak:
            held = self._rng.randrange(chunks // 3, chunks)
            failed = {"code": _ASSEMBLY_TIMEOUT, "message": "assembly timeout", "details": {}}
            story = {"at": arrived_ms, "metadata": 0, "chunks": [40, 1800], "held": held}
            return {**capture, "ingest_status": "failed", "error": failed, "story": story, "nacks_sent": 3}
        return {**capture, **self._stored(arrived_ms, picture, chunks, told)}

    def _stored(self, arrived_ms: int, picture: Picture, chunks: int, told: Told) -> dict[str, Any]:
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        key = f"{self._device.device_id}/{at:%Y/%m/%d}/{self._file()}"
        path, thumbnail = f"captures/{key}", f"thumbnails/{key}"
        told.objects.append(Stored(path, picture.size, f"{picture.name}.jpg", arrived_ms))
        told.objects.append(
            Stored(thumbnail, picture.thumbnail_size, f"{picture.name}-thumbnail.jpg", arrived_ms)
        )
        repaired = self._rng.random() < self._device.lost * 4
        story: dict[str, Any] = {
            "at": arrived_ms,
            "metadata": 0,
            "chunks": [40, 1650],
            "stations": [1700, 1820, 1990],
        }
        if repaired:
            missing = self._rng.randrange(1, 6)
            first = chunks // 2
            asked = [1100, "asked", missing, missing, f"{first}-{first + missing - 1}"]
            story["events"] = [asked, [1400, "answered"]]
        hour = 2 * math.pi * (at.hour / 24 - 0.4)
        return {
            "ingest_status": "stored",
            "storage_path": path,
            "thumbnail_path": thumbnail,
            "width": picture.width,
            "height": picture.height,
            "image_sha256": picture.sha256,
            "figures": picture.figures,
            "nacks_sent": int(repaired),
            "sensors": {
                "temperature_c": round(21 + 4 * math.sin(hour) + self._rng.gauss(0, 0.4), 2),
                "humidity_pct": round(58 - 11 * math.sin(hour) + self._rng.gauss(0, 1.2), 2),
                "pressure_hpa": round(1013 + 6 * math.sin(self._day / 2) + self._rng.gauss(0, 0.3), 2),
                "gas_kohm": round(50 + self._rng.gauss(0, 2), 2),
            },
            "story": story,
        }


def iso(at_ms: int) -> str:
    """Return a time as the service writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
