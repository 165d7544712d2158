"""The metrics for Prometheus: counters of this process, and gauges read from Redis at each scrape or push.

Counters are raised once per batch or capture, never per chunk. Several processes may run on one host, so each
serves its metrics on the first free port from METRICS_PORT on. All of them report the same gauges, so a query
must take their `max`, not their sum.
"""

import errno
import logging
from collections.abc import Iterator
from typing import Final, Literal

from prometheus_client import REGISTRY, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis import RedisError

from core.errors import ErrorCode, Rejected, Transient
from core.queues import read_taken
from core.settings import RedisSettings, WatchedSettings
from core.store import memory
from core.store.breakers import SERVICES, is_open
from core.store.captures import CaptureReader
from core.store.clock import RedisClock
from core.store.connection import connect
from operate.push import Push
from operate.queues import read_queues

log = logging.getLogger("metrics")

PORTS: Final = 20

MESSAGES = Counter("fleet_messages", "Messages of devices, by kind", ["kind"])
CAPTURES = Counter("fleet_captures", "Captures that came to this state", ["state"])
NACKS = Counter("fleet_nacks", "Requests for missing chunks that were sent")
CHUNKS_ASKED_FOR = Counter("fleet_chunks_asked_for", "Chunks named in those requests")
REFUSALS = Counter("fleet_refusals", "Messages to devices that the broker refused")
TURNED_AWAY = Counter("fleet_turned_away", "What was not stored because Redis was full, by kind", ["kind"])
ERRORS = Counter("fleet_errors", "Errors, by code of device_errors", ["code"])
BEYOND_BUDGET = Counter(
    "fleet_beyond_budget", "What a device sent beyond a budget, and was dropped", ["budget"]
)
ASKED_AGAIN = Counter("fleet_asked_again", "Images asked for once more, since their stream was broken")
DELIVERIES = Counter(
    "fleet_deliveries", "Events for channels, by kind of channel and what became of them", ["kind", "outcome"]
)
RETRIES = Counter("fleet_retries", "Captures put off because Supabase, Redis or the broker was away")
ALERTS = Counter("fleet_alerts", "Alerts that were opened, repeated or resolved", ["change"])
ALERTS_SECONDS = Histogram(
    "fleet_alerts_seconds",
    "From the start of an evaluation of the alerts to its end",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8),
)
ACK_SECONDS = Histogram(
    "fleet_ack_seconds",
    "From the last chunk of a capture to its ACK",
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300),
)
# Prometheus sees no rise where a series begins with its first event.
for _code in ErrorCode:
    ERRORS.labels(int(_code))
for _state in ("complete", "refused", "stored", "failed", "partial"):
    CAPTURES.labels(_state)
for _kind in ("chunk", "hello"):
    TURNED_AWAY.labels(_kind)
for _outcome in ("dead", "dropped"):
    DELIVERIES.labels("any", _outcome)


class StoreCollector(Collector):
    """Reads the gauges from Redis at each scrape; the gauges have no values while Redis is away."""

    def __init__(self, settings: RedisSettings) -> None:
        self._redis = connect(settings.redis_url, connections=1)
        self._limit_mb = settings.redis_memory_mb
        self._captures = CaptureReader(self._redis)
        self._clock = RedisClock(self._redis)
        self._broker = connect(settings.queue_url, connections=1)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        in_flight = GaugeMetricFamily("fleet_captures_in_flight", "Captures arriving or being stored")
        waiting = GaugeMetricFamily("fleet_queue_length", "Messages that wait in a queue", labels=["queue"])
        age = GaugeMetricFamily("fleet_queue_age_seconds", "Age of the oldest of them", labels=["queue"])
        taken = GaugeMetricFamily("fleet_tasks_taken", "Messages that workers hold")
        away = GaugeMetricFamily("fleet_supabase_away", "1 while the service is away", labels=["service"])
        full = GaugeMetricFamily("fleet_redis_memory_ratio", "Used share of the limit of Redis")
        try:
            in_flight.add_metric([], self._captures.count())
            for queue in read_queues(self._broker, self._clock()):
                waiting.add_metric([queue.name], queue.waiting)
                if queue.oldest_s is not None:
                    age.add_metric([queue.name], queue.oldest_s)
            taken.add_metric([], read_taken(self._broker))
            for service in SERVICES:
                away.add_metric([service], is_open(self._redis, service))
            full.add_metric([], memory.fullness(self._redis, self._limit_mb))
        except (RedisError, Transient) as error:
            log.warning("nothing to tell of Redis: %s", error)
        yield from (in_flight, waiting, age, taken, away, full)


def count_end(status: Literal["stored", "failed", "partial"], error: Rejected | None) -> None:
    """Count a capture whose row now has this status, and the error that brought it about.

    What is `partial` was `failed` before.
    """
    CAPTURES.labels(status).inc()
    if error:
        ERRORS.labels(int(error.code)).inc()


def tell(settings: WatchedSettings, process: str) -> None:
    """Serve the metrics of this process where METRICS_PORT is set, push them where METRICS_PUSH_URL is.

    Raises OSError if METRICS_ADDRESS cannot be used.
    """
    pushes = settings.metrics_push_url.get_secret_value()
    if _serve(settings) or pushes:
        REGISTRY.register(StoreCollector(settings))
    if pushes:
        Push(settings.metrics_push_url, process).start()


def _serve(settings: WatchedSettings) -> int:
    """Serve the metrics of this process and return the port.

    Returns 0 if METRICS_PORT is 0 or none of the 20 ports from METRICS_PORT on is free.
    """
    if not settings.metrics_port:
        return 0
    for port in range(settings.metrics_port, min(settings.metrics_port + PORTS, 65536)):
        try:
            start_http_server(port, settings.metrics_address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            log.info("metrics on http://%s:%d/metrics", settings.metrics_address, port)
            return port
    log.error("no free port for metrics from %d on", settings.metrics_port)
    return 0
