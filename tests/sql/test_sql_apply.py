"""The step before a deployment: `python -m operate.schema`, on a real PostgreSQL."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from catalog import describe
from sql_postgres import VERSION_2, Database

from local.part import REPOSITORY, clean_environment
from operate.checks.supabase import SCHEMA_VERSION
from operate.schema.files import read

NAMES = [file.name for file in read()]


def apply(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "operate.schema", *arguments],
        cwd=REPOSITORY,
        env={**clean_environment(), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_is_applied_and_may_be_applied_again(empty_database: Database) -> None:
    answer = apply(DATABASE_URL=empty_database.url)
    assert answer.returncode == 0, answer.stderr
    total = len(NAMES)
    assert answer.stdout.splitlines() == [
        *(f"✓ {name}" for name in NAMES),
        f"{total} of {total} files applied, the others were",
    ]
    assert empty_database.value("select version from public.schema_version") == SCHEMA_VERSION

    again = apply(DATABASE_URL=empty_database.url)
    assert (again.returncode, again.stdout) == (0, f"0 of {total} files applied, the others were\n")


def test_users_read_the_bucket_of_the_setting(empty_database: Database) -> None:
    readable = "select fleet_private.bucket()"
    for bucket in ("own-pictures", "others"):
        answer = apply(DATABASE_URL=empty_database.url, SUPABASE_STORAGE_BUCKET=bucket)
        assert answer.stdout.splitlines()[-1] == f"users may read their pictures in the bucket {bucket}"
        assert empty_database.value(readable) == bucket
        assert empty_database.value(f"select public from storage.buckets where id = '{bucket}'") is False

    # Without the setting, and where the files run anew, it stays.
    apply(DATABASE_URL=empty_database.url)
    (file,) = (file for file in read() if file.name == "repeatable/080_storage.sql")
    empty_database.run(f"begin; {file.text} commit;")
    assert empty_database.value(readable) == "others"

    answer = apply(DATABASE_URL=empty_database.url, SUPABASE_STORAGE_BUCKET="a'b")
    assert answer.returncode == 1
    assert "SUPABASE_STORAGE_BUCKET" in answer.stderr


def test_a_file_that_is_applied_alone_leaves_what_the_others_made(empty_database: Database) -> None:
    """In an upgrade those run whose text has changed: what a later one had opened, say, stays open."""
    apply(DATABASE_URL=empty_database.url)
    before = describe(empty_database)
    for file in reversed(read()):
        if file.name.startswith("repeatable/"):
            empty_database.run(f"begin; {file.text} commit;")
    assert describe(empty_database) == before


def test_it_says_what_is_pending_and_changes_nothing(empty_database: Database) -> None:
    empty_database.file(VERSION_2)
    before = describe(empty_database)
    answer = apply("--dry-run", DATABASE_URL=empty_database.url)
    assert answer.returncode == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert "→ ledger.sql: pending" in lines
    assert "✓ migrations/0002_tables.sql: there since before migrations were recorded" in lines
    assert describe(empty_database) == before

    apply(DATABASE_URL=empty_database.url)
    lines = apply("--dry-run", DATABASE_URL=empty_database.url).stdout.splitlines()
    assert all(f"✓ {name}: applied 20" in line for name, line in zip(NAMES, lines, strict=False))
    assert lines[-1] == f"0 of {len(NAMES)} files are pending; nothing was changed"


def test_two_deployments_wait_for_each_other(empty_database: Database) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: apply(DATABASE_URL=empty_database.url), range(2)))
    assert [answer.returncode for answer in answers] == [0, 0]
    assert sorted(answer.stdout.count("✓") for answer in answers) == [0, len(NAMES)]


def test_a_migration_that_was_changed_is_named_with_what_to_do(empty_database: Database) -> None:
    apply(DATABASE_URL=empty_database.url)
    empty_database.run(
        "update fleet_private.schema_migrations set sha256 = 'another' where name like '%0003_indexes.sql'"
    )
    for arguments in ((), ("--dry-run",)):
        answer = apply(*arguments, DATABASE_URL=empty_database.url)
        assert (answer.returncode, answer.stdout) == (1, "")
        [line] = answer.stderr.splitlines()
        assert "migrations/0003_indexes.sql is not the file that was applied on 20" in line
        assert "restore it, and put the change into a new migration" in line


def test_older_files_leave_a_newer_database_alone(empty_database: Database) -> None:
    """A deployment that goes back to older code goes on, and brings no older function back."""
    apply(DATABASE_URL=empty_database.url)
    empty_database.run(
        "update fleet_private.schema_migrations set sha256 = 'newer' where name like 'repeatable/%';"
        " insert into fleet_private.schema_migrations values ('migrations/9999_next.sql', 'x')"
    )
    before = empty_database.rows("select * from fleet_private.schema_migrations order by name")
    answer = apply(DATABASE_URL=empty_database.url)
    assert answer.returncode == 0
    assert "newer than these files: migrations/9999_next.sql; it is left as it is" in answer.stdout
    assert empty_database.rows("select * from fleet_private.schema_migrations order by name") == before


def test_without_a_database_nothing_is_done() -> None:
    answer = apply()
    assert answer.returncode == 0
    assert "sql/install.sql is run by hand" in answer.stdout


def test_a_database_that_cannot_be_reached_stops_the_deployment() -> None:
    answer = apply(DATABASE_URL="postgresql://nobody:hunter22@127.0.0.1:1/postgres")
    assert answer.returncode == 1
    [line] = answer.stderr.splitlines()
    assert line.startswith("the database is not up to date: connection failed")
    assert "hunter22" not in line


def test_what_the_database_refuses_is_told_in_one_line(empty_database: Database) -> None:
    empty_database.run("create table public.captures (capture_id bigint)")
    answer = apply(DATABASE_URL=empty_database.url)
    assert answer.returncode == 1
    [line] = answer.stderr.splitlines()
    assert "migrations/0001_older_tables.sql: older tables cannot be extended" in line
    assert line.endswith("Rename or migrate these tables, then try again.")


REPEATABLE = Path(__file__).resolve().parents[2] / "sql" / "repeatable"
SERVED = ["045_commands.sql", "050_captures.sql", "055_hello.sql", "060_logs.sql"]


def repeatable(most: str = "~") -> str:
    """The text of the repeatable files up to one, or of all."""
    return "".join(path.read_text() for path in sorted(REPEATABLE.glob("*.sql")) if path.name <= most)


@pytest.mark.parametrize("name", SERVED)
def test_what_the_service_calls_all_the_time_is_complete_once_its_file_is_applied(name: str) -> None:
    """During an upgrade it would fail until a later file brought the rest."""
    pattern = r"create or replace function fleet_private\.(\w+)"
    made, all_made = (set(re.findall(pattern, text)) for text in (repeatable(name), repeatable()))
    called = set(re.findall(r"fleet_private\.(\w+)\(", (REPEATABLE / name).read_text()))
    assert called & all_made <= made


@pytest.mark.parametrize("name", SERVED)
def test_and_may_read_and_write_what_it_needs(name: str) -> None:
    """Likewise: what such a function, or one that it calls, reads must be granted by then."""

    def granted(text: str) -> set[str]:
        lists = re.findall(r"grant [a-z, ]+ on\s+([^;]*?)\s+to [^;]*service_role[^;]*;", text)
        return {table for tables in lists for table in re.findall(r"fleet_private\.(\w+)", tables)}

    used = set(re.findall(r"(?:from|join|into|update|using) fleet_private\.(\w+)\b(?!\()", repeatable(name)))
    assert used & granted(repeatable()) <= granted(repeatable(name))
