"""Runs all measurements in interleaved rounds and derives the figures and the targets from them."""

import itertools
import math
import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from benchmarks import measures
from benchmarks.measures import SPREAD_S, Figures, Size, merged
from benchmarks.rig import Rig

# Where a straight line takes so many times the fastest one by the clock, something else has used the machine.
BUSY: Final = 1.25
# So many rounds are measured again for that, and then it is what it is.
REPEATS: Final = 2
WORKERS: Final = 4
# What is the service's own, of the processes that are measured.
SERVICE: Final = ("listener", "worker", "redis", "beat")


class Target(NamedTuple):
    """One line of the table; `met` is None if the value is only stated and has no target."""

    measure: str
    wanted: str
    measured: str
    met: bool | None


def run(size: Size, tell: Callable[[str], None]) -> Figures:
    """Measure everything and return the figures as values for JSON; `tell` receives progress messages."""
    rounds: defaultdict[str, list[Figures]] = defaultdict(list)
    load_before = os.getloadavg()
    numbers = itertools.count(10_000, 10_000)
    fastest, repeats = math.inf, 0
    with Rig() as rig:
        while len(rounds["memory"]) < size.rounds:
            tell(f"round {len(rounds['memory']) + 1} of {size.rounds}")
            taken = _round(rig, size, numbers)
            lines = [taken[f"straight_line_{min(size.delays_ms)}"], taken.pop("straight_line_after")]
            slowest = max(line["wall_ms"] for line in lines)
            fastest = min(fastest, *(line["wall_ms"] for line in lines))
            if slowest > BUSY * fastest:
                tell(
                    f"the machine is busy: the straight line took {slowest:.1f} ms, and {fastest:.1f} at best"
                )
                if repeats < REPEATS:
                    repeats += 1
                    continue
            for name, figures in taken.items():
                rounds[name].append(figures)
        tell("round trips")
        rig.start("listener", "worker", "beat")
        trips = measures.round_trips(rig, size, next(numbers))
        rig.stop("listener", "worker", "beat")
        tell("stations")
        station_ms = measures.stations(rig, size.straight)
    tell(f"{size.held:,} captures in flight")
    held = measures.in_flight(size)
    tell(f"a sweep beside {size.waiting:,} captures")
    swept = measures.sweeps(size)
    figures = {
        "machine": {
            "cores": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "load_before": load_before,
            "load_after": os.getloadavg(),
            "rounds_repeated": repeats,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
        "size": size._asdict(),
        **{name: merged(each) for name, each in rounds.items()},
        "ratios": ratios(rounds, size),
        "round_trips": trips,
        "stations_ms": station_ms,
        "in_flight": held,
        "sweep": swept,
    }
    return {**figures, "capacity": capacity(figures)}


def _round(rig: Rig, size: Size, numbers: Iterator[int]) -> dict[str, Figures]:
    """Measure everything that is measured in rounds, and the straight line once more at the end."""
    taken: dict[str, Figures] = {}
    for delay in size.delays_ms:
        taken[f"straight_line_{delay}"] = measures.straight_line(rig, size.straight, delay)
    taken["raw_paho_5"] = measures.raw_paho(size.feed, "5")
    taken["listener"] = measures.listener_alone(rig, size.feed, 0)
    taken["raw_paho_3"] = measures.raw_paho(size.feed, "3.1.1")
    with Rig() as own:  # a separate broker, because this one would keep the messages for the listener
        taken["naive"] = measures.baseline(own, size, next(numbers))
    taken["start"] = measures.starts(rig)
    rig.start("beat")
    for delay in size.delays_ms:
        for devices in size.devices:
            taken[f"fleet_{devices}_{delay}"] = measures.fleet(rig, size, devices, delay, next(numbers))
        taken[f"light_{delay}"] = measures.fleet(rig, size, 1, delay, next(numbers), spread_s=SPREAD_S)
    taken["memory"] = {name: rig.resident_mb(name) for name in ("listener", "worker", "beat")}
    taken["workers"] = measures.beside(rig, size, WORKERS, next(numbers))
    rig.stop("listener", "worker", "beat")
    taken["straight_line_after"] = measures.straight_line(rig, size.straight, min(size.delays_ms))
    return taken


def capacity(figures: Figures) -> Figures:
    """Return the figures for a capacity model under names that do not change: rates, CPU times and bytes."""
    most = max(figures["size"]["devices"])
    fleets = {delay: figures[f"fleet_{most}_{delay}"] for delay in figures["size"]["delays_ms"]}
    names = ("listener", "worker", "redis", "mosquitto", "beat")
    return {
        "listener_chunks_per_s": figures["listener"]["messages_per_s"],
        "listener_cpu_us_per_chunk": figures["listener"]["cpu_us"]["receiver"],
        "redis_cpu_us_per_chunk": figures["listener"]["cpu_us"]["redis"],
        "worker_captures_per_s": {str(delay): each["captures_per_s"] for delay, each in fleets.items()},
        "cpu_ms_per_capture": {
            str(delay): {name: each["cpu_ms"][name] for name in names} for delay, each in fleets.items()
        },
        "redis_bytes_per_held_chunk": figures["in_flight"]["redis_bytes_per_held_capture_of_10_chunks"] / 10,
        "resident_mb": {name: figures["memory"][name] for name in ("listener", "worker", "beat")},
    }


def ratios(rounds: dict[str, list[Figures]], size: Size) -> Figures:
    """Return each ratio as its median and spread over the rounds.

    Both sides of a ratio come from the same round, so that a change in the machine's load affects both.
    """
    most, quick, slow = max(size.devices), min(size.delays_ms), max(size.delays_ms)

    def ratio(
        above: str,
        below: str,
        read: Callable[[Figures], float],
        base: Callable[[Figures], float] | None = None,
    ) -> Figures:
        pairs = [
            (read(one), (base or read)(other))
            for one, other in zip(rounds[above], rounds[below], strict=True)
        ]
        # A tiny round may take less CPU time than the system counts.
        values = [one / other for one, other in pairs if one is not None and other] or [math.nan]
        return {"median": statistics.median(values), "spread": [min(values), max(values)]}

    def rate(figures: Figures) -> float:
        return float(figures["messages_per_s"])

    def cpu(figures: Figures) -> float:
        return float(figures["cpu_us"]["receiver"])

    def ack(figures: Figures) -> Any:
        return figures["ack_ms"]

    def wall(figures: Figures) -> float:
        return float(figures["wall_ms"])

    return {
        "listener_rate_to_paho_5": ratio("listener", "raw_paho_5", rate),
        "listener_rate_to_paho_3": ratio("listener", "raw_paho_3", rate),
        "listener_cpu_to_paho_5": ratio("listener", "raw_paho_5", cpu),
        "listener_cpu_to_paho_3": ratio("listener", "raw_paho_3", cpu),
        "worker_cpu_to_straight_line": ratio(
            f"fleet_{most}_{quick}",
            f"straight_line_{quick}",
            lambda figures: figures["cpu_ms"]["worker"],
            lambda figures: figures["cpu_ms"],
        ),
        "service_cpu_to_straight_line": ratio(
            f"fleet_{most}_{quick}",
            f"straight_line_{quick}",
            lambda figures: sum(figures["cpu_ms"][name] for name in SERVICE),
            lambda figures: figures["cpu_ms"],
        ),
        # Cores that do nothing but what no service can do without.
        "captures_to_straight_line": ratio(
            f"fleet_{most}_{quick}",
            f"straight_line_{quick}",
            lambda figures: figures["captures_per_s"],
            lambda figures: 1000 / figures["cpu_ms"],
        ),
        "worker_cpu_of_several_to_one": ratio(
            "workers", f"fleet_{most}_{quick}", lambda figures: figures["cpu_ms"]["worker"]
        ),
        "captures_to_naive": ratio(
            f"fleet_{most}_{quick}", "naive", lambda figures: figures["captures_per_s"]
        ),
        "ack_to_straight_line_at_once": ratio(f"light_{quick}", f"straight_line_{quick}", ack, wall),
        "ack_to_straight_line_slow": ratio(f"light_{slow}", f"straight_line_{slow}", ack, wall),
    }


def at_most(measure: str, bound: float, value: float, unit: str = "") -> Target:
    """Return the line of a value that may be as large as the bound."""
    return Target(measure, f"≤ {bound:g}{unit}", f"{value:.3g}{unit}", value <= bound)


def at_least(measure: str, bound: float, value: float) -> Target:
    """Return the line of a value that may be as small as the bound."""
    return Target(measure, f"≥ {bound:g}", f"{value:.3g}", value >= bound)


def targets(figures: Figures) -> list[Target]:
    """Compare the figures with the targets and return one line for each."""
    ratio = {name: each["median"] for name, each in figures["ratios"].items()}
    most, slow = max(figures["size"]["devices"]), max(figures["size"]["delays_ms"])
    at_once, delayed = figures[f"fleet_{most}_0"], figures[f"fleet_{most}_{slow}"]
    few, many = figures["in_flight"]["held"].values()
    spent = [sum(each["cpu_ms"][name] for name in ("listener", "worker", "redis")) for each in (few, many)]
    sweep = figures["sweep"][-1]
    fleets = [figures[name] for name in figures if name.startswith(("fleet_", "light_"))]
    nacked = sum(each["nacked_chunks_spread"][1] for each in fleets)
    memory, start = figures["memory"], figures["start"]
    slow_ms, cores = f"{slow} ms", figures["machine"]["cores"]
    held, waiting = figures["size"]["held"], figures["size"]["waiting"]
    return [
        at_least("listener, chunks/s against paho (MQTT 5)", 0.6, ratio["listener_rate_to_paho_5"]),
        at_least("  against paho (MQTT 3.1.1)", 0.6, ratio["listener_rate_to_paho_3"]),
        at_most("listener, CPU per chunk against paho (MQTT 5)", 2, ratio["listener_cpu_to_paho_5"]),
        at_most("  against paho (MQTT 3.1.1)", 2, ratio["listener_cpu_to_paho_3"]),
        at_most(
            "worker, CPU per capture against the straight line", 1.3, ratio["worker_cpu_to_straight_line"]
        ),
        at_most("  with listener, Redis and beat", 1.9, ratio["service_cpu_to_straight_line"]),
        at_most(
            f"  under {WORKERS} worker processes against one", 1.1, ratio["worker_cpu_of_several_to_one"]
        ),
        at_least(
            f"share of irreducible work, {most} devices, of {cores} cores",
            0.4,
            ratio["captures_to_straight_line"] / cores,
        ),
        at_least(f"captures/s, {most} devices, stub at once", 98, at_once["captures_per_s"]),
        at_least(f"captures/s, {most} devices, {slow_ms}, one worker", 90, delayed["captures_per_s"]),
        at_most(
            "ACK at light load against the straight line, at once",
            1.8,
            ratio["ack_to_straight_line_at_once"],
        ),
        at_most(f"  at {slow_ms}", 0.7, ratio["ack_to_straight_line_slow"]),
        at_most(
            f"HTTP requests of a capture of {most} devices at {slow_ms}: image, thumbnail, row",
            2.2,
            delayed["requests_per_capture"]["its own"],
        ),
        Target("  stub at once", "stated", f"{at_once['requests_per_capture']['its own']:.3g}", None),
        Target(
            "  with the message log, in bulk", "stated", f"{at_once['requests_per_capture']['all']:.3g}", None
        ),
        at_most(
            "Redis round trips of the listener per chunk", 0.1, figures["round_trips"]["trips_per_chunk"]
        ),
        Target("NACKed chunks that were on their way", "0", f"{nacked:.3g}", not nacked),
        at_most(f"CPU per capture beside {held:,} in flight against 10", 1.1, spent[1] / spent[0]),
        Target(f"sweep beside {waiting:,} waiting", "< 1 ms", f"{sweep['ms']:.3g} ms", sweep["ms"] < 1),
        at_most("listener, resident memory", 45, memory["listener"], " MB"),
        at_most("worker with its decoders", 90, memory["worker"], " MB"),
        at_most("listener, start to ready", 0.5, start["listener"], " s"),
        at_most("worker, start to ready", 1.2, start["worker"], " s"),
    ]
