"""What an evaluation of the alerts takes: `python -m benchmarks.alerts`.

A PostgreSQL server of its own, with the real files of `sql/`, gets a fleet of many companies that wakes once
an hour (`alerts.sql`): its days, its pictures, readings and hellos of the last three days, rules of sites and
devices, and bounds for a sensor of every device. Measured is `evaluate_alerts` while all is well, while one
device in a hundred has each trouble, and while no device is heard: each time an evaluation that opens the
alerts, and one that finds them open. What an evaluation has written is undone before the next one.
"""

import re
import statistics
import time
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import psycopg
import typer
from psycopg.types.json import Jsonb
from rich.console import Console
from rich.table import Table

from benchmarks.postgres import server
from operate.schema.database import connect
from operate.schema.files import read
from operate.schema.upgrade import Upgrade

ROUNDS: Final = 5
NOW: Final = "date_trunc('hour', now())"
SQL: Final = Path(__file__).with_suffix(".sql")
Connection = psycopg.Connection[tuple[Any, ...]]


class Evaluated(NamedTuple):
    """The time that an evaluation took and that the server computed for it (ms), and what it answered."""

    took_ms: float
    cpu_ms: float
    answer: dict[str, Any]


def main(
    devices: Annotated[int, typer.Option(min=100)] = 10_000,
    companies: Annotated[int, typer.Option(min=1)] = 20,
    days: Annotated[int, typer.Option(min=3, help="days of the past")] = 60,
) -> None:
    """Print what an evaluation takes, in ms and in ms of CPU, the medians of five."""
    console = Console(width=120)
    title = f"{devices:,} devices of {companies:,} companies"
    table = Table(title, "alerts", "events", "opens, ms", "CPU", "finds open, ms", "CPU", box=None)
    fleet, *situations = SQL.read_text(encoding="utf-8").split("-- situation: ")
    with server(console) as running, psycopg.connect(running.url(), autocommit=True) as owner:
        owner.execute("create database fleet")
        with connect(running.url("fleet")) as connection:
            Upgrade(connection, read(), lambda _: None).apply()
            _run(connection, fleet, devices=devices, companies=companies, days=days)
            connection.execute("vacuum analyze")
        for number, situation in enumerate(situations):
            name, _, happens = situation.partition("\n")
            owner.execute(f"create database situation_{number} template fleet".encode())
            with connect(running.url(f"situation_{number}")) as connection:
                _run(connection, happens)
                opening = [_evaluate(connection, undo=True) for _ in range(ROUNDS)]
                # As autovacuum does away with what was undone, and would look at what is there.
                connection.execute("vacuum analyze public.alerts")
                done = _evaluate(connection, undo=False).answer
                finding = [_evaluate(connection, undo=True) for _ in range(ROUNDS)]
            times = [
                f"{statistics.median(times):,.0f}"
                for found in (opening, finding)
                for times in ([one.took_ms for one in found], [one.cpu_ms for one in found])
            ]
            table.add_row(name, f"{sum(done['open'].values()):,}", f"{done['told']:,}", *times)
    console.print(table)


def _evaluate(connection: Connection, *, undo: bool) -> Evaluated:
    """Evaluate as the service. No silence is too long here: there the devices would not be offline."""
    with connection.transaction(force_rollback=undo):
        connection.execute("set local role service_role")
        began, cpu = time.perf_counter(), _cpu_ms(connection)
        said = Jsonb({"silence_minutes": 100_000})
        row = connection.execute("select public.evaluate_alerts(%s)", [said]).fetchone()
        took, cpu = 1000 * (time.perf_counter() - began), _cpu_ms(connection) - cpu
        connection.execute("reset role")
    return Evaluated(took, cpu, row[0] if row else {})


def _cpu_ms(connection: Connection) -> float:
    """Return what the server's process has computed until now, for what else the machine does is no cost."""
    fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    return 10.0 * (int(fields[11]) + int(fields[12]))


def _run(connection: Connection, text: str, **values: object) -> None:
    for name, value in {"now": NOW, **values}.items():
        text = re.sub(rf"(?<!:):{name}\b", str(value), text)
    connection.execute(f"set session_replication_role = replica; {text}".encode())  # without triggers
    connection.execute("set session_replication_role = origin")


if __name__ == "__main__":
    typer.run(main)
