"""The file for SQL editors, on PostgreSQL, as an owner who is no superuser: fresh, twice, and over older tables."""

import re
from typing import Any

import pytest
from catalog import describe
from sql_postgres import INSTALL, SQL, VERSION_2, Database, SqlError

# Tables as an earlier deployment may have them: fewer columns, other keys, no constraints, and rows.
OLDER = """
create table public.companies (company_id uuid primary key default gen_random_uuid(), logo text);
insert into public.companies default values;
create table public.users (user_id uuid primary key);
create table public.devices (id bigint generated always as identity primary key, device_id text not null unique);
insert into public.devices (device_id) values ('AABBCCDDEEFF');
create table public.captures (
  capture_id uuid primary key default gen_random_uuid(),
  device_id text not null,
  device_capture_id text not null,
  captured_at timestamptz not null,
  image_bytes integer
);
insert into public.captures (device_id, device_capture_id, captured_at) values ('AABBCCDDEEFF', 'image_1.jpg', now());
create table public.sensor_readings (
  device_id text not null, temperature_c double precision, created_at timestamptz
);
insert into public.sensor_readings values ('AABBCCDDEEFF', 23.5);
create table public.device_status (device_id text not null, status text, pending_count integer);
create table public.device_errors (error_id bigint generated always as identity primary key, device_id text);
create table public.device_publish_log (topic text, payload jsonb);
create table public.device_commands (
  command_id uuid primary key default gen_random_uuid(), device_id text not null, type text not null
);
insert into public.device_commands (device_id, type) values ('AABBCCDDEEFF', 'capture_image');
create table public.device_configs (device_id text, timezone text);
create policy captures_read_company on public.captures for select to public using (true);
grant all on public.captures to anon;
"""


@pytest.fixture
def fresh(empty_database: Database) -> Database:
    empty_database.install()
    return empty_database


@pytest.fixture
def version_1(empty_database: Database) -> Database:
    """A database of the first version: two captures may have one image, or one thumbnail."""
    empty_database.file(VERSION_2)
    empty_database.run(
        "update public.schema_version set version = 1;"
        " alter table public.captures drop column shares_object cascade"
    )
    return empty_database


def test_a_fresh_installation_is_silent_and_versioned(empty_database: Database) -> None:
    assert empty_database.install() == ""
    assert empty_database.value("select version from public.schema_version") >= 1


def test_running_the_files_again_changes_nothing(fresh: Database) -> None:
    fresh.run("insert into public.devices (device_id) values ('AABBCCDDEEFF')")
    before = describe(fresh)
    applied = fresh.rows("select * from public.schema_version")

    assert fresh.install() == ""
    assert describe(fresh) == before
    assert fresh.rows("select * from public.schema_version") == applied
    assert fresh.value("select count(*) from public.devices") == 1


def test_it_can_be_run_in_one_transaction(empty_database: Database) -> None:
    """So does the SQL editor of a hosted project with what is pasted into it."""
    for _ in range(2):
        empty_database.run(f"begin;\n{INSTALL.read_text()}\ncommit;")
    assert empty_database.value("select count(*) from public.schema_version") == 1


def test_older_tables_get_what_they_lack(postgres: Any, fresh: Database) -> None:
    older: Database = postgres.database()
    older.run(OLDER)
    assert older.install() == ""

    wanted, got = describe(fresh), describe(older)
    # The older table of devices keeps its own primary key; device_id is unique under the name it had.
    # From PostgreSQL 18 on, `not null` is a constraint with a name.
    own = {"logo", "id", "devices_pkey", "devices_device_id_key", "devices_id_seq", "devices_id_not_null"}
    for part, of_fresh in wanted.items():
        named = [
            {row for row in rows if not own & {name.split(".")[-1] for name in row[:2]}}
            for rows in (of_fresh, got[part])
        ]
        assert named[0] == named[1], part

    assert older.value("select count(*) from public.captures where ingest_status = 'assembling'") == 1
    assert older.value("select count(*) from public.device_commands where status = 'queued'") == 1
    assert older.value("select count(*) from public.sensor_readings where created_at is not null") == 1
    older.run(
        "set role service_role; select public.record_capture(jsonb_build_object('device_id', 'AABBCCDDEEFF',"
        " 'image_name', 'image_2.jpg', 'captured_at', now(), 'ingest_status', 'stored', 'storage_path', 'x'))"
    )
    assert older.install() == ""


def test_an_older_policy_that_opens_more_is_named(empty_database: Database) -> None:
    empty_database.run(
        "create table public.captures (capture_id uuid); alter table public.captures enable row level security;"
    )
    empty_database.run("create policy anything_goes on public.captures for all to authenticated using (true)")
    assert "drop them if so: anything_goes on public.captures" in empty_database.install()


def test_a_schema_named_private_is_left_alone(empty_database: Database) -> None:
    empty_database.run(
        "create schema private; grant usage on schema private to anon, authenticated;"
        " create function private.company_of_user() returns text language sql return 'theirs';"
    )
    before = empty_database.rows("select nspacl::text from pg_namespace where nspname = 'private'")
    empty_database.install()
    assert empty_database.rows("select nspacl::text from pg_namespace where nspname = 'private'") == before
    assert empty_database.value("private.company_of_user()") == "theirs"


def test_older_rows_that_break_a_rule_are_named_and_kept(empty_database: Database) -> None:
    empty_database.run(OLDER)
    empty_database.run(
        "insert into public.captures (device_id, device_capture_id, captured_at) values ('X', '', now())"
    )
    warnings = empty_database.install()

    assert "captures_device_id_fkey" in warnings
    assert "captures_device_capture_id_check" in warnings
    assert empty_database.value("select count(*) from public.captures") == 2
    with pytest.raises(SqlError) as refused:
        empty_database.run(
            "insert into public.captures (device_id, device_capture_id, captured_at) values ('Y', 'a', now())"
        )
    assert refused.value.sqlstate == "23503"


def test_older_captures_with_one_object_are_marked_and_keep_their_paths(version_1: Database) -> None:
    version_1.run(
        "insert into public.devices (device_id) values ('A');"
        " insert into public.captures (device_id, device_capture_id, captured_at, created_at, ingest_status,"
        "                              storage_path, thumbnail_path)"
        " select 'A', name, now(), now() - make_interval(hours => age), 'stored', 'captures/' || image, thumbnail"
        "   from (values ('oldest', 3, 1, 't/1'), ('alike', 2, 1, 't/2'), ('alike too', 1, 1, null),"
        "                ('other', 3, 2, 't/3'), ('thumbnail', 1, 3, 't/3'), ('alone', 1, 4, null))"
        "        as given (name, age, image, thumbnail)"
    )
    before = version_1.rows(f"select {SHOWN} from public.captures order by device_capture_id")

    assert "3 older captures name an object that another capture names too" in version_1.install()
    marked = "select device_capture_id as name from public.captures where shares_object order by name"
    assert [row["name"] for row in version_1.rows(marked)] == ["alike", "alike too", "thumbnail"]
    assert version_1.rows(f"select {SHOWN} from public.captures order by device_capture_id") == before
    assert version_1.install() == ""
    version_1.file(SQL / "verification.sql")

    # No new capture may name an object that an older one has, marked or not.
    for path in ("captures/1", "captures/4"):
        with pytest.raises(SqlError) as refused:
            version_1.run(RECORD.format(name="new.jpg", path=path))
        assert refused.value.sqlstate == "23505"
    # A marked one that comes again is the same capture as before.
    version_1.run(RECORD.format(name="alike", path="captures/1"))
    assert (
        version_1.value("select storage_path from public.captures where device_capture_id = 'alike'")
        == "captures/1"
    )


SHOWN = "device_capture_id, storage_path, thumbnail_path, ingest_status"
RECORD = """
set role service_role;
select public.record_capture(jsonb_build_object('device_id', 'A', 'image_name', '{name}', 'ingest_status', 'stored',
  'captured_at', coalesce((select captured_at from public.captures where device_capture_id = '{name}'), now()),
  'storage_path', '{path}'));
"""


def test_an_older_capture_that_failed_loses_its_mark_with_its_path(version_1: Database) -> None:
    version_1.run(
        "insert into public.devices (device_id) values ('A');"
        " insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path)"
        " select 'A', name, now(), 'failed', 'quarantine/1' from (values ('one'), ('two')) as given (name)"
    )
    version_1.install()
    for name in ("one", "two"):
        version_1.run(RECORD.format(name=name, path=f"captures/{name}"))
    assert version_1.value("select count(*) from public.captures where shares_object") == 0
    with pytest.raises(SqlError):
        version_1.run(RECORD.format(name="three", path="captures/two"))


def test_an_older_column_that_means_something_else_stops_before_anything_is_changed(
    empty_database: Database,
) -> None:
    empty_database.run("create table public.captures (capture_id bigint, device_id uuid)")
    with pytest.raises(
        SqlError, match=r"public\.captures\.capture_id is bigint, expected uuid.*device_id is uuid"
    ):
        empty_database.install()
    assert empty_database.rows(
        "select relname from pg_class where relnamespace = 'public'::regnamespace"
    ) == [{"relname": "captures"}]


def test_an_older_column_that_nobody_fills_is_heard_of(empty_database: Database) -> None:
    empty_database.run(
        "create table public.captures (capture_id uuid primary key default gen_random_uuid(), site text not null)"
    )
    with pytest.raises(SqlError, match=r"required: public\.captures\.site"):
        empty_database.install()
    assert empty_database.value("to_regclass('public.schema_version')") is None


def test_without_storage_the_rest_is_installed(empty_database: Database) -> None:
    empty_database.as_superuser().run("drop schema storage cascade")
    empty_database.install()
    assert empty_database.value("select count(*) from public.schema_version") == 1


def test_a_bucket_that_was_public_is_closed(empty_database: Database) -> None:
    empty_database.run(
        "insert into storage.buckets (id, name, public) values ('gxp-captures', 'gxp-captures', true)"
    )
    empty_database.install()
    assert empty_database.value("select public from storage.buckets") is False


def test_the_verification_queries_run_and_are_the_ones_agreed_upon(fresh: Database) -> None:
    fresh.file(SQL / "verification.sql")
    text = (SQL / "verification.sql").read_text()
    for query in AGREED:
        assert f"\n{query}\n" in text
    # Queries only: nothing in the file begins with another word.
    statements = re.split(r";\s*\n", re.sub(r"--.*", "", text))
    assert {statement.split()[0].lower() for statement in statements if statement.strip()} == {"select"}


AGREED = (
    "SELECT device_id, status, pending_count, created_at FROM public.device_status ORDER BY created_at DESC LIMIT 20;",
    "SELECT device_id, device_capture_id, captured_at, image_bytes, total_chunks, ingest_status, storage_path,"
    " created_at FROM public.captures ORDER BY created_at DESC LIMIT 20;",
    "SELECT sr.device_id, sr.temperature_c, sr.humidity_pct, sr.pressure_hpa, sr.created_at"
    " FROM public.sensor_readings sr ORDER BY sr.created_at DESC LIMIT 20;",
    "SELECT device_id, error_code, message, details, occurred_at FROM public.device_errors"
    " ORDER BY occurred_at DESC LIMIT 20;",
    "SELECT topic, direction, payload->>'image_name' as image, received_at FROM public.device_publish_log"
    " ORDER BY received_at DESC LIMIT 50;",
)


def test_nobody_breaks_the_verification_on_rows(fresh: Database) -> None:
    fresh.run(
        "set role service_role;"
        " select public.record_capture(jsonb_build_object('device_id', 'A', 'image_name', i || '.jpg', 'captured_at',"
        " now(), 'ingest_status', 'failed', 'error', jsonb_build_object('code', 2201))) from generate_series(1, 3) i;"
    )
    fresh.file(SQL / "verification.sql")


def test_the_parts_of_two_listeners_add_up(fresh: Database) -> None:
    fresh.run(
        "set role service_role;"
        " select public.record_log(jsonb_agg(jsonb_build_object('key', i, 'device_id', 'A', 'topic', 't', 'direction', 'in',"
        " 'received_at', now() - interval '1 minute', 'payload', jsonb_build_object('image_name', 'i.jpg', 'repeats', 20,"
        " 'chunks', 20 + i, 'bytes', 1000 * i, 'last_ms', 30000, 'longest_gap_ms', i))), '[]') from generate_series(1, 2) i;"
    )
    text = (SQL / "verification.sql").read_text()
    query = text.split("-- How did each picture of the last hour")[1].split("\n", 1)[1].split(";")[0]
    answer = fresh.run(query).strip().split("|")
    assert answer[:2] == ["A", "i.jpg"]
    assert answer[4:] == ["43", "3000", "40", "2", "2"]
