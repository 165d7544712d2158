"""The step before a deployment: sql/ applied by `python -m operate.schema` to a real PostgreSQL."""

import subprocess
import sys

from sql_postgres import Database

from local.part import REPOSITORY, clean_environment
from operate import schema
from operate.checks.supabase import SCHEMA_VERSION


def apply(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "operate.schema"],
        cwd=REPOSITORY,
        env={**clean_environment(), **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def url(database: Database) -> str:
    return f"postgresql://{database.user}@/{database.name}?host={database.server.directory}"


def test_it_is_applied_and_may_be_applied_again(empty_database: Database) -> None:
    for _ in range(2):
        answer = apply(DATABASE_URL=url(empty_database))
        assert answer.returncode == 0, answer.stderr
        assert answer.stdout.splitlines() == [f"✓ {file.name}" for file in schema.files()]
    command = [*empty_database.psql("-c", "select version from public.schema_version")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == str(
        SCHEMA_VERSION
    )


def test_two_deployments_wait_for_each_other(empty_database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: apply(DATABASE_URL=url(empty_database)), range(2)))
    assert [answer.returncode for answer in answers] == [0, 0]


def test_without_a_database_nothing_is_done() -> None:
    answer = apply()
    assert answer.returncode == 0
    assert "by hand" in answer.stdout


def test_a_database_that_refuses_stops_the_deployment() -> None:
    answer = apply(DATABASE_URL="postgresql://nobody:hunter22@127.0.0.1:1/postgres")
    assert answer.returncode == 1
    assert "not applied" in answer.stderr
    assert "hunter22" not in answer.stderr
    assert "Traceback" not in answer.stderr
