"""The tasks that deliver events to channels, and keep channels and events within bounds."""

import logging
import time
from typing import Final

from core import dispatch
from core.settings import split_urls
from operate.metrics import DELIVERIES
from tasks.app import app
from tasks.periodic import periodic

log = logging.getLogger("tasks.deliver")

# A run begins its last message before RUN_S is over. Beat sends the next one every two seconds.
RUN_S: Final = 20.0
KEEP_EVERY_S: Final = 30.0


@periodic(dispatch.DELIVER_EVENTS, put_off="not delivered yet")
def deliver_events() -> None:
    """Begin to deliver what is due; the messages themselves are under way in threads of their own.

    Safe to repeat: the database gives each delivery to one caller at a time.
    """
    app.resources.deliverer.run(time.monotonic() + RUN_S)


@periodic(dispatch.KEEP_CHANNELS, every_s=KEEP_EVERY_S, put_off="channels not kept yet")
def keep_channels() -> None:
    """Call the SQL function `keep_channels`: old events go, and what waited too long is dead."""
    resources = app.resources
    settings = resources.settings
    done = resources.supabase.call(
        "keep_channels",
        p_operator=[url.partition(":")[0] for url in split_urls(settings.alert_urls)],
        p_all_companies=settings.alert_scope == "all",
    )
    for what in ("dead", "dropped"):
        if done[what]:
            DELIVERIES.labels("any", what).inc(done[what])
            log.warning("%d deliveries are %s", done[what], what)
