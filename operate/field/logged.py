"""The messages that the log in the database holds, as if they had been recorded."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from core.wire import topic
from operate.field.recording import Recorded


def logged(device: str, rows: Iterable[dict[str, Any]], began_at: datetime) -> Iterator[Recorded]:
    """Yield what rows of `device_publish_log` hold, in their order; of a capture that is its metadata."""
    for row in rows:
        payload, kind = row["payload"], str(row["topic"]).rpartition("/")[2]
        message = payload.get("metadata") if kind == "data" else payload
        if not message or "omitted_bytes" in message:
            continue
        ms = (datetime.fromisoformat(row["received_at"]) - began_at) // timedelta(milliseconds=1)
        # Not by orjson, which writes no whole number beyond 64 bits: devices may send any.
        yield Recorded(ms, topic(device, kind), json.dumps(message, ensure_ascii=False).encode())
