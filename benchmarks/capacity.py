"""What a fleet takes: processes, memory, rows, objects and traffic, for docs/scaling.md.

    python -m benchmarks.capacity             100, 10,000 and 1,000,000 devices
    python -m benchmarks.capacity --devices 5000 --window 300 --photos 12
    python -m benchmarks.capacity --measure   measure anew and write capacity.json

Measured are the CPU time of each process for each message and capture, its memory, and the bytes that a
picture takes in the database and on the wire. A busy machine makes CPU times larger, by a factor of three at
worst, where it makes rates mean nothing.
Everything else is assumed, and each assumption is an option. `benchmarks.costs` puts prices on it, and
`benchmarks.day` plays a day.
"""

import argparse
import json
import math
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.photograph import CHUNKS, IMAGE_BYTES, MESSAGES, device_ids, payloads
from benchmarks.postgres import server
from benchmarks.processes import Reporter, process_seconds
from benchmarks.rig import Rig
from benchmarks.wakes import Calls, Wakes
from core.settings import KeepSettings, WakeSettings
from operate.schema.database import connect, value
from operate.schema.files import read as read_schema
from operate.schema.upgrade import Upgrade

FIGURES: Final = Path(__file__).with_name("capacity.json")
FLEETS: Final = (100, 10_000, 1_000_000)
MINUTE_S: Final = 60.0
DAYS: Final = 30
YEAR: Final = 365
# The bytes in storage of a capture: the thumbnail adds 15 %.
OBJECT_BYTES: Final = IMAGE_BYTES * 1.15
THUMBNAIL_BYTES: Final = OBJECT_BYTES - IMAGE_BYTES
# The share of each core that a plan uses. The rest is for bursts, retries and other work on the machine.
BUSY: Final = 0.6
THREADS: Final = 16
# Bytes that Redis uses for a chunk of 1,020 bytes, including its allocator's rounding and the hash entry.
CHUNK_IN_REDIS: Final = 1_332
# The share of Redis's `maxmemory` at which chunks are turned away (FULL in core/store/memory.py).
REDIS_FULL: Final = 0.7
# The rows of a picture that stay for good, and its log, hello and errors: the table of docs/scaling.md,
# and the story of its capture. What goes does so by whole weeks.
ROWS_BYTES: Final = 1_608 + 324 + 444 + 20
LOG_BYTES, STATUS_BYTES, ERROR_BYTES = 2_375, 1_018, 7
DEVICE_BYTES: Final = 3_400
WEEK: Final = 7
# Assumed: what a worker sends with a picture, as calls and to the device, and what Supabase answers to it.
CALLS_BYTES: Final = 5_000
ANSWERS_BYTES: Final = 3_000
# Sessions at the broker that are always there: a listener's and a worker's.
OWN_SESSIONS: Final = 2


class Figures(NamedTuple):
    """The measured figures: CPU seconds of one core for each message or capture, and resident memory in MB.

    The worker's include its decoders. The database's are those of hello, capture and log of one wake.
    """

    listener_s_per_message: float
    broker_s_per_message: float
    worker_s_per_capture: float
    redis_s_per_capture: float
    database_s_per_capture: float
    listener_mb: float
    worker_mb: float


class Use(NamedTuple):
    """How a fleet is used.

    `photos` a device takes a day, at its wakes, which are spread over `window_s`; `transfer_s` is the time
    that it takes to send one, and `supabase_s` that of the uploads and the row. `looks` is how often a
    thumbnail is loaded, `opened` the share of these after which the whole picture is. `days` is how old the
    project is, `memory_share` the share of the database for which there is to be memory, and `cores` what an
    instance has.
    """

    photos: float
    window_s: float
    transfer_s: float
    supabase_s: float
    looks: float
    opened: float
    days: int
    memory_share: float
    cores: float


class Needs(NamedTuple):
    """What a fleet takes, if captures are to be acknowledged as they come.

    MB and GB are 10⁶ and 10⁹ bytes, and GB of a month of 30 days unless they stay. Cores are of CPU time.
    """

    devices: int
    captures_per_s: float
    messages_per_s: float
    listeners: int
    workers: int
    redis_mb: float
    redis_cores: float
    broker_cores: float
    database_cores: float
    requests_per_s: float
    sessions: float
    wire_minutes: float
    wire_gb: float
    sent_gb: float
    egress_gb: float
    database_gb: float
    new_gb: float
    stored_gb: float
    thinned_gb: float


def listener_rate(figures: Figures, cores: float) -> float:
    """Return the messages per second of one listener at full load; it is one thread."""
    return min(cores, 1) / figures.listener_s_per_message


def worker_rate(figures: Figures, supabase_s: float, cores: float) -> float:
    """Return the captures per second of one worker at full load, bounded by its CPU or by threads that wait.

    More than a core is not counted on: its threads share one interpreter.
    """
    busy_s = figures.worker_s_per_capture / min(cores, 1)
    return min(1 / busy_s, THREADS / (supabase_s + busy_s))


def needs(devices: int, figures: Figures, use: Use) -> Needs:
    """Return what a fleet takes if all its devices wake within `use.window_s`, and it is `use.days` old."""
    captures = devices / use.window_s
    messages = captures * (MESSAGES + 1)  # + 1 for the hello
    in_flight = min(devices, captures * (use.transfer_s + use.supabase_s))
    a_day = devices * use.photos
    pictures = a_day * DAYS
    wire_bytes = 2 * sum(map(len, payloads("AABBCCDDEEFF")))  # in, and out to the listener
    look_bytes = use.looks * (THUMBNAIL_BYTES + use.opened * IMAGE_BYTES)
    return Needs(
        devices=devices,
        captures_per_s=captures,
        messages_per_s=messages,
        listeners=math.ceil(messages / listener_rate(figures, use.cores) / BUSY),
        workers=math.ceil(captures / worker_rate(figures, use.supabase_s, use.cores) / BUSY),
        redis_mb=in_flight * CHUNKS * CHUNK_IN_REDIS / REDIS_FULL / 1e6,
        redis_cores=captures * figures.redis_s_per_capture,
        broker_cores=messages * figures.broker_s_per_message,
        database_cores=captures * figures.database_s_per_capture,
        requests_per_s=captures * 3,  # the requests for image, thumbnail and row
        sessions=min(devices, captures * use.transfer_s) + OWN_SESSIONS,
        wire_minutes=pictures * math.ceil(use.transfer_s / 60) + OWN_SESSIONS * DAYS * 24 * 60,
        wire_gb=pictures * wire_bytes / 1e9,
        sent_gb=pictures * (OBJECT_BYTES + CALLS_BYTES) / 1e9,
        egress_gb=pictures * (look_bytes + ANSWERS_BYTES) / 1e9,
        database_gb=(a_day * _database_bytes(use.days) + devices * DEVICE_BYTES) / 1e9,
        new_gb=pictures * OBJECT_BYTES / 1e9,
        stored_gb=a_day * use.days * OBJECT_BYTES / 1e9,
        thinned_gb=devices
        * (use.photos * min(use.days, DAYS) + max(0, use.days - DAYS))
        * OBJECT_BYTES
        / 1e9,
    )


def _database_bytes(days: int) -> float:
    """Return the bytes in the database after so many days, for each picture a day."""
    keep = KeepSettings.model_construct()
    dropped = (
        (LOG_BYTES, keep.keep_log_days),
        (STATUS_BYTES, keep.keep_status_days),
        (ERROR_BYTES, keep.keep_errors_days),
    )
    return ROWS_BYTES * days + sum(each * min(days, kept + WEEK) for each, kept in dropped)


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
            "broker_s_per_message": measured.cpu_s["mosquitto"] / (captures * MESSAGES),
            "worker_s_per_capture": measured.cpu_s["worker"] / captures,
            "redis_s_per_capture": measured.cpu_s["redis"] / captures,
            "database_s_per_capture": measure_database(),
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


def measure_database(devices: int = 50, rounds: int = 20) -> float:
    """Record wakes in a PostgreSQL of their own; return its CPU seconds for each of the later half."""
    with server(Console()) as running, connect(running.url()) as connection:
        Upgrade(connection, read_schema(), lambda _: None).apply()
        connection.execute("insert into public.companies (name) values ('Greenhouse Ltd')")
        connection.execute("insert into public.device_configs (captures_per_day) values (24)")
        connection.execute(
            "insert into public.devices (device_id, company_id)"
            " select unnest(%s::text[]), company_id from public.companies",
            [device_ids(devices)],
        )
        wakes, process = Wakes(Calls(connection)), value(connection, "select pg_backend_pid()")
        began = 0.0
        for turn in range(rounds):
            if turn == rounds // 2:
                began = process_seconds(process)
            for name in device_ids(devices):
                wakes.wake(name, datetime.now(UTC) - timedelta(hours=rounds - turn))
        return (process_seconds(process) - began) / (devices * (rounds - rounds // 2))


def read() -> Figures:
    """Read the figures of the last measurement from capacity.json."""
    found = json.loads(FIGURES.read_text())
    return Figures(**{name: found[name] for name in Figures._fields})


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser for the fleets and for how they are used."""
    made = argparse.ArgumentParser(description=description)
    wakes_a_day = 24 * 60 / WakeSettings.model_construct().default_wake_minutes
    made.add_argument("--devices", type=int, nargs="*", default=list(FLEETS))
    made.add_argument("--photos", type=float, default=wakes_a_day, help="of each device a day")
    made.add_argument("--window", type=float, default=3600, help="s in which all wake")
    made.add_argument("--transfer", type=float, default=30, help="s that a device takes to send one")
    made.add_argument("--supabase", type=float, default=0.3, help="s that uploads and row of one take")
    made.add_argument("--looks", type=float, default=1, help="how often each thumbnail is loaded")
    made.add_argument("--opened", type=float, default=0.1, help="share of looks that load the picture too")
    made.add_argument("--days", type=int, default=YEAR, help="how old the project is")
    made.add_argument("--memory", type=float, default=0.05, help="share of the database held in memory")
    made.add_argument("--cores", type=float, default=0.5, help="that an instance has")
    return made


def use_of(asked: argparse.Namespace) -> Use:
    """Return what the options of `parser` say."""
    return Use(
        asked.photos, asked.window, asked.transfer, asked.supabase,
        asked.looks, asked.opened, asked.days, asked.memory, asked.cores,
    )  # fmt: skip


def table(title: str, heads: list[str], columns: list[dict[str, Any]], cell: Callable[[Any], str]) -> Table:
    """Return a table with a column for each fleet, and a line for each key of theirs."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    grid.add_column(title)
    for head in heads:
        grid.add_column(head, justify="right")
    for name in columns[0]:
        grid.add_row(name, *(cell(column[name]) for column in columns))
    return grid


def _lines(need: Needs) -> dict[str, float]:
    return {
        "captures/s": need.captures_per_s,
        "messages/s": need.messages_per_s,
        "listeners": need.listeners,
        "workers": need.workers,
        "broker, cores": need.broker_cores,
        "Redis, cores": need.redis_cores,
        "Redis, MB": need.redis_mb,
        "requests to Supabase/s": need.requests_per_s,
        "PostgreSQL, cores": need.database_cores,
        "storage, GB more a month": need.new_gb,
    }


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.2g}"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:g} h"


def main() -> None:
    """Read the command line, measure if asked, and print what the fleets take."""
    arguments = parser("What a fleet takes.")
    arguments.add_argument("--measure", action="store_true")
    asked = arguments.parse_args()
    console = Console(highlight=False, width=150)
    if asked.measure:
        FIGURES.write_text(json.dumps(measure(), indent=2) + "\n")
    figures, use = read(), use_of(asked)
    console.print(f"at full load on {use.cores:g} cores, of which the plan uses {BUSY:.0%}:")
    console.print(
        f"one listener: {listener_rate(figures, use.cores):,.0f} messages/s, {figures.listener_mb:.0f} MB; "
        f"one worker: {worker_rate(figures, use.supabase_s, use.cores):,.0f} captures/s at "
        f"{use.supabase_s:g} s of Supabase, {figures.worker_mb:.0f} MB"
    )
    for window in (MINUTE_S, use.window_s):
        fleets = [needs(devices, figures, use._replace(window_s=window)) for devices in asked.devices]
        heads = [f"{devices:,} in {_duration(window)}" for devices in asked.devices]
        console.print()
        console.print(table("", heads, [_lines(need) for need in fleets], _number))


if __name__ == "__main__":
    main()
