"""The files of sql/, and what a migration may ask for in its first line."""

import re

import pytest

from operate.schema.editor import TARGET, render
from operate.schema.files import File, SchemaError, between, read


def test_the_file_for_editors_is_current():
    assert render(read()) == TARGET.read_text(encoding="utf-8"), "run `make sql`"


def test_no_two_migrations_have_one_number():
    numbers = [
        re.match(r"migrations/(\d{4})_[a-z0-9_]+\.sql", file.name)[1] for file in read() if file.is_migration
    ]
    assert len(numbers) == len(set(numbers)) > 10


def test_only_the_tables_of_version_2_are_adopted():
    """No other migration may be: a database of version 2 would be said to have what it lacks."""
    assert [file.name for file in read() if file.is_baseline] == [
        "migrations/0001_older_tables.sql",
        "migrations/0002_tables.sql",
        "migrations/0003_indexes.sql",
    ]


def test_a_first_line_says_how_a_migration_runs():
    concurrent = File(
        "migrations/1.sql",
        "-- run: concurrently\n-- Why.\ncreate index a on b (c);\ncreate index d on b (e);\n",
    )
    assert concurrent.is_concurrent
    assert concurrent.statements == ["create index a on b (c)", "create index d on b (e)"]
    filled = File(
        "migrations/2.sql", "-- run: batches of public.captures\nupdate public.captures set a = ';';\n"
    )
    assert filled.batches_of == "public.captures"
    assert filled.statements == ["update public.captures set a = ';'"]
    plain = File("migrations/3.sql", "-- It runs in a transaction.\nselect 1;\n")
    assert not (plain.is_concurrent or plain.batches_of or plain.is_baseline)


@pytest.mark.parametrize(
    "line", ["-- run: concurrent", "-- run: batches", "-- run: batches of captures", "-- run:"]
)
def test_a_first_line_that_is_not_understood_is_named(line):
    with pytest.raises(
        SchemaError, match=re.escape(f"migrations/4.sql: this line is not understood: {line}")
    ):
        File("migrations/4.sql", f"{line}\nselect 1;\n")


def test_a_batch_has_its_bounds():
    text = "update t set a = 1 where ctid >= :first and ctid < :last"
    assert between(text, 0, 200) == "update t set a = 1 where ctid >= '(0,0)'::tid and ctid < '(200,0)'::tid"
