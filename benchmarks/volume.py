"""What the rows of a fleet take: `python -m benchmarks.volume`.

A PostgreSQL server of its own, with the real files of `sql/`, gets some days of some devices that take a
picture each hour, through the functions that the service calls, each call by itself, and counts their days as
they go by. It vacuums when it would in production. What the second half of the pictures has added to each
table is what a picture takes, so that empty tables do not count. What fleets take is told from that.
"""

import time
from typing import Annotated, Any, Final, NamedTuple

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.capacity import FLEETS, OBJECT_BYTES
from benchmarks.photograph import device_ids
from benchmarks.postgres import server
from benchmarks.wakes import FAILS, Calls, Wakes, hours
from core.settings import WorkerSettings
from operate.schema.database import connect, value
from operate.schema.files import read
from operate.schema.upgrade import Upgrade
from tasks.rollups import AT_ONCE

PICTURES: Final = 24
YEAR: Final = 365
# A partition is dropped when all of its week is older than the rows are kept.
WEEK: Final = 7
FOR_GOOD: Final = ("captures", "sensor_readings", "capture_days")
KEPT: Final = {
    "device_publish_log": "keep_log_days",
    "device_status": "keep_status_days",
    "device_errors": "keep_errors_days",
}
PER_DEVICE: Final = ("public.devices", "fleet_private.day_clocks", "fleet_private.touched_hours")
SIZES: Final = """
select sum(pg_relation_size(relid)), sum(pg_indexes_size(relid)),
       sum(pg_total_relation_size(relid) - pg_relation_size(relid) - pg_indexes_size(relid))
  from (select relid from pg_partition_tree({table}::regclass) where isleaf
        union select {table}::regclass) as part
"""


class Size(NamedTuple):
    """Bytes of a table: its rows, its indexes, and what else it has: TOAST, and the maps of its pages."""

    rows: float
    indexes: float
    toast: float

    @property
    def all(self) -> float:
        """The bytes of everything."""
        return sum(self)

    def grown(self, before: "Size", pictures: int) -> "Size":
        """Return what has been added, for each of so many pictures."""
        return Size(*((new - old) / pictures for new, old in zip(self, before, strict=True)))


class Measured(NamedTuple):
    """What a picture takes in each table (B), what it writes to the WAL (B), and what a device takes (B)."""

    pictures: int
    tables: dict[str, Size]
    wal: float
    device: float


def main(
    devices: Annotated[int, typer.Option(min=5)] = 100,
    days: Annotated[int, typer.Option(min=2)] = 14,
) -> None:
    """Print what a picture takes in each table, and what fleets take."""
    console = Console(width=120, highlight=False)
    # The hours go by fast here: dead rows are looked for as often as it would be in them.
    with server(console, autovacuum_naptime="1s") as running, connect(running.url()) as connection:
        began = time.monotonic()
        measured = measure(connection, devices, days)
        console.print(
            f"{measured.pictures:,} pictures of {devices:,} devices written in"
            f" {time.monotonic() - began:.0f} s, one of {FAILS} of them failed"
        )
        console.print(_of_pictures(measured), _of_fleets(measured), sep="\n\n")


def measure(connection: psycopg.Connection[Any], devices: int, days: int) -> Measured:
    """Record the pictures and return what those of the second half have added."""
    Upgrade(connection, read(), lambda _: None).apply()
    names = device_ids(devices)
    connection.execute("insert into public.companies (name) values ('Greenhouse Ltd')")
    connection.execute(
        "insert into public.devices (device_id, company_id)"
        " select unnest(%s::text[]), company_id from public.companies",
        [names],
    )
    connection.execute("insert into public.device_configs (captures_per_day) values (%s)", [PICTURES])
    wakes, passing = Wakes(Calls(connection)), hours(days)
    half = len(passing) // 2
    sizes: list[dict[str, Size]] = []
    wal: list[str] = []
    for some in (passing[:half], passing[half:]):
        for hour in some:
            for name in names:
                wakes.wake(name, hour)
            while value(
                connection,
                f"select (public.refresh_capture_days({AT_ONCE}, %s)->'more')::boolean",
                hour.replace(minute=5),
            ):
                pass
        sizes.append({table: _size(connection, f"public.{table}") for table in (*FOR_GOOD, *KEPT)})
        wal.append(value(connection, "select pg_current_wal_insert_lsn()::text"))
    pictures = devices * (len(passing) - half)
    return Measured(
        pictures=devices * len(passing),
        tables={table: sizes[1][table].grown(sizes[0][table], pictures) for table in sizes[0]},
        wal=float(value(connection, "select %s::pg_lsn - %s::pg_lsn", wal[1], wal[0])) / pictures,
        device=sum(_size(connection, table).all for table in PER_DEVICE) / devices,
    )


def _size(connection: psycopg.Connection[Any], table: str) -> Size:
    row = connection.execute(SIZES.format(table=f"'{table}'").encode()).fetchone()
    assert row is not None  # noqa: S101
    return Size(*map(float, row))


def _kept(table: str) -> int:
    """Return for how many days the rows of a table are there, at most; settings have their defaults."""
    return int(WorkerSettings.model_fields[KEPT[table]].default) + WEEK


def _of_pictures(measured: Measured) -> Table:
    table = Table("bytes of a picture", "rows", "indexes", "TOAST", "all", "kept", box=None)
    for name, size in measured.tables.items():
        kept = "for good" if name in FOR_GOOD else f"{_kept(name)} days at most"
        table.add_row(name, *(f"{number:,.0f}" for number in (*size, size.all)), kept)
    table.add_row("written to the WAL", "", "", "", f"{measured.wal:,.0f}", "")
    table.add_row("a device, once", "", "", "", f"{measured.device:,.0f}", "")
    return table


def _of_fleets(measured: Measured) -> Table:
    table = Table(f"{PICTURES} pictures a day", *(f"{fleet:,} devices" for fleet in FLEETS), box=None)
    for_good = sum(measured.tables[name].all for name in FOR_GOOD)
    by_age = {name: measured.tables[name].all * _kept(name) for name in KEPT}
    stays = PICTURES * sum(by_age.values()) + measured.device
    year = PICTURES * YEAR
    # What one device takes, in bytes.
    lines = {
        "captures, readings, days: added a year": year * for_good,
        **{f"{name}: at most": PICTURES * size for name, size in by_age.items()},
        "devices": measured.device,
        "the database after a year": year * for_good + stays,
        "the database after five years": 5 * year * for_good + stays,
        "written to the WAL a day": PICTURES * measured.wal,
        "objects in storage, added a year": year * OBJECT_BYTES,
    }
    table.add_row("pictures a year", *(f"{year * fleet:,}" for fleet in FLEETS))
    for title, of_device in lines.items():
        table.add_row(title, *(_bytes(of_device * fleet) for fleet in FLEETS))
    return table


def _bytes(number: float) -> str:
    """Write a number of bytes in kB, MB, GB or TB, powers of 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} TB"


if __name__ == "__main__":
    typer.run(main)
