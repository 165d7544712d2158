"""The task that finds what is wrong with devices, companies and the service (docs/adr/0026-alerts.md)."""

import logging
from typing import Any, Final

from core import dispatch
from operate.metrics import ALERTS, ALERTS_SECONDS
from operate.troubles import read_troubles
from tasks.app import app
from tasks.periodic import periodic
from tasks.resources import Resources

log = logging.getLogger("tasks.evaluate_alerts")

EVERY_S: Final = 45.0


@periodic(dispatch.EVALUATE_ALERTS, every_s=EVERY_S, put_off="alerts not evaluated")
def evaluate_alerts() -> None:
    """Call the SQL function `evaluate_alerts` with what the workers know of the service."""
    resources = app.resources
    said = service(resources)
    with ALERTS_SECONDS.time():
        done = resources.supabase.call("evaluate_alerts", p_service=said)
    for change in ("opened", "repeated", "resolved"):
        ALERTS.labels(change).inc(done[change])
    log.debug("%(opened)d alerts opened, %(repeated)d repeated, %(resolved)d resolved", done)


def service(resources: Resources) -> dict[str, Any]:
    """Return what `evaluate_alerts` is told of the service and its settings; raises Transient."""
    settings, store = resources.settings, resources.store
    return {
        "default_wake_minutes": settings.default_wake_minutes,
        "silence_minutes": settings.silence_minutes,
        "storage_quota_bytes": settings.storage_quota_gb * 10**9 or None,
        "keep_days": settings.keep_alerts_days,
        "troubles": read_troubles(store.redis, resources.broker, store.now(), settings.redis_memory_mb),
    }
