"""Changes of every kind as upgrades of a small schema: by the command, and by the file for editors, to one catalog."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from catalog import describe
from sql_postgres import Database, Server, SqlError
from upgrades import Folder, upgrade, upgrade_in_editor

from operate.schema.files import SchemaError
from operate.schema.run import BATCH_PAGES

TABLE = """
create table public.things (
  thing_id integer primary key, size integer, colour text,
  constraint things_size_check check (size < 10)
);
select fleet_private.close_tables('public.things');
"""
FUNCTION = """
create or replace function public.find_thing({parameters}) returns integer language sql stable set search_path = ''
  return {result};
select fleet_private.set_callers('service', 'public.find_thing');
"""
START = {"m0001": TABLE, "r10": FUNCTION.format(parameters="p_size integer", result="p_size")}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def things(folder: Folder, empty_database: Database) -> Database:
    """A database with the small schema, and rows."""
    upgrade(empty_database, folder.write(**START))
    empty_database.run("insert into public.things select n, n % 10, 'red' from generate_series(1, 100) as n")
    return empty_database


CHANGES = {
    "a changed check": {
        "m0002": "alter table public.things drop constraint things_size_check,"
        " add constraint things_size_check check (size < 20) not valid;",
        "m0003": "alter table public.things validate constraint things_size_check;",
    },
    "a new parameter": {
        "r10": FUNCTION.format(parameters="p_size integer, p_colour text default null", result="p_size + 1")
    },
    "another result": {
        "m0002": "drop function if exists public.find_thing(integer);",
        "r10": FUNCTION.format(parameters="p_size integer", result="p_size::bigint").replace(
            "returns integer", "returns bigint"
        ),
    },
    "a dropped column": {"m0002": "alter table public.things drop column if exists colour;"},
    "indexes built concurrently": {
        "m0002": "-- run: concurrently\ncreate index concurrently if not exists things_size_idx on public.things (size);\n"
        "create unique index concurrently if not exists things_key on public.things (thing_id, size);"
    },
    "a column filled in batches": {
        "m0002": "alter table public.things add column double_size integer;",
        "m0003": "-- run: batches of public.things\n"
        "update public.things set double_size = size * 2\n"
        " where ctid >= :first and ctid < :last and double_size is null;",
        "m0004": "alter table public.things alter column double_size set not null;",
    },
    "a view": {
        "r20": "create or replace view public.red_things with (security_invoker = on) as"
        " select * from public.things where colour = 'red';\n"
        "revoke all on public.red_things from public, anon, authenticated, service_role;"
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_upgrade_gives_the_catalog_of_a_fresh_database(
    change: dict[str, str], folder: Folder, postgres: Server, things: Database
) -> None:
    by_editor = postgres.database()
    upgrade_in_editor(by_editor, folder.write(**START))
    before = describe(things)
    assert describe(by_editor) == before

    files = folder.write(**change)
    fresh, fresh_by_editor = postgres.database(), postgres.database()
    upgrade(fresh, files)
    upgrade_in_editor(fresh_by_editor, files)
    assert {Path(name).stem for name in upgrade(things, files)} == set(change)
    upgrade_in_editor(by_editor, files)

    assert describe(things) != before
    assert describe(things) == describe(fresh) == describe(by_editor) == describe(fresh_by_editor)
    assert things.value("select count(*) from public.things") == 100
    assert upgrade(things, files) == []
    upgrade_in_editor(things, files)


def test_the_old_signature_cannot_be_called_any_more(folder: Folder, things: Database) -> None:
    upgrade(things, folder.write(**CHANGES["a new parameter"]))
    # The call of a worker that does not know the parameter yet reaches the new function.
    assert things.value("public.find_thing(p_size => 1)", before="set local role service_role;") == 2
    for role in ("anon", "authenticated"):
        with pytest.raises(SqlError, match="permission denied"):
            things.value("public.find_thing(1)", before=f"set local role {role};")


def test_a_changed_check_holds(folder: Folder, things: Database) -> None:
    upgrade(things, folder.write(**CHANGES["a changed check"]))
    things.run("insert into public.things values (101, 19)")
    with pytest.raises(SqlError, match="things_size_check"):
        things.run("insert into public.things values (102, 20)")


@pytest.mark.parametrize("in_editor", [False, True])
def test_a_fill_reaches_every_row_of_many_batches(folder: Folder, things: Database, in_editor: bool) -> None:
    things.run(
        "insert into public.things select n, 1, repeat('x', 500) from generate_series(101, 40000) as n"
    )
    assert things.value("pg_relation_size('public.things') / 8192") > BATCH_PAGES * 3 / 2
    files = folder.write(**CHANGES["a column filled in batches"])
    if in_editor:
        upgrade_in_editor(things, files)
    else:
        upgrade(things, files)
    assert things.value("select count(*) from public.things where double_size = size * 2") == 40000


def test_a_fill_that_was_stopped_goes_on(folder: Folder, things: Database) -> None:
    things.run(
        "insert into public.things select n, 1, repeat('x', 500) from generate_series(101, 40000) as n"
    )
    things.run("update public.things set size = 0 where thing_id = 39000")
    files = folder.write(
        m0002="alter table public.things add column share integer;",
        m0003="-- run: batches of public.things\nupdate public.things set share = 10 / size\n"
        " where ctid >= :first and ctid < :last and share is null and thing_id > 100;",
    )
    with pytest.raises(SchemaError, match=r"m0003\.sql: division by zero"):
        upgrade(things, files)
    assert 0 < things.value("select count(share) from public.things") < 39900
    things.run("update public.things set size = 1 where size = 0")
    assert upgrade(things, files) == ["migrations/m0003.sql"]
    assert things.value("select count(share) from public.things") == 39900


def test_a_fill_that_never_ends_is_named(folder: Folder, things: Database) -> None:
    endless = "-- run: batches of public.things\nupdate public.things set size = 1 where ctid >= :first and ctid < :last;"
    with pytest.raises(SchemaError, match=r"m0002\.sql changes rows in each of 20 passes"):
        upgrade(things, folder.write(m0002=endless))


def test_an_index_that_could_not_be_built_is_built_anew(folder: Folder, things: Database) -> None:
    unique = "-- run: concurrently\ncreate unique index concurrently if not exists things_size_key on public.things (size);"
    files = folder.write(m0002=unique)
    with pytest.raises(SchemaError, match=r"m0002\.sql: could not create unique index .*things_size_key"):
        upgrade(things, files)
    valid = "select indisvalid from pg_index where indexrelid = 'public.things_size_key'::regclass"
    assert things.value(valid) is False
    things.run("delete from public.things where thing_id > 10")
    upgrade(things, files)
    assert things.value(valid) is True


OPEN = {
    "a function": ("create function public.f() returns integer language sql return 1;", "everybody may call public.f"),
    "a new signature": (
        "create function public.find_thing(text) returns integer language sql return 1;\n"
        "revoke all on function public.find_thing(text) from public, anon, authenticated;",
        "public.find_thing has two signatures",
    ),
    "a table": ("create table public.t (a integer);", "anon has rights on public.t; public.t has no row level security"),
    "a table with rights": (
        "create table public.t (a integer); alter table public.t enable row level security;",
        "anon has rights on public.t",
    ),
    "a counter": (
        "create table public.t (a integer generated always as identity);"
        " select fleet_private.close_tables('public.t'); grant usage on sequence public.t_a_seq to anon;",
        "anon has rights on public.t_a_seq",
    ),
    "a column": ("grant select (size) on public.things to anon; alter table public.things add a integer;", "anon has rights on public.things"),
    "a view": (
        "create view public.v as select 1 as one; revoke all on public.v from anon, authenticated;",
        "public.v has the rights of its owner",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), OPEN.values(), ids=OPEN)
def test_a_file_that_opens_something_is_refused_whole(
    text: str, message: str, folder: Folder, things: Database
) -> None:
    before = describe(things)
    for attempt in ({"m0002": text}, {"m0002": "select 1;", "r20": text}):
        with pytest.raises(SchemaError, match=rf"leaves something open: {message}"):
            upgrade(things, folder.write(**attempt))
        assert describe(things) == before
    with pytest.raises(SqlError, match="leaves something open"):
        upgrade_in_editor(things, folder.write())


def test_a_file_that_fails_is_undone_and_what_was_before_stays(folder: Folder, things: Database) -> None:
    files = folder.write(
        m0002="alter table public.things add column a integer;",
        m0003="alter table public.things add column b integer; select 1 / 0;",
    )
    with pytest.raises(SchemaError, match=r"m0003\.sql: division by zero"):
        upgrade(things, files)
    columns = "select array_agg(attname::text) from pg_attribute where attrelid = 'public.things'::regclass and attnum > 3"
    assert things.value(columns) == ["a"]
    assert upgrade(things, folder.write(m0003="select 1;")) == ["migrations/m0003.sql"]


def test_the_editor_names_a_migration_that_was_changed(folder: Folder, things: Database) -> None:
    with pytest.raises(SqlError, match=r"migrations/m0001\.sql is not the file that was applied"):
        upgrade_in_editor(things, folder.write(m0001=f"{TABLE}\n-- Another word."))


def test_an_older_file_for_editors_leaves_a_newer_database_alone(folder: Folder, things: Database) -> None:
    older = folder.write()
    upgrade(things, folder.write(m0002="select 1;", **CHANGES["a new parameter"]))
    before = describe(things)
    with pytest.raises(SqlError, match=r"the database is newer than this file: it has migrations/m0002\.sql"):
        upgrade_in_editor(things, older)
    assert describe(things) == before


@contextmanager
def held(database: Database, statement: str) -> Iterator[psycopg.Connection]:
    """A transaction that has run a statement, and holds its locks until the end."""
    with psycopg.connect(database.url) as connection:
        connection.execute(statement)
        yield connection
        connection.rollback()


def test_a_long_query_keeps_the_upgrade_waiting_and_nobody_else(folder: Folder, things: Database) -> None:
    waits, told = threading.Event(), []

    def tell(line: str) -> None:
        told.append(line)
        if "waits until its tables are free" in line:
            waits.set()

    files = folder.write(m0002="alter table public.things add column a integer;")
    with ThreadPoolExecutor(1) as pool, held(things, "select from public.things"):
        done = pool.submit(upgrade, things, files, tell)
        assert waits.wait(30)
        # A query that came after the statement of the upgrade is not stuck behind it for long.
        things.run(
            "set statement_timeout = '20s'; select from public.things; update public.things set size = 1;"
        )
        assert not done.done()
    assert done.result(60) == ["migrations/m0002.sql"]
    assert told[-1] == "✓ migrations/m0002.sql"


def test_an_upgrade_that_gets_no_lock_ends_with_the_reason(folder: Folder, things: Database) -> None:
    files = folder.write(m0002="alter table public.things add column a integer;")
    with (
        held(things, "select from public.things"),
        pytest.raises(SchemaError, match=r"m0002\.sql: canceling statement due to lock timeout"),
    ):
        upgrade(things, files, patience_s=1)


def test_where_both_wait_for_each_other_it_is_the_upgrade_that_gives_way(
    folder: Folder, things: Database
) -> None:
    things.run("create table public.others (a integer)")
    files = folder.write(m0002="lock table public.others; alter table public.things add column a integer;")
    with (
        ThreadPoolExecutor(1) as pool,
        held(things, "update public.things set size = 1") as service,
    ):
        done = pool.submit(upgrade, things, files, lambda _: None)
        waiting = (
            "select exists (select from pg_locks where not granted and relation = 'public.things'::regclass)"
        )
        while not things.value(waiting):
            assert not done.done()
        # Now the upgrade holds one table and waits for the other; the service wants it the other way round.
        service.execute("insert into public.others values (1)")
        service.commit()
    assert done.result(60) == ["migrations/m0002.sql"]


def test_two_at_once_build_an_index_concurrently(folder: Folder, things: Database) -> None:
    files = folder.write(**CHANGES["indexes built concurrently"])
    with ThreadPoolExecutor(2) as pool:
        # Who has written to the table keeps the build going until both are at work.
        with held(things, "update public.things set size = 1 where thing_id = 1"):
            done = [pool.submit(upgrade, things, files, lambda _: None) for _ in range(2)]
            building = "select exists (select from pg_stat_progress_create_index)"
            while not things.as_superuser().value(building):
                assert not any(one.done() for one in done)
        applied = sorted(one.result(60) for one in done)
    assert applied == [[], ["migrations/m0002.sql"]]
    assert things.value(
        "select bool_and(indisvalid) from pg_index where indrelid = 'public.things'::regclass"
    )


def test_an_upgrade_does_not_wait_for_another_one_for_ever(folder: Folder, things: Database) -> None:
    with (
        held(things, "select pg_advisory_lock(1718379877)"),
        pytest.raises(SchemaError, match="another upgrade has been at work for 1 s"),
    ):
        upgrade(things, folder.write(), patience_s=1)
