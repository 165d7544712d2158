"""What counting the days of devices takes: `python -m benchmarks.rollups`.

A PostgreSQL server of its own, with the real files of `sql/`, gets a fleet that wakes once an hour, with a
picture, its readings and a hello at each wake. Measured are the first fill, as after an upgrade, and an hour
of the fleet. The first fill is that of some devices and days; what a year of 10,000 devices takes is told
from it, since each day is counted by itself. Seconds are those of a clock, which depend on what else the
machine does; CPU is that of the server's process, which depends on it less.
"""

import statistics
import time
from typing import Annotated, Any, Final, NamedTuple

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.postgres import server
from benchmarks.processes import process_seconds
from local.postgres import Postgres
from operate.schema.database import connect, value
from operate.schema.files import read
from operate.schema.upgrade import Upgrade
from tasks.rollups import AT_ONCE, COMPANIES_AT_ONCE

FLEET: Final = 10_000
YEAR: Final = 365
COMPANIES: Final = 20
EVERY_HOUR: Final = """
insert into public.companies (company_id, name)
select md5('company' || n)::uuid, 'a company' from generate_series(0, {companies} - 1) as n;
insert into public.devices (device_id, company_id, created_at)
select 'DEVICE' || n, md5('company' || n % {companies})::uuid, now() - make_interval(days => {days})
  from generate_series(1, {devices}) as n;
insert into public.device_configs (captures_per_day, created_at) values (24, '2020-01-01');
"""
WAKES: Final = """
insert into public.captures
  (device_id, company_id, device_capture_id, captured_at, image_bytes, ingest_status, storage_path,
   nacks_sent)
select d.device_id, d.company_id, 'image.jpg', at, 48000, 'stored', format('captures/%s/%s', n, at), 1
  from generate_series({since}, {until}, interval '1 hour') as at, generate_series(1, {devices}) as n
  join public.devices d on d.device_id = 'DEVICE' || n
 order by at, n;
insert into public.sensor_readings
  (capture_id, device_id, company_id, temperature_c, humidity_pct, pressure_hpa, gas_kohm, measured_at)
select capture_id, device_id, company_id, 20, 50, 1000, 10, captured_at from public.captures
 where captured_at >= {since} order by captured_at;
insert into public.device_status
  (message_key, device_id, company_id, battery_mv, battery_percent, wifi_rssi_dbm, received_at, created_at)
select gen_random_uuid(), device_id, company_id, 3900, 80, -60, captured_at, captured_at from public.captures
 where captured_at >= {since} order by captured_at;
"""
ONCE: Final = """
truncate fleet_private.touched_hours;
insert into fleet_private.touched_hours (device_id, hour) select device_id, {hour} from public.devices;
"""
TOGETHER: Final = """
with taken as (delete from fleet_private.touched_hours returning *)
insert into fleet_private.touched_hours select * from taken order by device_id;
"""
TRIGGERS: Final = {
    "captures": "captures_touch",
    "sensor_readings": "sensor_readings_touch",
    "device_status": "device_status_touch",
}
WAKE: Final = """
select public.record_hello(jsonb_build_object('device_id', 'DEVICE' || n, 'message_key', gen_random_uuid())),
       public.record_assembling(jsonb_build_array(p)), public.record_capture(p)
  from generate_series(1, {devices}) as n
 cross join lateral (select jsonb_build_object(
   'device_id', 'DEVICE' || n, 'image_name', gen_random_uuid(), 'captured_at', now(),
   'ingest_status', 'stored', 'storage_path', gen_random_uuid(),
   'sensors', jsonb_build_object('temperature_c', 20)) as p) as given
"""


class Refreshed(NamedTuple):
    """How many days were counted, in how long, how much of that was CPU, and the median of one call (s)."""

    days: int
    seconds: float
    cpu_s: float
    call_s: float


def main(
    devices: Annotated[int, typer.Option(min=10, help="devices of the first fill")] = 500,
    days: Annotated[int, typer.Option(min=2, help="days of the first fill")] = 60,
    fleet: Annotated[int, typer.Option(min=10, help="devices of the hour")] = FLEET,
) -> None:
    """Print what the first fill, an hour, and the triggers take."""
    console = Console(width=120)
    table = Table("counted", "days", "s", "CPU s", "CPU ms a day", "ms a call", box=None)
    with server(console) as running:
        first, of_companies, size = _first_fill(_database(running, "first"), devices, days)
        _add(table, f"{days} days of {devices:,} devices, for the first time", first)
        _add(table, f"these days of their {COMPANIES} companies", of_companies)
        hour, of_companies = _hour(_database(running, "hour"), fleet)
        _add(table, f"an hour of {fleet:,} devices", hour)
        _add(table, f"the day of their {COMPANIES} companies", of_companies)
        without, with_triggers = _triggers(_database(running, "triggers"), min(fleet, 300))
    console.print(table)
    year = first.cpu_s / first.days * FLEET * YEAR
    console.print(f"a year of {FLEET:,} devices, for the first time: {year / 3600:,.1f} h of CPU by that")
    console.print(f"a day of a device with its indexes: {size:,.0f} B; a year of {FLEET:,} devices:", end=" ")
    console.print(f"{size * FLEET * YEAR / 1e9:.1f} GB")
    console.print(
        f"a wake (hello, capture, readings): {with_triggers:.2f} ms in the database,"
        f" {without:.2f} without the triggers"
    )


def _add(table: Table, title: str, done: Refreshed) -> None:
    each = 1000 * done.cpu_s / done.days
    seconds = f"{done.seconds:,.1f}", f"{done.cpu_s:,.1f}"
    table.add_row(title, f"{done.days:,}", *seconds, f"{each:.2f}", f"{1000 * done.call_s:,.0f}")


def _database(server: Postgres, name: str) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return server.url(name)


def _first_fill(url: str, devices: int, days: int) -> tuple[Refreshed, Refreshed, float]:
    """Count what was there before, and add it up for the companies; give with it the size of a day (B)."""
    with connect(url) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        since = f"date_trunc('hour', now()) - interval '{days} days'"
        _run(connection, EVERY_HOUR, devices=devices, days=days)
        connection.execute("set session_replication_role = replica")  # without triggers
        _run(connection, WAKES, devices=devices, since=since, until="now()")
        connection.execute("set session_replication_role = origin")
        connection.execute(
            "insert into fleet_private.day_clocks (device_id, heard_since)"
            " select device_id, created_at from public.devices"
        )
        connection.execute("vacuum analyze")
        done, of_companies = _refresh(connection), _refresh_companies(connection)
        size = value(
            connection,
            "select pg_total_relation_size('public.capture_days')::float8 / count(*)"
            " from public.capture_days",
        )
        return done, of_companies, size


def _hour(url: str, devices: int) -> tuple[Refreshed, Refreshed]:
    """Count an hour in which each device has woken; its day is half over."""
    with connect(url) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        _run(connection, EVERY_HOUR, devices=devices, days=1)
        noon = "date_trunc('day', now()) - interval '12 hours'"
        _run(
            connection,
            WAKES,
            devices=devices,
            since="date_trunc('day', now()) - interval '1 day'",
            until=noon,
        )
        # What was written hour by hour is counted once.
        _run(connection, ONCE, hour=noon)
        _refresh(connection, f"{noon} + interval '30 minutes'")
        _refresh_companies(connection)
        _run(
            connection,
            WAKES,
            devices=devices,
            since=f"{noon} + interval '1 hour'",
            until=f"{noon} + interval '1 hour'",
        )
        # What is noted of one wake lies together, as where devices wake one after the other.
        _run(connection, TOGETHER)
        connection.execute("vacuum analyze")
        done = _refresh(connection, f"{noon} + interval '1 hour 5 minutes'")
        return done, _refresh_companies(connection)


def _triggers(url: str, devices: int) -> tuple[float, float]:
    """Return the time of a wake in the database (ms), without and with the triggers: medians of five."""
    times: dict[str, list[float]] = {"disable": [], "enable": []}
    with connect(url) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        _run(connection, EVERY_HOUR, devices=devices, days=1)
        for _ in range(5):
            for state, found in times.items():
                for name, trigger in TRIGGERS.items():
                    connection.execute(f"alter table public.{name} {state} trigger {trigger}".encode())
                began = time.perf_counter()
                _run(connection, WAKE, devices=devices)
                found.append(1000 * (time.perf_counter() - began) / devices)
    return statistics.median(times["disable"]), statistics.median(times["enable"])


def _refresh(connection: psycopg.Connection[Any], at: str = "now()") -> Refreshed:
    return _until_done(connection, f"select public.refresh_capture_days({AT_ONCE}, {at})")


def _refresh_companies(connection: psycopg.Connection[Any]) -> Refreshed:
    return _until_done(connection, f"select public.refresh_company_days({COMPANIES_AT_ONCE})")


def _until_done(connection: psycopg.Connection[Any], call: str) -> Refreshed:
    process = value(connection, "select pg_backend_pid()")
    calls: list[float] = []
    days, more = 0, True
    cpu = process_seconds(process)
    while more:
        began = time.perf_counter()
        done = value(connection, call)
        calls.append(time.perf_counter() - began)
        days, more = days + done["days"], done["more"]
    return Refreshed(days, sum(calls), process_seconds(process) - cpu, statistics.median(calls))


def _run(connection: psycopg.Connection[Any], text: str, **values: object) -> None:
    connection.execute(text.format(companies=COMPANIES, **values).encode())


if __name__ == "__main__":
    typer.run(main)
