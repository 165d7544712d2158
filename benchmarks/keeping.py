"""What it takes to let 100,000 pictures go, and what devices feel of it: `python -m benchmarks.keeping`.

A PostgreSQL server of its own, with the real files of `sql/` and the fleet of `fleet.sql`, gets a policy for
every company that lets go half of its pictures. On the full rig, with a Storage that answers in 50 ms,
cameras send pictures: in turns while the tasks of keeping run as beat sends them, and while they do not. Then
the rest goes without pauses, which tells how many messages of beat all of it takes.
"""

import re
import statistics
import time
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import measures
from benchmarks.measures import Size
from benchmarks.postgres import server
from benchmarks.rig import Rig
from benchmarks.wakes import Calls
from celeryconfig import beat_schedule
from core.removals import OBJECTS
from core.store.keys import lock_key
from operate.schema.database import connect, value
from operate.schema.files import read
from operate.schema.upgrade import Upgrade
from tasks.keeping import CALLS, PICTURES

NOW: Final = "date_trunc('day', now())"
STORAGE_MS: Final = 50
PACE_S: Final = float(str(beat_schedule["apply_keep_policies"]["schedule"]))
FIGURES: Final = ("ack_ms", "ack_p95_ms", "captures_per_s")
TASKS: Final = ("apply_keep_policies", "remove_objects", "reconcile_objects", "make_smaller")
GONE: Final = "select count(*) from public.captures where ingest_status = 'expired'"
REMOVED: Final = "select count(*) from fleet_private.object_removals where removed_at is not null"


class Busy(NamedTuple):
    """The messages of each task that it took, and the seconds that they were busy in all."""

    messages: int
    seconds: float


def main(
    captures: Annotated[int, typer.Option(min=1_000)] = 200_000,
    devices: Annotated[int, typer.Option(min=100)] = 1_000,
    cameras: Annotated[int, typer.Option(min=1, help="that send at the same time")] = 4,
    seconds: Annotated[float, typer.Option(min=1, help="of each turn")] = 20.0,
    pairs: Annotated[int, typer.Option(min=1, help="of turns, with and without pictures that go")] = 8,
) -> None:
    """Print how long it takes, and what the ingest feels of it."""
    console = Console(width=110, highlight=False)
    with server(console) as running, connect(running.url()) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        fill = (Path(__file__).parent / "fleet.sql").read_text(encoding="utf-8")
        for name, given in {"devices": devices, "captures": captures, "now": NOW}.items():
            fill = re.sub(rf":{name}\b", str(given), fill)
        connection.execute(fill.encode())
        connection.execute(
            "insert into public.keep_policies (company_id, max_count)"
            " select company_id, %s from public.companies",
            [max(1, captures // devices // 2)],
        )
        connection.execute("vacuum analyze")
        size = Size(seconds=seconds, warm_up_s=2.0)
        console.print(_side_by_side(connection, running.url(), cameras, size, pairs))
        before = value(connection, GONE)
        busy = _finish(connection)
        gone, removed = value(connection, GONE), value(connection, REMOVED)
    table = Table(box=None, show_header=False)
    table.add_row("pictures let go", f"{gone:,}")
    table.add_row("objects removed", f"{removed:,}")
    table.add_row("of them without pauses", f"{gone - before:,}")
    table.add_row("messages of each task", f"{busy.messages:,}")
    table.add_row("at the pace of beat, min", f"{busy.messages * PACE_S / 60:.1f}")
    table.add_row("busy of that, s", f"{busy.seconds:.1f}")
    console.print(table)


def _message(calls: Calls) -> bool:
    """Do what one message of each task does; return whether there was anything to do."""
    gone = calls.call("apply_keep_policies", p_limit=PICTURES)["captures"]
    for _ in range(CALLS):
        paths = calls.call("claim_removals", p_limit=OBJECTS)
        if not paths:
            return bool(gone)
        time.sleep(STORAGE_MS / 1000)
        calls.call("finish_removals", p_paths=paths)
    return True


def _finish(connection: psycopg.Connection[Any]) -> Busy:
    """Go on until all has gone, without the pauses."""
    calls, messages, began = Calls(connection), 0, time.perf_counter()
    while _message(calls):
        messages += 1
    return Busy(messages, time.perf_counter() - began)


def _side_by_side(
    connection: psycopg.Connection[Any], url: str, cameras: int, size: Size, pairs: int
) -> Table:
    """Measure the time to the ACK while nothing goes and while pictures go, in turns.

    The median of the ratios of turns beside each other bears a machine that others use.
    """
    found: dict[bool, list[measures.Figures]] = {False: [], True: []}
    went = 0
    with Rig(database_url=url) as rig:
        _hold(rig)
        rig.start("listener", "worker", "beat")
        for turn in range(2 * pairs):
            # Each is the first of its pair as often as the other.
            going, before = turn % 4 in (1, 2), value(connection, GONE)
            if going:
                rig.redis.delete(*map(lock_key, TASKS))
            number = 10_000 * (turn + 1)
            found[going].append(
                measures.fleet(rig, size, cameras, STORAGE_MS, number, spread_s=measures.SPREAD_S)
            )
            _hold(rig)
            went += value(connection, GONE) - before
    table = Table(f"from the last chunk to the ACK, {cameras} cameras", "p50, ms", "p95, ms", "captures/s")
    for title, figures in (("nothing goes", found[False]), (f"pictures go: {went:,}", found[True])):
        middle = [statistics.median(each[name] for each in figures) for name in FIGURES]
        table.add_row(title, *(f"{figure:.1f}" for figure in middle))
    beside = list(zip(found[True], found[False], strict=True))
    ratios = [[going[name] / alone[name] for going, alone in beside] for name in FIGURES]
    table.add_row("ratio, median of the pairs", *(f"{statistics.median(each):.3f}" for each in ratios))
    table.add_row("least to most", *(f"{min(each):.2f} to {max(each):.2f}" for each in ratios))
    table.box = None
    return table


def _hold(rig: Rig) -> None:
    """Let the tasks of keeping wait, as if another worker had their turn."""
    for name in TASKS:
        rig.redis.set(lock_key(name), "the benchmark", ex=600)


if __name__ == "__main__":
    typer.run(main)
