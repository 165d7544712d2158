"""A database of its own with the schema, for what is written from it."""

import sys
from collections.abc import Callable

from local.postgres import missing_binary, postgres
from operate.schema.database import Connection, connect
from operate.schema.files import read
from operate.schema.upgrade import Upgrade


def with_schema(write: Callable[[Connection], object]) -> int:
    """Have something written from a fresh schema; return the exit status, 1 where there is no PostgreSQL."""
    if missing := missing_binary():
        print(f"there is no {missing} on PATH", file=sys.stderr)
        return 1
    with postgres() as server, connect(server.url()) as connection:
        Upgrade(connection, read(), lambda _: None).apply()
        write(connection)
    return 0
