"""What the database shall know of a capture, from what Redis noted while it arrived."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from core.clock import to_datetime
from core.keys import CaptureRef
from core.protocol import Sensors

# No camera of this fleet took a picture before; a clock that says so has not been set yet.
CLOCK_SET_SINCE: Final = datetime(2020, 1, 1, tzinfo=UTC)
CLOCK_MAY_LEAD: Final = timedelta(days=1)

Fields = dict[str, bytes]


def arrived_at(fields: Fields) -> datetime:
    """Give the time at which the first message of the capture came."""
    return to_datetime(int(fields["first_at"]))


def captured_at(fields: Fields) -> tuple[datetime, str]:
    """Give the capture time and where it is from: `device`, or `arrival` where its clock is plainly wrong."""
    arrival = arrived_at(fields)
    if said := fields.get("captured"):
        time = datetime.fromisoformat(said.decode())
        if CLOCK_SET_SINCE <= time <= arrival + CLOCK_MAY_LEAD:
            return time, "device"
    return arrival, "arrival"


def describe(ref: CaptureRef, fields: Fields) -> dict[str, Any]:
    """Give the values of a row that are known as soon as metadata has come."""
    time, source = captured_at(fields)
    return {
        "device_id": ref.device_id,
        "image_name": ref.image_name,
        "captured_at": time.isoformat(),
        "captured_at_source": source,
        "arrived_at": arrived_at(fields).isoformat(),
        "image_bytes": _integer(fields, "image_bytes"),
        "total_chunks": _integer(fields, "total"),
        "location": _text(fields, "location"),
        "firmware_version": _text(fields, "firmware_version"),
        "device_image_id": _text(fields, "image_id"),
        "nacks_sent": _integer(fields, "nacks") or 0,
        "metadata": orjson.loads(fields.get("metadata", b"{}")),
        "sensors": _sensors(fields),
    }


def _integer(fields: Fields, name: str) -> int | None:
    return int(fields[name]) if name in fields else None


def _text(fields: Fields, name: str) -> str | None:
    return fields[name].decode() if name in fields else None


def _sensors(fields: Fields) -> dict[str, float] | None:
    values = {name: float(fields[name]) for name in Sensors._fields if name in fields}
    return values or None
