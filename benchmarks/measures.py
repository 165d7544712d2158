"""The single measurements on a rig; `suite` runs them in rounds."""

import statistics
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.photograph import CHUNKS, MESSAGES
from benchmarks.processes import Reporter, cpu_seconds
from benchmarks.rig import Rig
from local.ports import LOOPBACK, free_port
from operate.run import procfile_lines

Figures = dict[str, Any]
# Seconds over which a device spreads a capture at light load, so that the service keeps up and the latency
# covers only the work after the last chunk.
SPREAD_S: Final = 0.3
# The requests that a capture needs for itself, as the stub counts them.
OWN: Final = ("uploads", "record_capture", "record_captures")


class Size(NamedTuple):
    """How much is measured: small for the smoke test, large enough for a real run."""

    rounds: int = 3
    seconds: float = 4.0
    warm_up_s: float = 1.0
    feed: int = 800  # captures
    straight: int = 200  # captures
    held: int = 10_000  # captures
    waiting: int = 100_000  # captures
    devices: tuple[int, ...] = (1, 10, 50)
    delays_ms: tuple[int, ...] = (0, 20)


def straight_line(rig: Rig, captures: int, delay_ms: int) -> Figures:
    """Measure the minimum work of a capture: wall time and CPU time in ms."""
    rig.stub.delay(delay_ms)
    count = captures if not delay_ms else max(5, captures // 8)
    with Reporter("straight_line", f"http://{LOOPBACK}:{rig.stub.port}", count) as reporter:
        return reporter.measure().report


def raw_paho(captures: int, version: str) -> Figures:
    """Measure paho alone: messages per second, and CPU time of paho and of the feeder in µs per message."""
    port = free_port()
    with Reporter("feeder", port, captures) as feeder:
        feeder.wait_ready()
        with Reporter("raw_paho", port, "--version", version) as receiver:
            measured = feeder.measure({"receiver": receiver.group, "feeder": feeder.group})
    return _received(measured.report, measured.cpu_s)


def listener_alone(rig: Rig, captures: int, number: int) -> Figures:
    """Measure the real listener and Redis with a feeder, so that no real broker limits the rate."""
    port = free_port()
    with Reporter("feeder", port, captures, "--number", number) as feeder:
        feeder.wait_ready()
        rig.launch("listener", "python -m listener", mqtt_port=port)
        groups = rig.groups()
        measured = feeder.measure(
            {"receiver": groups["listener"], "redis": groups["redis"], "feeder": feeder.group}
        )
        figures = {**_received(measured.report, measured.cpu_s), "rss_mb": rig.resident_mb("listener")}
        rig.stop("listener")
    rig.redis.flushall()
    return figures


def _received(report: Figures, cpu_s: dict[str, float]) -> Figures:
    messages = report["messages"]
    return {
        "messages_per_s": messages / report["seconds"],
        "cpu_us": {name: 1e6 * seconds / messages for name, seconds in cpu_s.items()},
    }


def fleet(
    rig: Rig, size: Size, devices: int, delay_ms: int, number: int, *, spread_s: float = 0.0
) -> Figures:
    """Let devices send through all processes on the rig for `size.seconds` and return the figures.

    Latencies run from the last chunk to its ACK, in ms; CPU times are in ms per capture.
    """
    rig.stub.delay(delay_ms)
    before = rig.stub.counts()
    arguments = (rig.broker.port, devices, size.seconds, "--warm-up", size.warm_up_s, "--number", number)
    with Reporter("fleet", *arguments, "--spread", spread_s) as reporter:
        measured = reporter.measure({**rig.groups(), "fleet": reporter.group})
    after, report = rig.stub.counts(), measured.report
    latencies = report["latencies_ms"]
    asked = {kind: after[kind] - before.get(kind, 0) for kind in after}
    rows = max(1, asked.pop("rows", 0))
    return {
        "devices": devices,
        "delay_ms": delay_ms,
        "captures": len(latencies),
        "captures_per_s": len(latencies) / report["seconds"],
        "ack_ms": statistics.median(latencies) if latencies else None,
        "ack_p95_ms": statistics.quantiles(latencies, n=20)[-1] if len(latencies) > 1 else None,
        "cpu_ms": {name: 1000 * used / max(1, len(latencies)) for name, used in measured.cpu_s.items()},
        "cores": sum(measured.cpu_s.values()) / report["seconds"],
        # Divided by the rows and not by the measured captures, because the stub also counts in the warm-up.
        "requests_per_capture": {
            "its own": sum(asked.get(kind, 0) for kind in OWN) / rows,
            "all": sum(asked.values()) / rows,
        },
        "nacked_chunks": report["nacked_chunks"],
        "unanswered": report["unanswered"],
    }


def starts(rig: Rig) -> Figures:
    """Start listener and worker in turn; return the seconds by the clock until each is ready."""
    took: Figures = {}
    for name in ("listener", "worker"):
        began = time.monotonic()
        rig.start(name)
        took[name] = time.monotonic() - began
    return took


def beside(rig: Rig, size: Size, workers: int, number: int) -> Figures:
    """Measure a fleet with so many workers, of which one runs already; `worker` is the CPU time of all."""
    more = [f"worker{place}" for place in range(2, workers + 1)]
    for name in more:
        rig.launch(name, procfile_lines()["worker"])
    for name in more:
        rig.wait_ready(name)
    figures = fleet(rig, size, max(size.devices), 0, number)
    rig.stop(*more)
    spent = figures["cpu_ms"]
    return {**figures, "cpu_ms": {**spent, "worker": sum(spent[name] for name in ("worker", *more))}}


def baseline(rig: Rig, size: Size, number: int) -> Figures:
    """Measure the naive service with ten devices, the number at which it performs best."""
    with Reporter("naive", rig.broker.port, f"http://{LOOPBACK}:{rig.stub.port}") as naive:
        time.sleep(1.5)  # time to subscribe, because the naive service does not report it
        before = cpu_seconds(naive.group)
        figures = fleet(rig, size, 10, 0, number)
        used = cpu_seconds(naive.group) - before
    whole = figures["captures"] * (size.seconds + size.warm_up_s) / size.seconds
    return {**figures, "cpu_ms": {"naive": 1000 * used / max(1.0, whole)}}


def round_trips(rig: Rig, size: Size, number: int) -> Figures:
    """Count the listener's round trips to Redis per chunk, with the largest number of devices at once."""
    file = Path(rig.directory) / "trips"
    rig.stop("listener")
    rig.launch("listener", f"python -m benchmarks.counted_listener {file}")
    rig.wait_ready("listener")
    before = rig.stub.counts().get("rows", 0)
    fleet(rig, size, max(size.devices), 0, number)
    captures = rig.stub.counts()["rows"] - before
    rig.stop("listener")
    rig.start("listener")
    return {"trips_per_chunk": int(file.read_text()) / (captures * CHUNKS), "messages": captures * MESSAGES}


def stations(rig: Rig, captures: int) -> Figures:
    """Measure the CPU time of each station of a worker without Celery, in ms per capture."""
    rig.stub.delay(0)
    with Reporter("stations", captures, environment=rig.environment()) as reporter:
        return reporter.measure().report


def in_flight(size: Size) -> Figures:
    """Compare the CPU time per capture while Redis holds ten other captures, and while it holds many."""
    settings = {"RETRANSMIT_DELAY_MS": "1000000", "CAPTURE_TIMEOUT_MS": "2000000"}
    found: dict[int, list[Figures]] = {10: [], size.held: []}
    memory = 0.0
    with Rig(settings=settings) as rig:
        rig.start("listener", "worker", "beat")
        for turn in range(2):
            for place, held in enumerate(found):
                rig.redis.flushdb()
                empty = rig.redis.info("memory")["used_memory"]
                with Reporter("held", "fill", held, environment=rig.environment()) as filler:
                    filler.measure()
                memory = (rig.redis.info("memory")["used_memory"] - empty) / held
                found[held].append(fleet(rig, size, 10, 0, 10_000 * (2 * turn + place)))
    return {
        "held": {str(held): merged(rounds) for held, rounds in found.items()},
        "redis_bytes_per_held_capture_of_10_chunks": memory,
    }


def sweeps(size: Size) -> list[Figures]:
    """Time a sweep that finds no capture due, with few and with many waiting captures."""
    settings = {
        "RETRANSMIT_DELAY_MS": "1000000",
        "CAPTURE_TIMEOUT_MS": "2000000",
        "MAX_CAPTURES": str(4 * size.waiting),
    }
    found = []
    with Rig(settings=settings) as rig:
        for captures in (100, size.waiting):
            with Reporter("held", "sweep", captures, environment=rig.environment()) as reporter:
                found.append(reporter.measure().report)
            rig.redis.flushdb()
    return found


def merged(rounds: list[Figures]) -> Figures:
    """Return the median of each number over the rounds, and its spread as [minimum, maximum]."""
    result: Figures = {}
    for name, value in rounds[0].items():
        values = [each[name] for each in rounds]
        if isinstance(value, dict):
            result[name] = merged([dict.fromkeys(value, 0.0) | each for each in values])
        else:
            numbers = [number for number in values if number is not None]
            result[name] = statistics.median(numbers) if numbers else None
            result[f"{name}_spread"] = [min(numbers), max(numbers)] if numbers else None
    return result
