"""What it takes to let a week of the message log go: `python -m benchmarks.letting_go`.

A PostgreSQL server of its own, which waits for its disk here, gets five weeks of log: in the service's
partitioned table, and in one with the same columns and indexes but no partitions, as it was before ADR 25.
Then the oldest week goes: with its partition, as the periodic task does it, and by deleting the same rows,
some thousands in a transaction, with a vacuum after them.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.postgres import server
from benchmarks.wakes import Calls, capture_of, hello_of, log_of, log_rows
from core.wake import Wake
from operate.schema.database import connect, value
from operate.schema.files import read
from operate.schema.upgrade import Upgrade

WEEKS: Final = 5
# The oldest week ended so many days ago.
KEEP: Final = 30
AT_ONCE: Final = 10_000
WEEKLY: Final = """
do $$
declare
  v_first regclass := (select partition from fleet_private.partitions('{table}') order by until limit 1);
  v_week regclass;
begin
  execute format('drop table %s', v_first);
  for number in 0..{weeks} - 1 loop
    v_week := fleet_private.make_table_like('{table}', '{name}_week_' || number);
    execute format('alter table {table} attach partition %s for values from (%L) to (%L)',
                   v_week, '{begin}'::timestamptz + number * interval '168 hours',
                   '{begin}'::timestamptz + (number + 1) * interval '168 hours');
  end loop;
  perform fleet_private.make_partitions('{table}');
end
$$;
"""
IN_ONE: Final = "create table public.log_in_one (like public.device_publish_log including all)"
DELETE: Final = f"""
delete from public.log_in_one
 where ctid = any (array(select ctid from public.log_in_one where received_at < %s limit {AT_ONCE}))
"""  # noqa: S608 (a constant)
SIZE: Final = """
select sum(pg_total_relation_size(relid))
  from (select relid from pg_partition_tree(%s::regclass) where isleaf union select %s::regclass) as part
"""

Connection = psycopg.Connection[Any]


class Cost(NamedTuple):
    """What a way took: s, bytes of WAL, and the bytes of the table before and after."""

    seconds: float
    wal: int
    before: int
    after: int


def main(
    rows: Annotated[int, typer.Option(min=20, help="of a week")] = 200_000,
) -> None:
    """Print what dropping a week and deleting it take."""
    console = Console(width=120, highlight=False)
    with server(console, fsync="on", autovacuum="off") as running, connect(running.url()) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        end = datetime.now(UTC) - timedelta(days=KEEP, hours=1)
        _fill(connection, end - timedelta(weeks=1), rows)
        dropped = _cost(connection, "public.device_publish_log", lambda: _drop(connection))
        deleted = _cost(connection, "public.log_in_one", lambda: _delete(connection, end))
        vacuumed = _cost(
            connection, "public.log_in_one", lambda: connection.execute("vacuum public.log_in_one")
        )
    table = Table(f"a week of {rows:,} rows, of {WEEKS}", "s", "WAL, MB", "before, MB", "after, MB", box=None)
    for title, cost in {"dropped": dropped, "deleted": deleted, "then vacuumed": vacuumed}.items():
        megabytes = (f"{number / 1e6:,.2f}" for number in cost[1:])
        table.add_row(title, f"{cost.seconds:.3f}", *megabytes)
    console.print(table)


def make_weeks(connection: Connection, table: str, begin: datetime, weeks: int) -> None:
    """Make partitions of so many weeks in place of the first one of a new database, and those to come."""
    name = table.removeprefix("public.")
    connection.execute(WEEKLY.format(table=table, name=name, weeks=weeks, begin=begin.isoformat()).encode())


def _fill(connection: Connection, begin: datetime, rows: int) -> None:
    """Write weeks of log from `begin` on, as the service does, and the same rows to the table in one."""
    make_weeks(connection, "public.device_publish_log", begin, WEEKS)
    connection.execute(IN_ONE)
    calls, wakes = Calls(connection), WEEKS * rows // 4
    some: list[dict[str, Any]] = []
    for number in range(wakes):
        at = begin + number * timedelta(weeks=WEEKS) / wakes
        now, device_id = round(at.timestamp() * 1000), f"BE{number % 500:010X}"
        hello, capture = hello_of(device_id, number, now), capture_of(device_id, number, now)
        some += log_rows(log_of(hello, capture, {"capture_due": True}, Wake(at, "UTC")))
        if len(some) >= 1_000 or number == wakes - 1:
            calls.call("record_log", p_messages=some, p_errors=[])
            some.clear()
    connection.execute(
        "insert into public.log_in_one overriding system value"
        " select * from public.device_publish_log order by log_id"
    )
    connection.execute("vacuum analyze")
    connection.execute("checkpoint")


def _cost(connection: Connection, table: str, act: Any) -> Cost:
    before, wal = _size(connection, table), value(connection, "select pg_current_wal_insert_lsn()::text")
    began = time.perf_counter()
    act()
    took = time.perf_counter() - began
    written = int(value(connection, "select pg_current_wal_insert_lsn() - %s::pg_lsn", wal))
    return Cost(took, written, before, _size(connection, table))


def _drop(connection: Connection) -> None:
    done = value(connection, f"select public.maintain_tables({KEEP}, 90, 90, 90)")
    assert done["dropped"] == ["fleet_private.device_publish_log_week_0"], done  # noqa: S101


def _delete(connection: Connection, end: datetime) -> None:
    while connection.execute(DELETE.encode(), [end]).rowcount:
        pass


def _size(connection: Connection, table: str) -> int:
    return int(value(connection, SIZE, table, table))


if __name__ == "__main__":
    typer.run(main)
