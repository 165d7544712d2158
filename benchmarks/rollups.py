"""What counting the days of devices takes: `python -m benchmarks.rollups`.

A PostgreSQL server of its own, with the real files of `sql/`, gets a fleet that wakes once an hour, with a
picture, its readings and a hello at each wake. Measured are the first fill, as after an upgrade, and an hour
of the fleet. The first fill is that of some devices and days; what a year of 10,000 devices takes is told
from it, since each day is counted by itself.
"""

import statistics
import time
from typing import Annotated, Any, Final, NamedTuple

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.postgres import server
from local.postgres import Postgres
from operate.schema.database import connect, value
from operate.schema.files import read
from operate.schema.upgrade import Upgrade
from tasks.rollups import AT_ONCE

FLEET: Final = 10_000
YEAR: Final = 365
EVERY_HOUR: Final = """
insert into public.devices (device_id, created_at)
select 'DEVICE' || n, now() - make_interval(days => {days}) from generate_series(1, {devices}) as n;
insert into public.device_configs (captures_per_day, created_at) values (24, '2020-01-01');
"""
WAKES: Final = """
insert into public.captures
  (device_id, device_capture_id, captured_at, image_bytes, ingest_status, storage_path, nacks_sent)
select 'DEVICE' || n, 'image.jpg', at, 48000, 'stored', format('captures/%s/%s', n, at), 1
  from generate_series({since}, {until}, interval '1 hour') as at, generate_series(1, {devices}) as n
 order by at, n;
insert into public.sensor_readings
  (capture_id, device_id, temperature_c, humidity_pct, pressure_hpa, gas_kohm, measured_at)
select capture_id, device_id, 20, 50, 1000, 10, captured_at from public.captures
 where captured_at >= {since} order by captured_at;
insert into public.device_status
  (message_key, device_id, battery_mv, battery_percent, wifi_rssi_dbm, received_at, created_at)
select gen_random_uuid(), device_id, 3900, 80, -60, captured_at, captured_at from public.captures
 where captured_at >= {since} order by captured_at;
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
    """How many days were counted, in how long, and the median of one call (s)."""

    days: int
    seconds: float
    call_s: float


def main(
    devices: Annotated[int, typer.Option(min=10, help="devices of the first fill")] = 500,
    days: Annotated[int, typer.Option(min=2, help="days of the first fill")] = 60,
    fleet: Annotated[int, typer.Option(min=10, help="devices of the hour")] = FLEET,
) -> None:
    """Print what the first fill, an hour, and the triggers take."""
    console = Console(width=120)
    table = Table("counted", "days", "s", "ms a day", "ms a call", box=None)
    with server(console) as running:
        first, size = _first_fill(_database(running, "first"), devices, days)
        _add(table, f"{days} days of {devices:,} devices, for the first time", first)
        hour = _hour(_database(running, "hour"), fleet)
        _add(table, f"an hour of {fleet:,} devices", hour)
        without, with_triggers = _triggers(_database(running, "triggers"), min(fleet, 300))
    console.print(table)
    year = first.seconds / first.days * FLEET * YEAR
    console.print(f"a year of {FLEET:,} devices, for the first time: {year / 60:,.0f} min by that")
    console.print(f"a day of a device with its indexes: {size:,.0f} B; a year of {FLEET:,} devices:", end=" ")
    console.print(f"{size * FLEET * YEAR / 1e9:.1f} GB")
    console.print(
        f"a wake (hello, capture, readings): {with_triggers:.2f} ms in the database,"
        f" {without:.2f} without the triggers"
    )


def _add(table: Table, title: str, done: Refreshed) -> None:
    each = 1000 * done.seconds / done.days
    table.add_row(
        title, f"{done.days:,}", f"{done.seconds:,.1f}", f"{each:.2f}", f"{1000 * done.call_s:,.0f}"
    )


def _database(server: Postgres, name: str) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return server.url(name)


def _first_fill(url: str, devices: int, days: int) -> tuple[Refreshed, float]:
    """Count what was there before; give with it the size of a day (B)."""
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
        done = _refresh(connection)
        size = value(
            connection,
            "select pg_total_relation_size('public.capture_days')::float8 / count(*)"
            " from public.capture_days",
        )
        return done, size


def _hour(url: str, devices: int) -> Refreshed:
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
        at = f"{noon} + interval '30 minutes'"
        _refresh(connection, at)
        _run(
            connection,
            WAKES,
            devices=devices,
            since=f"{noon} + interval '1 hour'",
            until=f"{noon} + interval '1 hour'",
        )
        connection.execute("vacuum analyze")
        return _refresh(connection, f"{noon} + interval '1 hour 5 minutes'")


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
    calls: list[float] = []
    days, more = 0, True
    while more:
        began = time.perf_counter()
        done = value(connection, f"select public.refresh_capture_days({AT_ONCE}, {at})")
        calls.append(time.perf_counter() - began)
        days, more = days + done["days"], done["more"]
    return Refreshed(days, sum(calls), statistics.median(calls))


def _run(connection: psycopg.Connection[Any], text: str, **values: object) -> None:
    connection.execute(text.format(**values).encode())


if __name__ == "__main__":
    typer.run(main)
