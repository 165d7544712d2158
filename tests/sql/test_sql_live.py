"""The service and its users go on while the database is upgraded, and no call fails for longer than its retry."""

import itertools
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from catalog import describe
from data_api import data_api
from sql_postgres import SQL, Database, Server
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random
from upgrades import USER, counts, upgrade

from core.errors import Transient
from core.settings import WorkerSettings
from core.supabase import SupabaseGateway
from operate.schema.database import PATIENCE_S
from operate.schema.files import File, read

# What a next version may bring, each on tables that the service writes to all the time.
NEXT = {
    # With a default for new rows, or the fill would go on for as long as some come.
    "9001_column": "alter table public.captures add column site text, alter column site set default 'north';\n"
    "alter table public.device_publish_log add column site text;",
    "9002_fill": "-- run: batches of public.captures\n"
    "update public.captures set site = 'north' where ctid >= :first and ctid < :last and site is null;",
    "9003_indexes": "-- run: concurrently\n"
    "create index concurrently if not exists captures_site_idx on public.captures (site, created_at desc);\n"
    "create index concurrently if not exists device_commands_status_idx on public.device_commands (status);",
    "9004_check": "alter table public.captures drop constraint captures_ingest_status_check,\n"
    "  add constraint captures_ingest_status_check\n"
    "  check (ingest_status in ('assembling', 'partial', 'stored', 'failed')) not valid;",
    "9005_validate": "alter table public.captures validate constraint captures_ingest_status_check;",
    "9006_dropped": "alter table public.device_publish_log drop column site;",
}
TRIES = 5
CALLS = 5


@pytest.fixture
def next_version(tmp_path: Path) -> list[File]:
    """The files of now, and some more migrations."""
    shutil.copytree(SQL, tmp_path / "sql")
    for name, text in NEXT.items():
        (tmp_path / "sql" / "migrations" / f"{name}.sql").write_text(f"{text}\n")
    return read(tmp_path / "sql")


def default(setting: str) -> float:
    """Give what a worker has where its environment says nothing."""
    return float(WorkerSettings.model_fields[setting].default)


class Traffic:
    """Callers that call again and again, until told to stop."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._stop = threading.Event()
        self._calls: list[Iterator[int]] = []
        self._counts: list[int] = []
        self._changed = threading.Condition()
        self._callers: list[Future[None]] = []

    def add(self, call: Callable[[int], object]) -> None:
        """Add a caller; `call` gets a number that grows."""
        self._counts.append(0)
        self._callers.append(self._pool.submit(self._run, len(self._counts) - 1, call))

    def _run(self, caller: int, call: Callable[[int], object]) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            patient = Retrying(
                retry=retry_if_exception_type((Transient, psycopg.OperationalError)),
                stop=stop_after_attempt(TRIES),
                wait=wait_random(0.1, 0.5),
                reraise=True,
            )
            patient(call, number)
            with self._changed:
                self._counts[caller] += 1
                self._changed.notify_all()

    def wait_for_calls(self) -> None:
        """Wait until each caller was answered some times more."""
        with self._changed:
            wanted = [count + CALLS for count in self._counts]
            while any(have < want for have, want in zip(self._counts, wanted, strict=True)):
                self._raise()
                self._changed.wait(0.2)

    def _raise(self) -> None:
        for caller in self._callers:
            if caller.done():
                caller.result()

    def stop(self) -> list[int]:
        """End all callers and return how often each was answered; raise what any of them has met."""
        self._stop.set()
        for caller in self._callers:
            caller.result(60)
        return self._counts


def service(traffic: Traffic, worker: SupabaseGateway, quick: SupabaseGateway) -> None:
    """Do what workers do, for devices of their own and for one that they share."""

    def hello(number: int) -> None:
        device = ("SHARED", f"HELLO{number % 7}")[number % 2]
        answer = quick.call(
            "record_hello", p_hello={"device_id": device, "message_key": f"hello {number}", "status": "alive"}
        )
        assert "next_wake_at" in answer

    def capture(name: str) -> Callable[[int], None]:
        def record(number: int) -> None:
            of = {"device_id": name, "image_name": f"{number}.jpg", "captured_at": "2026-01-01T00:00:00Z"}
            worker.call(
                "record_assembling",
                p_captures=[of, {**of, "device_id": "SHARED", "image_name": f"{name}{number}.jpg"}],
            )
            path = f"captures/{name}/2026/01/01/{number}.jpg"
            answer = worker.call(
                "record_capture",
                p_capture={
                    **of,
                    "ingest_status": "stored",
                    "storage_path": path,
                    "sensors": {"temperature_c": 21},
                },
            )
            assert answer["ingest_status"] == "stored"

        return record

    def commands(number: int) -> None:
        for command in worker.call("claim_commands", p_limit=100, p_at="2026-01-01T00:00:00Z"):
            worker.call("finish_command", p={"command_id": command["command_id"], "status": "done"})
        worker.call("fail_stale_captures")

    def log(number: int) -> None:
        worker.call(
            "record_log",
            p_messages=[
                {
                    "key": f"log {number}",
                    "device_id": "SHARED",
                    "topic": "t",
                    "direction": "in",
                    "payload": {},
                }
            ],
            p_errors=[{"key": f"error {number}", "device_id": "SHARED", "error_code": 2201}],
        )

    for call in (hello, capture("ONE"), capture("TWO"), commands, log):
        traffic.add(call)


def user(database: Database) -> Callable[[int], None]:
    """Read as a page of a signed-in user does."""

    def read_rows(number: int) -> None:
        with psycopg.connect(database.url) as connection:
            connection.execute("set local role authenticated")
            connection.execute("select set_config('request.jwt.claim.sub', %s, true)", [USER])
            found = connection.execute(
                "select device_id from public.captures order by created_at desc limit 20"
            ).fetchall()
            assert {device for (device,) in found} == {"AABBCCDDEEFF"}
            # A device has so many open commands at most, and nobody says how soon a worker finishes them.
            connection.execute(
                "insert into public.device_commands (device_id, type) select 'AABBCCDDEEFF', 'capture_image' where "
                "(select count(*) from public.device_commands where status in ('queued', 'sent')) < 10"
            )

    return read_rows


# On a machine that is busy with others, each of some hundred files waits longer for its moment.
@pytest.mark.timeout(900)
def test_the_service_goes_on_while_the_database_is_upgraded(
    postgres: Server, version_2: Database, next_version: list[File]
) -> None:
    before = counts(version_2)
    holds, gives_way = threading.Event(), threading.Event()

    def tell(line: str) -> None:
        if "waits until its tables are free" in line:
            gives_way.set()

    def long_query(number: int) -> None:
        """Keep the tables of the service from the upgrade, until it has given way once."""
        with psycopg.connect(version_2.url) as connection:
            connection.execute("select from public.captures, public.devices, public.device_status limit 1")
            holds.set()
            gives_way.wait(30)

    with (
        data_api(version_2) as api,
        api.gateway(default("supabase_timeout_s")) as worker,
        api.gateway(default("hello_timeout_s")) as quick,
        ThreadPoolExecutor(8) as pool,
    ):
        traffic = Traffic(pool)
        service(traffic, worker, quick)
        traffic.add(user(version_2))
        try:
            traffic.wait_for_calls()
            traffic.add(long_query)
            assert holds.wait(30)
            upgrade(version_2, read(), tell, PATIENCE_S)
            assert gives_way.is_set()
            traffic.wait_for_calls()
            upgrade(version_2, next_version, tell, PATIENCE_S)
            traffic.wait_for_calls()
        finally:
            answered = traffic.stop()

    fresh = postgres.database()
    upgrade(fresh, next_version, tell)
    assert describe(version_2) == describe(fresh)
    # What was there and what was answered is there.
    after = counts(version_2)
    assert all(after[table] >= rows for table, rows in before.items())
    hellos, one, two, _, logged, *_ = answered
    assert version_2.value("select count(*) from public.captures where device_id = 'ONE'") == one
    assert version_2.value("select count(*) from public.captures where device_id = 'TWO'") == two
    assert after["device_status"] == before["device_status"] + hellos
    assert after["device_publish_log"] == before["device_publish_log"] + logged
