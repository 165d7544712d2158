"""Claims what is due, and hands each message to its kind of channel, in threads of its own.

A thread says itself how its message went, so nobody waits for a receiver that hangs: the next claim gives the
free threads to others. The process may die at any time: what it had claimed is claimed again.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from core.errors import CaptureRejected, NotDelivered, Transient
from core.settings import DeliverySettings, split_urls
from core.supabase import SupabaseGateway
from operate.metrics import DELIVERIES
from tasks.channels import services
from tasks.channels.mail import Mail
from tasks.channels.message import Message
from tasks.channels.webhook import Webhooks

log = logging.getLogger("tasks.deliver")

THREADS: Final = 8
# For how long a message is this process's. Each kind of channel gives up much sooner.
LEASE_S: Final = 120
# How long a run waits for a message to end when nothing else is due; beat sends the next run in two seconds.
SOON_S: Final = 0.5
# The most threads for channels of which it is not known that they work.
PROBES: Final = 4

Send = Callable[[Message], None]


class Deliverer:
    """The messages that one process has under way."""

    def __init__(
        self,
        settings: DeliverySettings,
        supabase: SupabaseGateway,
        webhooks: Webhooks | None = None,
        lease_s: int = LEASE_S,
    ) -> None:
        self._supabase = supabase
        self._lease_s = lease_s
        self._operator_urls = split_urls(settings.alert_urls)
        self._kinds: dict[str, Send] = {
            "webhook": (webhooks or Webhooks(settings)).send,
            "email": Mail(settings).send,
            "apprise": services.send,
            "operator": self._send_to_operator,
        }
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="deliver")
        self._changed = threading.Condition()
        self._under_way = 0
        self._probes = 0
        self._ended = 0

    def run(self, until: float) -> None:
        """Claim and begin messages until nothing more is due, or until `until` (s, of `time.monotonic`).

        Raises Transient or CaptureRejected; what was claimed goes on.
        """
        while time.monotonic() < until:
            with self._changed:
                self._changed.wait_for(lambda: self._under_way < THREADS, max(0.0, until - time.monotonic()))
                free, probes, ended = THREADS - self._under_way, PROBES - self._probes, self._ended
            rows = self._supabase.call(
                "claim_deliveries", p_limit=free, p_probes=max(probes, 0), p_lease_s=self._lease_s
            )
            for row in rows:
                self._begin(Message.of(row))
            if not rows and not self._another_ends(ended):
                return

    def _another_ends(self, ended: int) -> bool:
        """Say whether a message ends soon, whose line or channel may then have another one that is due."""
        with self._changed:
            return self._changed.wait_for(lambda: self._ended > ended, SOON_S if self._under_way else 0.0)

    def close(self) -> None:
        """Wait for the messages under way; each has a deadline."""
        self._threads.shutdown()

    def _begin(self, message: Message) -> None:
        with self._changed:
            self._under_way += 1
            self._probes += message.is_probe
        self._threads.submit(self._deliver, message)

    def _deliver(self, message: Message) -> None:
        try:
            result = self._try(message)
            DELIVERIES.labels(message.kind, "sent" if result["ok"] else "failed").inc(len(message.events))
            numbers = [event.number for event in message.events]
            about = {"channel_id": message.channel_id, "claim": message.claim, "numbers": numbers}
            self._supabase.call("finish_deliveries", p_results=[about | result])
        except (Transient, CaptureRejected) as error:
            log.warning(
                "channel %s: how it went is not recorded, so it is tried again: %s", message.channel_id, error
            )
        finally:
            with self._changed:
                self._under_way -= 1
                self._probes -= message.is_probe
                self._ended += 1
                self._changed.notify_all()

    def _try(self, message: Message) -> dict[str, Any]:
        """Send a message; return how it went, for `finish_deliveries`. No text of a library is logged."""
        try:
            self._kinds[message.kind](message)
        except NotDelivered as error:
            log.info("channel %s: %s", message.channel_id, error)
            return {
                "ok": False,
                "error": str(error),
                "retry_after_s": error.retry_after_s,
                "gone": error.gone,
            }
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.error(
                "channel %s: %s in %s:%s",
                message.channel_id,
                type(error).__name__,
                where.filename,
                where.lineno,
            )
            return {"ok": False, "error": f"this service failed ({type(error).__name__})"}
        return {"ok": True}

    def _send_to_operator(self, message: Message) -> None:
        number = int(message.name.rpartition(" ")[2])
        if number > len(self._operator_urls):
            raise NotDelivered("this worker has no such address in ALERT_URLS")
        services.send_to_operator(message, self._operator_urls[number - 1])
