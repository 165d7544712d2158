"""Brings a database up to date: which files it has, which are pending, and those applied in order."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg

from operate.schema.database import PATIENCE_S, Connection, in_one_line, turn, value
from operate.schema.files import LEDGER, MIGRATIONS, File, SchemaError
from operate.schema.run import run


class NewerDatabaseError(SchemaError):
    """The database has migrations that the files do not know: an older checkout must not touch it."""


@dataclass(frozen=True)
class Recorded:
    """A file as the database knows it."""

    sha256: str
    applied_at: datetime


@dataclass(frozen=True)
class Upgrade:
    """A database, and the files that it shall have. `tell` gets lines for whoever watches."""

    connection: Connection
    files: list[File]
    tell: Callable[[str], None] = print
    patience_s: float = PATIENCE_S

    def recorded(self) -> dict[str, Recorded]:
        """Return what the database has recorded, by the names of the files; nothing if it has no ledger."""
        if not self._has("fleet_private.schema_migrations"):
            return {}
        rows = self.connection.execute("select name, sha256, applied_at from fleet_private.schema_migrations")
        return {name: Recorded(sha256, applied_at) for name, sha256, applied_at in rows}

    def pending(self) -> list[File]:
        """Return the files that are still to be applied, in order.

        Raises SchemaError if a migration is not the one that was applied, and NewerDatabaseError if the
        database has one that is none of the files.
        """
        recorded = self.recorded()
        migrations = {name for name in recorded if name.startswith(MIGRATIONS)}
        for file in self.files:
            known = recorded.get(file.name)
            if file.is_migration and known and known.sha256 != file.sha256:
                raise SchemaError(
                    f"{file.name} is not the file that was applied on {known.applied_at:%Y-%m-%d}."
                    " A migration runs once: restore it, and put the change into a new migration"
                )
        if unknown := migrations - {file.name for file in self.files}:
            raise NewerDatabaseError(f"the database is newer than these files: {', '.join(sorted(unknown))}")
        adopts = not migrations and self._is_of_version_2()
        return [
            file
            for file in self.files
            if not (file.name in recorded and recorded[file.name].sha256 == file.sha256)
            and not (adopts and file.is_baseline)
        ]

    def apply(self) -> list[File]:
        """Apply what is pending, and return it; raise SchemaError where that cannot be done."""
        with turn(self.connection, self.patience_s):
            pending = self.pending()
            for file in pending:
                self._apply(file)
                self.tell(f"✓ {file.name}")
                if file.name == LEDGER:
                    self._adopt()
            if pending:
                # PostgREST keeps a list of the functions that there are.
                self.connection.execute("notify pgrst, 'reload schema'")
        return pending

    def _apply(self, file: File) -> None:
        try:
            run(
                self.connection,
                file,
                wait=lambda: self.tell(f"· {file.name} waits until its tables are free"),
                patience_s=self.patience_s,
            )
        except psycopg.Error as error:
            raise SchemaError(f"{file.name}: {in_one_line(error)}") from error

    def _adopt(self) -> None:
        baseline = {file.name: file.sha256 for file in self.files if file.is_baseline}
        if value(self.connection, "select fleet_private.adopt(%s)", json.dumps(baseline)):
            self.tell(f"✓ {len(baseline)} migrations recorded and not run: the tables of version 2 are there")

    def _is_of_version_2(self) -> bool:
        query = "select exists (select from public.schema_version where version = 2)"
        return self._has("public.schema_version") and bool(value(self.connection, query))

    def _has(self, table: str) -> bool:
        return value(self.connection, "select to_regclass(%s)", table) is not None
