"""Runs one file: in a transaction, statement by statement outside of one, or in batches."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from psycopg import sql

from operate.schema.database import LOCK_TIMEOUT, Connection, value, when_free
from operate.schema.files import File, SchemaError, between

# Pages of 8 KiB that one batch goes through: some thousand rows, which is some ten milliseconds.
BATCH_PAGES: Final = 200
MOST_PASSES: Final = 20
_INDEX: Final = re.compile(
    r"create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(\w+)", re.IGNORECASE
)


def run(connection: Connection, file: File, wait: Callable[[], None], patience_s: float) -> None:
    """Run a file and record it; `wait` is called whenever it waits for a lock, for `patience_s` at most.

    Raises psycopg.Error if the database refuses it.
    """
    if file.is_concurrent:
        for statement in file.statements:
            when_free(partial(_concurrently, connection, statement, patience_s), wait, patience_s)
        _record(connection, file)
    elif file.batches_of:
        _in_batches(
            connection, file, lambda text: when_free(lambda: _batch(connection, text), wait, patience_s)
        )
        _record(connection, file)
    else:
        when_free(lambda: _in_transaction(connection, file), wait, patience_s)


def _in_transaction(connection: Connection, file: File) -> None:
    with connection.transaction():
        connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        # Without parameters psycopg sends the whole file, with all its statements, unchanged.
        connection.execute(file.text.encode())
        _record(connection, file)


def _record(connection: Connection, file: File) -> None:
    connection.execute("select fleet_private.record_file(%s, %s)", [file.name, file.sha256])


def _concurrently(connection: Connection, statement: str, patience_s: float) -> None:
    # It waits for transactions that began before it, and nobody waits for it.
    connection.execute(f"set lock_timeout = '{patience_s:.0f}s'")
    if index := _INDEX.match(statement):
        _drop_unfinished(connection, index[1])
    connection.execute(statement.encode())


def _drop_unfinished(connection: Connection, index: str) -> None:
    """Drop an index that an interrupted build has left: its name is taken, and it serves no query."""
    rows = connection.execute(
        "select n.nspname, c.relname from pg_catalog.pg_index i"
        " join pg_catalog.pg_class c on c.oid = i.indexrelid"
        " join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname in ('public', 'fleet_private') and c.relname = %s and not i.indisvalid",
        [index],
    ).fetchall()
    for name in rows:
        connection.execute(sql.SQL("drop index concurrently if exists {}").format(sql.Identifier(*name)))


def _in_batches(connection: Connection, file: File, batch: Callable[[str], int]) -> None:
    [statement] = file.statements
    # Rows that others change meanwhile may move to a page that was passed: the next pass finds them.
    for _ in range(MOST_PASSES):
        pages = value(
            connection,
            # A partitioned table has no pages of its own, and another one no partitions.
            "select greatest(pg_relation_size(%s::regclass), (select max(pg_relation_size(relid))"
            " from pg_partition_tree(%s::regclass))) / current_setting('block_size')::integer",
            file.batches_of,
            file.batches_of,
        )
        starts = range(0, pages + 1, BATCH_PAGES)
        if not sum(batch(between(statement, first, first + BATCH_PAGES)) for first in starts):
            return
    raise SchemaError(
        f"{file.name} changes rows in each of {MOST_PASSES} passes: it must skip what is filled"
    )


def _batch(connection: Connection, text: str) -> int:
    with connection.transaction():
        connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        return connection.execute(text.encode()).rowcount
