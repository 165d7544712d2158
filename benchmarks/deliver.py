"""What events cost: `python -m benchmarks.deliver`.

In the database, on a PostgreSQL server of its own with the real files of `sql/`: how long `record_capture`
takes without the triggers of events, with them while no channel takes a picture, and with a channel that
does; and how long a claim takes while thousands of deliveries wait for channels that hang.

Then on the whole way of a picture: how long devices wait for their ACK while nothing is delivered, and while
the same worker has all its threads for deliveries at receivers that never answer, and more is due.
"""

import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import measures
from benchmarks.measures import Size
from benchmarks.postgres import server
from benchmarks.processes import process_seconds
from benchmarks.rig import Rig
from core import dispatch
from local.ports import LOOPBACK
from operate.schema.database import connect, value
from operate.schema.files import read
from operate.schema.upgrade import Upgrade

ROUNDS: Final = 5
TRIGGERS: Final = {
    "captures": ("captures_emit",),
    "devices": ("devices_emit", "devices_emit_new"),
    "device_commands": ("device_commands_emit",),
}
FLEET: Final = """
insert into public.companies (name) values ('a company');
insert into public.devices (device_id, company_id)
select 'DEVICE' || n, company_id from public.companies, generate_series(1, 500) as n;
insert into public.alert_channels (company_id, name, kind, target, event_types)
select company_id, 'alerts ' || n, 'webhook', '', '{alert.opened}'
  from public.companies, generate_series(1, 5) as n;
"""
RECORD: Final = """
select public.record_capture(jsonb_build_object(
  'device_id', 'DEVICE' || (1 + %(n)s %% 500), 'image_name', 'image_' || %(n)s, 'ingest_status', 'stored',
  'storage_path', 'captures/' || %(n)s, 'image_sha256', repeat('a', 64),
  'sensors', '{"temperature_c": 20}'::jsonb))
"""
# Receivers of many companies hang, and so much waits for each of them.
WAITING: Final = """
insert into public.companies (name) select 'hangs ' || n from generate_series(1, %(channels)s) as n;
insert into public.alert_channels (company_id, name, kind, target, event_types, failures, next_try_at)
select company_id, 'x', 'webhook', '', '{}', 9, %(next_try_at)s
  from public.companies where name like 'hangs %%';
insert into fleet_private.events (event_id, type, payload)
select gen_random_uuid(), 'capture.stored', '{}' from generate_series(1, %(each)s);
insert into fleet_private.deliveries (channel_id, number, event_id, line, type)
select c.channel_id, e.number, e.event_id, 'DEVICE' || e.number %% 500, e.type
  from public.alert_channels c, fleet_private.events e where c.failures = 9;
"""
Connection = psycopg.Connection[tuple[Any, ...]]


def main(
    captures: Annotated[int, typer.Option(min=10)] = 1000,
    channels: Annotated[int, typer.Option(min=1, help="that hang")] = 20,
    waiting: Annotated[int, typer.Option(min=1, help="deliveries for each of them")] = 5000,
    seconds: Annotated[float, typer.Option(min=1)] = 20.0,
    devices: Annotated[int, typer.Option(min=1)] = 8,
) -> None:
    """Print the figures."""
    console = Console(width=110)
    with server(console) as running, connect(running.url()) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        connection.execute(FLEET.encode())
        console.print(_recording(connection, captures))
        console.print(_claiming(connection, channels, waiting))
    console.print(_acknowledging(Size(seconds=seconds, warm_up_s=2.0), devices))


def _recording(connection: Connection, captures: int) -> Table:
    """Measure `record_capture` in the three situations, in turns; CPU is that of the database's process."""
    table = Table(f"record_capture, {captures:,} each", "ms", "ms of CPU", box=None)
    process = value(connection, "select pg_backend_pid()")
    situations = ("without the triggers", "no channel takes it", "a channel takes it")
    times: dict[str, list[float]] = {situation: [] for situation in situations}
    cpu_s = dict.fromkeys(situations, 0.0)
    number = 0
    for _ in range(ROUNDS):
        for situation, found in times.items():
            for name, triggers in TRIGGERS.items():
                state = "disable" if situation == "without the triggers" else "enable"
                for trigger in triggers:
                    connection.execute(f"alter table public.{name} {state} trigger {trigger}".encode())
            takes = "capture.stored" if situation == "a channel takes it" else "alert.opened"
            connection.execute("update public.alert_channels set event_types = array[%s]", [takes])
            before = process_seconds(process)
            for _ in range(captures // ROUNDS):
                number += 1
                began = time.perf_counter()
                connection.execute(RECORD, {"n": number})
                found.append(1000 * (time.perf_counter() - began))
            cpu_s[situation] += process_seconds(process) - before
    for situation, found in times.items():
        cpu_ms = 1000 * cpu_s[situation] / len(found)
        table.add_row(situation, f"{statistics.median(found):.3f}", f"{cpu_ms:.3f}")
    return table


def _claiming(connection: Connection, channels: int, waiting: int) -> Table:
    """Measure a claim while nothing waits, and while much waits for channels that rest, or that are due."""
    table = Table(f"a claim of 8; {waiting:,} wait for each of {channels} channels", "ms", box=None)
    connection.execute("truncate fleet_private.events, fleet_private.deliveries")
    table.add_row("nothing waits", _claim_ms(connection))
    for next_try_at, title in (("infinity", "they rest"), ("-infinity", "all are due")):
        connection.execute("delete from public.companies where name like 'hangs %'")
        connection.execute("truncate fleet_private.events")
        values = {"channels": channels, "each": waiting, "next_try_at": next_try_at}
        for statement in WAITING.split(";")[:-1]:
            connection.execute(statement.encode(), values)
        connection.execute("vacuum analyze")
        table.add_row(title, _claim_ms(connection))
    return table


def _claim_ms(connection: Connection) -> str:
    found = []
    for _ in range(ROUNDS):
        with connection.transaction(force_rollback=True):
            began = time.perf_counter()
            connection.execute("select public.claim_deliveries(8, 4)")
            found.append(1000 * (time.perf_counter() - began))
    return f"{statistics.median(found):.1f}"


@contextmanager
def _hanging() -> Iterator[str]:
    """Listen, and never answer; yields the address."""
    with socket.create_server((LOOPBACK, 0), backlog=1024) as listening:
        yield f"http://{LOOPBACK}:{listening.getsockname()[1]}/"


@contextmanager
def _beat(rig: Rig) -> Iterator[None]:
    """Send the task that delivers every two seconds, as beat does."""
    over = threading.Event()
    app = dispatch.make_app()
    app.conf.broker_url = rig.redis_server.database_url(1)

    def send() -> None:
        while not over.wait(2.0):
            app.send_task(dispatch.DELIVER_EVENTS)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()
        app.close()


def _acknowledging(size: Size, devices: int) -> Table:
    """Measure the time to the ACK without and with deliveries that hang, in turns."""
    table = Table(f"ACKs of {devices} devices", "p50, ms", "p95, ms", "captures/s", box=None)
    found: dict[str, list[dict[str, Any]]] = {
        "nothing is delivered": [],
        "all threads for deliveries hang": [],
    }
    with (
        _hanging() as url,
        Rig(settings={"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8"}) as rig,
    ):
        rig.start("listener", "worker")
        number = 0
        with _beat(rig):
            for _ in range(3):
                for situation, figures in found.items():
                    number += 10_000
                    rig.stub.answer("claim_deliveries", _claimed(url) if situation.startswith("all") else [])
                    figures.append(measures.fleet(rig, size, devices, 50, number))
    for situation, figures in found.items():
        middle = [
            statistics.median(each[name] for each in figures)
            for name in ("ack_ms", "ack_p95_ms", "captures_per_s")
        ]
        table.add_row(situation, *(f"{value:.1f}" for value in middle))
    return table


def _claimed(url: str) -> list[dict[str, Any]]:
    """Eight messages, as `claim_deliveries` gives them; there are more whenever it is asked."""
    return [
        {
            "channel_id": f"channel {number}", "kind": "webhook", "name": "x", "target": url,
            "secrets": ["whsec_AAAA"], "is_member": True, "is_probe": False, "claim": "",
            "events": [{"number": 1, "body": json.dumps({"id": "x"})}],
        }
        for number in range(8)
    ]  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
