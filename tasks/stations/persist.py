"""The station that writes the row: device, capture, sensor reading and error in one transaction."""

from typing import Any, Literal

import orjson

from core.clock import to_iso
from core.errors import Rejected
from core.store.capture import Capture
from core.supabase import SupabaseGateway


def capture_row(capture: Capture) -> dict[str, Any]:
    """Give the values of a row of `captures` that are known as soon as metadata has come."""
    sensors = {name: value for name, value in capture.sensors._asdict().items() if value is not None}
    return {
        "device_id": capture.ref.device_id,
        "image_name": capture.ref.image_name,
        "captured_at": capture.captured_at.isoformat(),
        "captured_at_source": capture.captured_at_source,
        "arrived_at": capture.arrived_at.isoformat(),
        "image_bytes": capture.image_bytes,
        "total_chunks": capture.total_chunks,
        "location": capture.location,
        "firmware_version": capture.firmware_version,
        "device_image_id": capture.image_id,
        "nacks_sent": capture.nacks,
        "metadata": orjson.loads(capture.metadata),
        "sensors": sensors or None,
    }


def persist(
    supabase: SupabaseGateway,
    capture: Capture,
    status: Literal["stored", "failed"],
    now: int,
    error: Rejected | None = None,
    **stored: Any,
) -> dict[str, Any]:
    """Bring the row to `stored` or `failed` and give what the database says of it and of the next wake.

    `now` (ms) is the service's clock; `stored` are further columns. Raises Transient or CaptureRejected
    (2205). The function behind it may be called twice.
    """
    answer: dict[str, Any] = supabase.call(
        "record_capture",
        p_capture={
            **capture_row(capture),
            **stored,
            "ingest_status": status,
            "at": to_iso(now),
            "error": error and {"code": int(error.code), "message": error.message, "details": error.details},
        },
    )
    return answer
