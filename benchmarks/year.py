"""Whether a year of a fleet makes calls slower: `python -m benchmarks.year`.

A PostgreSQL server of its own gets a fleet of 10,000 devices of 20 companies with 10.7 million pictures of a
year (`year.sql`), and two smaller databases: a company of 20 devices alone with its last month, and the whole
fleet with its last month. The company has the same rows in all three, so a call that is answered with as much
must not take longer among 10,000 devices and a year than in a database that has hardly anything else.

Measured are what records a wake, what the service calls again and again, and what each page of the console
asks under row level security, in turn in both databases, while both are vacuumed. `--directory` keeps what
was filled in, for the next time.
"""

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, NamedTuple, TypeVar

import psycopg
import typer
from psycopg.types.string import TextLoader
from rich.console import Console
from rich.table import Table

from benchmarks.photograph import device_ids
from benchmarks.postgres import MEMORY
from benchmarks.wakes import Calls, Wakes
from benchmarks.year_fill import Fleet, prepare
from local.postgres import Postgres, missing_binary
from operate.schema.database import connect, value

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results"
WAKES_A_DAY: Final = 3
YEAR: Final = 365
MONTH: Final = 31
# The company of 20 devices, in all databases, and the one with half of the fleet.
SMALL: Final = (20, device_ids(20))
LARGE: Final = (1, device_ids(40)[20:])
TARGET: Final = 1.5
# A call is measured so often in each round, once if it takes long.
AT_ONCE: Final = 5
LONG_MS: Final = 100
SETTINGS: Final = MEMORY | {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_planning": "on",
    "pg_stat_statements.track_utility": "off",
    # What is loaded into a table that the same transaction has emptied needs no WAL.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "15s",
}
SPENT: Final = """
select coalesce(sum(total_plan_time + total_exec_time), 0),
       coalesce(sum(shared_blks_hit + shared_blks_read), 0)
  from pg_stat_statements where dbid = (select oid from pg_database where datname = %s)
"""
RESET: Final = "select pg_stat_statements_reset(0, (select oid from pg_database where datname = %s), 0)"
PICTURE: Final = """
select capture_id::text, thumbnail_path from public.captures
 where device_id = %s and ingest_status = 'stored' order by captured_at desc limit 1
"""

Connection = psycopg.Connection[Any]
Result = TypeVar("Result")


class Cost(NamedTuple):
    """What a call took by the server's clock, of CPU, by the caller's clock (ms), pages, characters told."""

    server_ms: float
    cpu_ms: float
    wall_ms: float
    blocks: float
    answer: float


class Call(NamedTuple):
    """A call, and what is done before it and not measured."""

    title: str
    before: str
    text: str


class Database:
    """A session in one of the databases, and what its calls have cost."""

    def __init__(self, server: Postgres, name: str, watch: Connection, at_once: int) -> None:
        self.name = name
        self._at_once = at_once
        self.connection = connect(server.url(name), lambda _: None)
        self.calls = connect(server.url(name), lambda _: None)
        self.calls.execute("set role service_role")
        # Whoever asks over HTTP gets text.
        for kind in ("json", "jsonb"):
            self.connection.adapters.register_loader(kind, TextLoader)
        self._watch = watch
        self.costs: dict[str, list[Cost]] = {}

    def metered(self, title: str, connection: Connection, act: Callable[[], Result]) -> Result:
        """Do something on a connection and note what it has cost."""
        cpu_of = Path(f"/proc/{connection.info.backend_pid}/schedstat")
        self._watch.execute(RESET, [self.name])
        cpu, began = int(cpu_of.read_text().split()[0]), time.perf_counter()
        answer = act()
        wall, cpu = time.perf_counter() - began, int(cpu_of.read_text().split()[0]) - cpu
        row = self._watch.execute(SPENT, [self.name]).fetchone()
        assert row is not None  # noqa: S101
        cost = Cost(float(row[0]), cpu / 1e6, 1000 * wall, float(row[1]), len(str(answer)))
        self.costs.setdefault(title, []).append(cost)
        return answer

    def ask(self, group: str, call: Call, signed_in: str, values: dict[str, str]) -> None:
        """Do a call some times, and undo it each time; the first time ever it is not counted."""
        before, text = (_filled(part, values) for part in (call.before, call.text))
        title = f"{group}: {call.title}"
        if title not in self.costs:
            self._once(title, before, text, signed_in)
            self.costs[title].clear()
        for _ in range(self._at_once):
            if self._once(title, before, text, signed_in) > LONG_MS:
                break

    def _once(self, title: str, before: str, text: str, signed_in: str) -> float:
        connection = self.connection
        with connection.transaction(force_rollback=True):
            connection.execute(signed_in.encode())
            if before:
                connection.execute(before.encode())
            self.metered(title, connection, lambda: connection.execute(text.encode()).fetchall())
        return self.costs[title][-1].server_ms

    def median(self, title: str) -> Cost:
        """Return the medians of all times."""
        return Cost(*(statistics.median(numbers) for numbers in zip(*self.costs[title], strict=True)))


class MeteredCalls(Calls):
    """The calls of the service's own code, each a transaction, with their costs."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.calls)
        self._database = database

    def call(self, function: str, **parameters: Any) -> Any:
        """Call a function as the service."""
        act = partial(super().call, function, **parameters)
        return self._database.metered(f"wake: {function}", self._database.calls, act)


def calls_of(path: Path) -> list[Call]:
    """Read the calls of a file: blocks with a title, and statements of which the last one is measured."""
    found = []
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        title, _, body = block.strip().partition("\n")
        if body and not body.startswith("--"):
            before, between, text = body.removesuffix(";").rpartition(";\n")
            found.append(Call(title.removeprefix("-- "), before + between, text))
    return found


def main(
    captures: Annotated[
        int, typer.Option(min=30_000, help="about so many pictures of the year")
    ] = 10_950_000,
    directory: Annotated[Path | None, typer.Option(help="keeps the cluster, for the next time")] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    output: Annotated[Path, typer.Option(help="where year.json is written")] = RESULTS,
    *,
    tiny: Annotated[bool, typer.Option("--tiny", help="only see whether everything runs")] = False,
) -> None:
    """Fill the databases unless the directory has them, and print what calls take in each."""
    console = Console(width=150, highlight=False)
    if missing := missing_binary():
        console.print(f"there is no {missing} on PATH; the benchmark needs PostgreSQL")
        raise typer.Exit(1)
    days, month, rounds = (12, 5, 1) if tiny else (YEAR, MONTH, rounds)
    devices = 60 if tiny else captures // (YEAR * WAKES_A_DAY)
    sizes = {"few": (len(SMALL[1]), month), "month": (devices, month), "year": (devices, days)}
    with ExitStack() as stack:
        where = directory or Path(stack.enter_context(TemporaryDirectory()))
        where.mkdir(parents=True, exist_ok=True)
        server = Postgres(where, **SETTINGS).start()
        stack.callback(server.stop)
        prepare(server, [Fleet(name, *size) for name, size in sizes.items()], console)
        found = _measured(server, rounds, 1 if tiny else AT_ONCE)
        figures = {
            "devices": devices,
            "captures": value(connect(server.url("year")), "select count(*) from public.captures"),
            "bytes": value(connect(server.url()), "select pg_database_size('year')"),
            "rounds": rounds,
            "date": datetime.now(UTC).date().isoformat(),
            "calls": found,
        }
    output.mkdir(parents=True, exist_ok=True)
    (output / "year.json").write_text(json.dumps(figures, indent=1) + "\n")
    console.print(_table(figures))


def _measured(server: Postgres, rounds: int, at_once: int) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        watch = stack.enter_context(connect(server.url()))
        watch.execute("create extension if not exists pg_stat_statements")
        few, month, year = (Database(server, name, watch, at_once) for name in ("few", "month", "year"))
        for database in (few, month, year):
            stack.enter_context(database.connection)
            stack.enter_context(database.calls)
            stack.enter_context(_vacuumed(server.url(database.name)))
        files = {name: calls_of(HERE / f"{name}.sql") for name in ("service", "service_of_fleet", "pages")}
        as_service = "set local role service_role"
        wakes = {database: Wakes(MeteredCalls(database), int(time.time())) for database in (few, year)}
        for number in range(rounds):
            values = {size: _values(*who, number) for size, who in (("small", SMALL), ("large", LARGE))}
            for call in files["service"]:
                for database in (few, year):
                    database.ask("service", call, as_service, {})
            for call in files["service_of_fleet"]:
                for database in (month, year):
                    database.ask("fleet", call, as_service, {})
            for call in files["pages"]:
                for database, size in ((few, "small"), (year, "small"), (month, "large"), (year, "large")):
                    who, said = values[size]
                    database.ask(size, call, _as_user(who), said | _picture(database, said["device"]))
            for device_id in SMALL[1]:
                for made in wakes.values():
                    made.wake(device_id, datetime.now(UTC))
        return [_compared(title, year, few if title in few.costs else month) for title in year.costs]


def _compared(title: str, year: Database, other: Database) -> dict[str, Any]:
    large, small = year.median(title), other.median(title)
    return {
        "call": title,
        "against": other.name,
        "ms": round(large.server_ms, 3),
        "reference_ms": round(small.server_ms, 3),
        "ratio": round(large.server_ms / small.server_ms, 3),
        "cpu_ms": round(large.cpu_ms, 3),
        "cpu_ratio": round(large.cpu_ms / small.cpu_ms, 3),
        "wall_ms": round(large.wall_ms, 3),
        "wall_ratio": round(large.wall_ms / small.wall_ms, 3),
        "blocks": large.blocks,
        "reference_blocks": small.blocks,
        "answer_ratio": round(large.answer / small.answer, 3),
        "times": len(year.costs[title]),
    }


def _values(company: int, devices: list[str], number: int) -> tuple[int, dict[str, str]]:
    """Return the company and what its pages are asked about: in each round another device."""
    device = devices[number % len(devices)]
    return company, {
        "device": f"'{device}'",
        "site": f"md5('site{company}/1')::uuid",
        "channel": f"md5('channel{company}')::uuid",
    }


def _picture(database: Database, device: str) -> dict[str, str]:
    row = database.calls.execute(PICTURE, [device.strip("'")]).fetchone()
    assert row is not None  # noqa: S101
    return {"picture": f"'{row[0]}'", "thumbnail": f"'{row[1]}'"}


def _filled(text: str, values: dict[str, str]) -> str:
    for name, said in values.items():
        text = text.replace(f":{name}", said)
    return text


def _as_user(company: int) -> str:
    return (
        f"select set_config('request.jwt.claim.sub', md5('user{company}')::uuid::text, true);"
        " set local role authenticated"
    )


@contextmanager
def _vacuumed(url: str) -> Iterator[None]:
    """Vacuum the large tables again and again for a block, as slowly as autovacuum does it."""
    over = threading.Event()
    with connect(url, lambda _: None) as connection:
        connection.execute("set vacuum_cost_delay = '2ms'")

        def vacuum() -> None:
            try:
                while not over.wait(1):
                    for table in ("captures", "sensor_readings", "capture_days", "devices"):
                        connection.execute(f"vacuum (analyze) public.{table}".encode())
            except psycopg.errors.QueryCanceled:
                return

        thread = threading.Thread(target=vacuum)
        thread.start()
        try:
            yield
        finally:
            over.set()
            connection.cancel()
            thread.join()


def _table(figures: dict[str, Any]) -> Table:
    title = f"{figures['captures']:,} pictures of {figures['devices']:,} devices"
    table = Table(
        title,
        "against",
        "ms",
        "there, ms",
        "ratio",
        "of CPU",
        "wall, ms",
        "pages",
        "there",
        "answer",
        box=None,
    )
    for call in figures["calls"]:
        table.add_row(
            call["call"],
            call["against"],
            f"{call['ms']:,.2f}",
            f"{call['reference_ms']:,.2f}",
            f"{call['ratio']:.2f}",
            f"{call['cpu_ratio']:.2f}",
            f"{call['wall_ms']:,.2f}",
            f"{call['blocks']:,.0f}",
            f"{call['reference_blocks']:,.0f}",
            f"{call['answer_ratio']:.2f}",
        )
    return table


if __name__ == "__main__":
    typer.run(main)
