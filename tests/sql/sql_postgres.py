"""A PostgreSQL server of the tests' own, from the binaries on PATH, spoken to with psql."""

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any, Self

from local.postgres import Postgres

SQL = Path(__file__).resolve().parents[2] / "sql"
INSTALL = SQL / "install.sql"
# The files of version 2, one after the other, as they were before there was a ledger of migrations.
VERSION_2 = Path(__file__).with_name("versions") / "2.sql"
HOSTED = Path(__file__).with_name("hosted.sql")
ROLES = Path(__file__).with_name("roles.sql")
OWNER = "supabase_owner"


class SqlError(Exception):
    """The server refused: `sqlstate` as it said, the whole text as the message."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        _, _, rest = text.partition("ERROR:  ")
        self.sqlstate = rest[:5]


def literal(value: object) -> str:
    """Write a value as an SQL literal: a tuple as an array, and what else is neither text nor a number as JSON."""
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return literal("{" + ", ".join(map(json.dumps, value)) + "}")
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("'", "''") + "'"


class Server(Postgres):
    """A cluster with the roles of a hosted project."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, max_connections="40", shared_buffers="32MB")

    def start(self, *, plain: bool = False) -> Self:
        """Make the cluster and run it; `plain` means without the roles of a Supabase project."""
        super().start()
        if not plain:
            Database(self, "postgres", "postgres").run(ROLES.read_text())
        return self

    def database(self) -> "Database":
        """Make a database that looks as a hosted project does before our files are run."""
        name = f"db_{uuid.uuid4().hex[:12]}"
        Database(self, "postgres", "postgres").run(f"create database {name}")
        Database(self, name, "postgres").run(HOSTED.read_text())
        return Database(self, name, OWNER)


class Database:
    """One database, as one user, with a psql process per call."""

    def __init__(self, server: Server, name: str, user: str) -> None:
        self.server = server
        self.name = name
        self.user = user

    def as_superuser(self) -> "Database":
        """Give the same database to the superuser."""
        return Database(self.server, self.name, "postgres")

    def psql(self, *arguments: str | Path) -> list[str | Path]:
        """Give the command line of psql for this database."""
        where: list[str | Path] = ["-h", self.server.directory, "-U", self.user, "-d", self.name]
        return [
            "psql",
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=verbose",
            *where,
            *arguments,
        ]

    def _call(self, *arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
        done = subprocess.run(
            self.psql(*arguments), input=text, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SqlError(done.stderr)
        return done

    def run(self, sql: str) -> str:
        """Run statements and give what they print."""
        return self._call("-f", "-", text=sql).stdout

    def file(self, path: Path) -> str:
        """Run a file as an operator does, and give the warnings."""
        return self._call("-o", os.devnull, "-f", path).stderr

    def install(self) -> str:
        """Run the file for SQL editors and give the warnings."""
        return self.file(INSTALL)

    @property
    def url(self) -> str:
        """The address for psycopg."""
        return self.server.url(self.name, self.user)

    def value(self, expression: str, *, before: str = "", end: str = "commit") -> Any:
        """Evaluate one expression, as JSON, after the statements in `before`, in one transaction."""
        text = self.run(f"begin; {before} select coalesce(to_json(({expression})), 'null'); {end};")
        return json.loads(text)

    def rows(self, query: str, *, before: str = "", end: str = "commit") -> list[dict[str, Any]]:
        """Run one query after the statements in `before`, in one transaction."""
        found: list[dict[str, Any]] = self.value(
            f"select coalesce(json_agg(q), '[]') from ({query}) as q", before=before, end=end
        )
        return found


class Connection:
    """One lasting connection: `send` does not wait, `receive` waits for what the last statements printed."""

    def __init__(self, database: Database) -> None:
        self._process = subprocess.Popen(
            database.psql(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def send(self, sql: str) -> None:
        """Send statements."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{sql}\n\\echo --end--\n")
        self._process.stdin.flush()

    def receive(self) -> str:
        """Wait until the statements sent have been run, and give their output."""
        assert self._process.stdout is not None
        lines = []
        while (line := self._process.stdout.readline()) not in ("--end--\n", ""):
            lines.append(line)
        return "".join(lines)

    def ask(self, sql: str) -> str:
        """Send statements and wait."""
        self.send(sql)
        return self.receive()

    def close(self) -> None:
        """Leave; an open transaction is rolled back."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
