"""Fixtures of the database tests. Most of these tests run twice: on the embedded stack and on PostgreSQL."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sql_backends import Backend, Embedded, Native, new_device
from sql_postgres import Database, Server
from upgrades import install_version_2

from local import newer_postgres
from local.postgres import missing_binary
from local.stack import Stack


@contextmanager
def _server(*, plain: bool = False) -> Iterator[Server]:
    missing = missing_binary()
    if missing is not None:
        pytest.skip(f"no {missing} on PATH")
    # Not pytest's own temporary directory: the unprivileged account must be able to reach it.
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = Server(directory)
    try:
        yield server.start(plain=plain)
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server; without its binaries the test is skipped."""
    with _server() as server:
        yield server


@pytest.fixture
def plain_database() -> Iterator[Database]:
    """An empty database of a server of its own, which has nothing of Supabase, not even the roles."""
    with _server(plain=True) as server:
        yield Database(server, "postgres", "postgres")


@pytest.fixture(params=newer_postgres.VERSIONS)
def newer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of each newer PostgreSQL."""
    folder = newer_postgres.binaries(request.param)
    if folder is None:
        pytest.skip(f"no PostgreSQL {request.param}: `python -m local postgres` installs it")
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    with _server() as server:
        yield server


@pytest.fixture
def empty_database(postgres: Server) -> Database:
    """A database as a hosted project has it before our files are run."""
    return postgres.database()


@pytest.fixture
def version_2(empty_database: Database) -> Database:
    """A database of the version before, with rows in every table."""
    install_version_2(empty_database)
    return empty_database


@pytest.fixture(scope="session")
def native(postgres: Server) -> Native:
    """PostgreSQL with the schema, one for the session."""
    database = postgres.database()
    database.install()
    return Native(database)


@pytest.fixture(scope="session")
def embedded(stack: Stack) -> Iterator[Embedded]:
    """The embedded stack, one for the session."""
    backend = Embedded(stack)
    yield backend
    backend.close()


@pytest.fixture(scope="session", params=["embedded", "native"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Both, one after the other; they outlive the test: use devices of your own."""
    chosen: Backend = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def device() -> str:
    """A device that nobody has used."""
    return new_device()
