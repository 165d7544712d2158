"""The databases of `benchmarks.year`: a fleet with a year of pictures, and what it is compared with."""

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
from rich.console import Console

from benchmarks.letting_go import make_weeks
from local.postgres import Postgres
from operate.schema.database import connect, value
from operate.schema.files import read
from operate.schema.upgrade import Upgrade

SQL: Final = Path(__file__).with_name("year.sql")
WEEKS: Final = {"public.device_publish_log": 5, "public.device_status": 13, "public.device_errors": 13}
# Indexes are made once all rows are there, as by anybody who loads so many.
NOT_READY: Final = """
update pg_index set indisready = false
 where indrelid in (select relid from pg_partition_tree('{table}') where isleaf
                    union select oid from pg_class where oid = '{table}'::regclass and relkind = 'r')
"""
TYPES: Final = """
select attname, format_type(atttypid, atttypmod) from pg_attribute
 where attrelid = %s::regclass and attnum > 0
"""

Connection = psycopg.Connection[Any]


class Fleet(NamedTuple):
    """A database: its name, how many devices it has, and for how many days they have sent pictures."""

    name: str
    devices: int
    days: int

    @property
    def whole(self) -> str:
        """What a database says that has been filled."""
        return f"{self.days} days of {self.devices:,} devices"


def prepare(server: Postgres, fleets: list[Fleet], console: Console) -> None:
    """Make the databases that are not there, and bring the schema of all up to date."""
    with connect(server.url()) as owner:
        known: dict[str, str] = dict(
            owner.execute("select datname, shobj_description(oid, 'pg_database') from pg_database")
        )
        missing = [fleet for fleet in fleets if known.get(fleet.name) != fleet.whole]
        if missing:
            owner.execute("drop database if exists no_fleet")
            owner.execute("create database no_fleet")
            _upgrade(server.url("no_fleet"))
        for fleet in missing:
            owner.execute(f"drop database if exists {fleet.name}".encode())
            owner.execute(f"create database {fleet.name} template no_fleet".encode())
            began = time.monotonic()
            _fill(server.url(fleet.name), fleet, console)
            # A fill that was broken off does not say so.
            owner.execute(f"comment on database {fleet.name} is '{fleet.whole}'".encode())
            console.print(f"{fleet.name}: {fleet.whole}, filled in {time.monotonic() - began:.0f} s")
    for fleet in fleets:
        _upgrade(server.url(fleet.name))


def _upgrade(url: str) -> None:
    with connect(url, lambda _: None) as connection:
        Upgrade(connection, read(), lambda _: None).apply()


def _fill(url: str, fleet: Fleet, console: Console) -> None:
    with connect(url) as source, connect(url) as target:
        now = f"timestamptz '{value(source, 'select now()')}'"
        text = re.sub(r"(?m)^--(?! (before|after|public\.\w+)$).*\n", "", SQL.read_text(encoding="utf-8"))
        for name, said in {"devices": fleet.devices, "days": fleet.days, "now": now}.items():
            text = re.sub(rf"(?<!:):{name}\b", str(said), text)
        _, *parts = re.split(r"(?m)^-- (before|after|public\.\w+)\n", text)
        for table, weeks in WEEKS.items():
            begin = value(source, "select date_trunc('week', now(), 'UTC')") - timedelta(weeks=weeks)
            make_weeks(source, table, begin, weeks)
        target.execute("set session_replication_role = replica")
        target.execute("set maintenance_work_mem = '1GB'")
        source.execute("set work_mem = '256MB'")
        for part, query in zip(parts[::2], parts[1::2], strict=True):
            if part in ("before", "after"):
                target.execute(query.encode())
            else:
                _copy(source, target, part, query.strip().rstrip(";"), console)
        target.execute("vacuum (analyze, freeze)")


def _copy(source: Connection, target: Connection, table: str, query: str, console: Console) -> None:
    began = time.monotonic()
    columns = [column.name for column in source.execute(f"{query} limit 0".encode()).description or ()]
    types = dict(source.execute(TYPES, [table]).fetchall())
    # Numbers and times as they are: to write and to read them as text takes as long as all the rest.
    typed = ", ".join(f"{name}::{types[name]}" for name in columns)
    rows_of = f"select {typed} from ({query}) as rows"  # noqa: S608 (constants)
    # What is copied to a table that the same transaction has emptied needs no WAL.
    with target.transaction(), target.cursor() as into, source.cursor() as out:
        target.execute(f"truncate {table} cascade".encode())
        target.execute(NOT_READY.format(table=table).encode())
        with (
            out.copy(f"copy ({rows_of}) to stdout (format binary)".encode()) as rows,
            into.copy(f"copy {table} ({', '.join(columns)}) from stdin (format binary)".encode()) as writes,
        ):
            for some in rows:
                writes.write(some)
        count = value(target, f"select count(*) from {table}")  # noqa: S608 (a constant)
    copied = time.monotonic()
    target.execute(f"reindex table {table}".encode())
    indexed = time.monotonic() - copied
    console.print(f"{table}: {count:,} rows copied in {copied - began:.0f} s, indexed in {indexed:.0f} s")
