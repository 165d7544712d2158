"""How many processes of each kind a fleet needs: a model of measured figures, for docs/scaling.md.

    python -m benchmarks.capacity             the plan for 100, 10,000 and 1,000,000 devices
    python -m benchmarks.capacity --devices 5000 --window 300 --photos 24
    python -m benchmarks.capacity --measure   measure anew and write capacity.json

The measured figures are the CPU time of each process per message and per capture, and its memory. They stay
valid on a busy machine, unlike a rate per second. Everything else is an assumption, which an option can set.
"""

import argparse
import json
import math
import os
import platform
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.photograph import CHUNKS, IMAGE_BYTES, MESSAGES
from benchmarks.processes import Reporter
from benchmarks.rig import Rig

FIGURES: Final = Path(__file__).with_name("capacity.json")
FLEETS: Final = (100, 10_000, 1_000_000)
# The bytes in storage of a capture: the thumbnail adds 15 %.
OBJECT_BYTES: Final = IMAGE_BYTES * 1.15
# The share of each core that a plan uses. The rest is for bursts, retries and other work on the machine.
BUSY: Final = 0.6
THREADS: Final = 16
# Bytes that Redis uses for a chunk of 1,020 bytes, including its allocator's rounding and the hash entry.
CHUNK_IN_REDIS: Final = 1_332
# The share of Redis's `maxmemory` at which chunks are turned away (FULL in core/store/memory.py).
REDIS_FULL: Final = 0.7


class Figures(NamedTuple):
    """The measured figures: CPU seconds of one core per message or capture, and resident memory in MB."""

    listener_s_per_message: float
    worker_s_per_capture: float
    redis_s_per_capture: float
    listener_mb: float
    worker_mb: float


class Assumptions(NamedTuple):
    """What depends on the owner's fleet and project.

    `photos_a_day` is per device. `window_s` is the time in seconds within which all devices wake,
    `transfer_s` the time a device takes to send one capture, and `supabase_s` the time that the uploads and
    the row of one capture take.
    """

    photos_a_day: float
    window_s: float
    transfer_s: float
    supabase_s: float


class Plan(NamedTuple):
    """What a fleet needs if all its devices wake within `window_s` seconds.

    MB and GB are 10⁶ and 10⁹ bytes; a month has 30 days.
    """

    devices: int
    window_s: float
    captures_per_s: float
    messages_per_s: float
    listeners: int
    workers: int
    redis_mb: float
    redis_cores: float
    requests_per_s: float
    gb_a_month: float


def plan(devices: int, figures: Figures, given: Assumptions) -> Plan:
    """Size everything so that captures are acknowledged at the rate at which they come.

    Every core is used to the share BUSY. A worker's rate is limited by its CPU time or by its threads, which
    wait for Supabase, whichever gives the lower rate.
    """
    captures = devices / given.window_s
    messages = captures * (MESSAGES + 1)  # + 1 for the hello
    by_cpu = BUSY / figures.worker_s_per_capture
    by_threads = BUSY * THREADS / (given.supabase_s + figures.worker_s_per_capture)
    in_flight = min(devices, captures * (given.transfer_s + given.supabase_s))
    return Plan(
        devices,
        given.window_s,
        captures,
        messages,
        math.ceil(messages * figures.listener_s_per_message / BUSY),
        math.ceil(captures / min(by_cpu, by_threads)),
        in_flight * CHUNKS * CHUNK_IN_REDIS / REDIS_FULL / 1e6,
        captures * figures.redis_s_per_capture,
        captures * 3,  # the requests for image, thumbnail and row
        devices * given.photos_a_day * 30 * OBJECT_BYTES / 1e9,
    )


def capacity(figures: Figures, supabase_s: float) -> dict[str, float]:
    """Return how many messages and captures per second one listener and one worker handle at full load.

    Each has a core of its own. `supabase_s` is the time in seconds that a capture waits for Supabase.
    """
    threads = THREADS / (supabase_s + figures.worker_s_per_capture)
    return {
        "listener_messages_per_s": 1 / figures.listener_s_per_message,
        "worker_captures_per_s": min(1 / figures.worker_s_per_capture, threads),
    }


def table(plans: list[Plan]) -> Table:
    """Return a table with one column for each plan."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    for column in ("", *(f"{each.devices:,} in {_duration(each.window_s)}" for each in plans)):
        grid.add_column(column, justify="right" if column else "left")
    rows = {
        "captures/s": lambda each: _number(each.captures_per_s),
        "messages/s": lambda each: _number(each.messages_per_s),
        "listeners": lambda each: f"{each.listeners:,}",
        "workers": lambda each: f"{each.workers:,}",
        "Redis memory, MB": lambda each: _number(each.redis_mb),
        "Redis cores": lambda each: _number(each.redis_cores),
        "requests to Supabase/s": lambda each: _number(each.requests_per_s),
        "storage, GB a month": lambda each: _number(each.gb_a_month),
    }
    for name, cell in rows.items():
        grid.add_row(name, *map(cell, plans))
    return grid


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:g} h"


def measure(seconds: float = 15.0, devices: int = 24) -> dict[str, Any]:
    """Let devices send through listener, worker and beat on a rig; return the figures for capacity.json.

    The Supabase stub answers at once, so that only the service's own work is measured.
    """
    with Rig() as rig:
        rig.start("listener", "worker", "beat")
        with Reporter("fleet", rig.broker.port, devices, seconds, "--warm-up", 3) as fleet:
            measured = fleet.measure(rig.groups())
        captures = measured.report["captures"]
        return {
            "listener_s_per_message": measured.cpu_s["listener"] / (captures * MESSAGES),
            "worker_s_per_capture": measured.cpu_s["worker"] / captures,
            "redis_s_per_capture": measured.cpu_s["redis"] / captures,
            "listener_mb": rig.resident_mb("listener"),
            "worker_mb": rig.resident_mb("worker"),
            "measured": {
                "captures": captures,
                "seconds": round(measured.report["seconds"], 1),
                "image_bytes": IMAGE_BYTES,
                "chunks": CHUNKS,
                "machine": f"{os.cpu_count()} cores, {platform.machine()}",
                "python": platform.python_version(),
            },
        }


def read() -> Figures:
    """Read the figures of the last measurement from capacity.json."""
    found = json.loads(FIGURES.read_text())
    return Figures(**{name: found[name] for name in Figures._fields})


def main() -> None:
    """Read the command line, measure if asked, and print the plans."""
    parser = argparse.ArgumentParser(description="How many of each a fleet needs.")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--devices", type=int, nargs="*", default=list(FLEETS))
    parser.add_argument("--window", type=float, nargs="*", default=[60.0, 3600.0], help="s in which all wake")
    parser.add_argument("--photos", type=float, default=12, help="of each device a day")
    parser.add_argument("--transfer", type=float, default=30, help="s that a device takes to send one")
    parser.add_argument("--supabase", type=float, default=0.3, help="s that uploads and row of one take")
    asked = parser.parse_args()
    console = Console(highlight=False, width=150)
    if asked.measure:
        FIGURES.write_text(json.dumps(measure(), indent=2) + "\n")
    figures = read()
    one = capacity(figures, asked.supabase)
    console.print(f"on a core of its own at full load, of which the plan uses {BUSY:.0%}:")
    console.print(
        f"one listener: {one['listener_messages_per_s']:,.0f} messages/s, {figures.listener_mb:.0f} MB; one "
        f"worker: {one['worker_captures_per_s']:,.0f} captures/s at {asked.supabase:g} s of Supabase, "
        f"{figures.worker_mb:.0f} MB"
    )
    for window in asked.window:
        given = Assumptions(asked.photos, window, asked.transfer, asked.supabase)
        console.print()
        console.print(table([plan(devices, figures, given) for devices in asked.devices]))


if __name__ == "__main__":
    main()
