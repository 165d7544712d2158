"""The station that records device, capture, sensor reading and error in one transaction."""

from typing import Any, Literal

import orjson

from core.clock import to_iso
from core.errors import Rejected
from core.store.capture import Capture
from core.supabase import SupabaseGateway


def capture_row(capture: Capture) -> dict[str, Any]:
    """Return the values of a row of `captures` that are known once the metadata has come."""
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
    status: Literal["stored", "failed", "partial"],
    now: int,
    error: Rejected | None = None,
    **stored: Any,
) -> dict[str, Any]:
    """Record the capture with this status and return the answer of the SQL function `record_capture`.

    The answer holds the next wake and the time zone. `now` is the service's time (ms since 1970); `stored`
    are further columns. Raises Transient or CaptureRejected (2205). The SQL function may be called twice.
    """
    return supabase.record_capture(
        {
            **capture_row(capture),
            "story": capture.story,
            **stored,
            "ingest_status": status,
            "beside": capture.beside,
            "at": to_iso(now),
            "error": error and {"code": int(error.code), "message": error.message, "details": error.details},
        }
    )
