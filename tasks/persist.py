"""The station that writes the row: device, capture, sensor reading and error in one transaction."""

from typing import Any

from core import metrics
from core.clock import to_iso
from core.errors import Rejected
from core.supabase_gateway import SupabaseGateway


def persist(
    supabase: SupabaseGateway,
    description: dict[str, Any],
    status: str,
    now: int,
    error: Rejected | None = None,
    **stored: Any,
) -> dict[str, Any]:
    """Bring the row to `stored` or `failed` and give what the database says of it and of the next wake.

    `now` (ms) is the service's clock. Raises Transient or CaptureRejected (2205). The function behind it
    may be called twice.
    """
    answer: dict[str, Any] = supabase.call(
        "record_capture",
        p_capture={
            **description,
            **stored,
            "ingest_status": status,
            "at": to_iso(now),
            "error": error and {"code": int(error.code), "message": error.message, "details": error.details},
        },
    )
    metrics.CAPTURES.labels(status).inc()
    if error:
        metrics.ERRORS.labels(int(error.code)).inc()
    return answer
