"""What the queries of users and operators take on millions of captures: `make bench-sql`.

A PostgreSQL server of its own, with the real files of `sql/`, gets a fleet. Then each query runs as a
signed-in user of the smallest and of the largest company, as it is, and as it was when policies compared
with an array of the user's devices (ADR 11); and the queries of `sql/verification.sql` run as the service.
"""

import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.postgres import server
from operate.schema.database import connect
from operate.schema.files import FOLDER, read
from operate.schema.upgrade import Upgrade

HERE: Final = Path(__file__).parent
COMPANIES: Final = {"smallest company": (20, 1), "largest company": (1, 2)}  # number, number of a device
NOW: Final = "date_trunc('day', now())"
DAY: Final = f"({NOW} - interval '40 days')"
MONTH: Final = f"({NOW} - interval '60 days')"
ROUNDS: Final = 5
# A query that takes longer twice is not repeated further.
LONG_MS: Final = 1000
OLD_POLICIES: Final = """
create function fleet_private.devices_of_user()
returns text[] language sql stable security definer set search_path = '' as $$
  select coalesce(array_agg(device_id), '{}') from public.devices
   where company_id = fleet_private.company_of_user()
$$;
alter policy captures_read_company on public.captures
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));
alter policy sensor_readings_read_company on public.sensor_readings
  using (device_id = any ((select fleet_private.devices_of_user())::text[]));
"""

Connection = psycopg.Connection[tuple[Any, ...]]


class Query(NamedTuple):
    """A query and what it is."""

    title: str
    text: str


def queries(path: Path) -> list[Query]:
    """Read the queries of a file; the first comment line before each is its title."""
    found = re.findall(
        r"(?m)^-- (.+)\n(?:--.*\n)*((?:select|SELECT)[^;]+);", path.read_text(encoding="utf-8")
    )
    return [Query(title.strip(), text) for title, text in found]


def main(
    captures: Annotated[int, typer.Option(min=20_000)] = 2_000_000,
    devices: Annotated[int, typer.Option(min=100)] = 10_000,
    *,
    plans: Annotated[bool, typer.Option("--plans", help="print the plans too")] = False,
) -> None:
    """Fill a database of its own and print what each query takes, in ms, the median of five."""
    console = Console(width=120)
    with server(console) as running:
        _measure(running.url(), captures, devices, console, plans=plans)


def _measure(url: str, captures: int, devices: int, console: Console, *, plans: bool) -> None:
    with connect(url) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        began = time.monotonic()
        fill = (HERE / "fleet.sql").read_text(encoding="utf-8")
        for name, value in {"devices": devices, "captures": captures, "now": NOW}.items():
            fill = re.sub(rf":{name}\b", str(value), fill)
        connection.execute(fill.encode())
        connection.execute("vacuum analyze")
        console.print(
            f"{captures:,} captures of {devices:,} devices written in {time.monotonic() - began:.0f} s"
        )
        table = Table(
            "as a user", *(f"{who}, {scheme}" for who in COMPANIES for scheme in ("then", "now")), box=None
        )
        asked = queries(HERE / "queries.sql")
        columns = [
            [_as_user(connection, query, *who, before=before) for query in asked]
            for who in COMPANIES.values()
            for before in (OLD_POLICIES, "")
        ]
        for query, *times in zip(asked, *columns, strict=True):
            table.add_row(query.title, *(f"{ms:,.2f}" for ms in times))
        console.print(table)
        console.print(_for_operators(connection))
        if plans:
            for title, plan in _plans(connection, asked):
                console.print(f"\n[bold]{title}[/]\n{plan}", soft_wrap=True)


def _for_operators(connection: Connection) -> Table:
    table = Table("sql/verification.sql, as the service", "ms", box=None)
    for query in queries(FOLDER / "verification.sql"):
        with connection.transaction(force_rollback=True):
            connection.execute("set local role service_role")
            table.add_row(query.title, f"{_took(connection, query.text):,.2f}")
    return table


def _as_user(connection: Connection, query: Query, company: int, device: int, *, before: str) -> float:
    with connection.transaction(force_rollback=True):
        connection.execute(before.encode())
        _sign_in(connection, company)
        return _took(connection, _filled(query, device))


def _plans(connection: Connection, asked: list[Query]) -> Iterator[tuple[str, str]]:
    for who, (company, device) in COMPANIES.items():
        for query in asked:
            with connection.transaction(force_rollback=True):
                _sign_in(connection, company)
                rows = connection.execute(f"explain (analyze, buffers) {_filled(query, device)}".encode())
                yield f"{query.title}, {who}", "\n".join(line for (line,) in rows)


def _sign_in(connection: Connection, company: int) -> None:
    connection.execute(
        "select set_config('request.jwt.claim.sub', md5(%s)::uuid::text, true)", [f"user{company}"]
    )
    connection.execute("set local role authenticated")


def _filled(query: Query, device: int) -> str:
    text = query.text
    for name, value in {"device": f"'DEVICE{device}'", "day": DAY, "month": MONTH}.items():
        text = re.sub(rf":{name}\b", value, text)
    return text


def _took(connection: Connection, text: str) -> float:
    """Return the median of some runs (ms), or the faster of two if that is long."""
    times: list[float] = []
    while len(times) < ROUNDS:
        began = time.perf_counter()
        connection.execute(text.encode()).fetchall()
        times.append(1000 * (time.perf_counter() - began))
        if len(times) == 2 and min(times) > LONG_MS:
            break
    return statistics.median(times) if len(times) == ROUNDS else min(times)


if __name__ == "__main__":
    typer.run(main)
