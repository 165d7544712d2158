"""The PostgreSQL server of the benchmarks that measure the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer
from rich.console import Console

from local.postgres import Postgres, missing_binary, postgres

MEMORY: Final = {"shared_buffers": "512MB", "work_mem": "16MB", "max_wal_size": "8GB"}


@contextmanager
def server(console: Console, **settings: str) -> Iterator[Postgres]:
    """Run a server with some memory for a block; end the command with status 1 if there is no PostgreSQL."""
    if missing := missing_binary():
        console.print(f"there is no {missing} on PATH; the benchmark needs PostgreSQL")
        raise typer.Exit(1)
    with postgres(**MEMORY | settings) as running:
        yield running
