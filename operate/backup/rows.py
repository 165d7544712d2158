"""Rows and accounts, by PostgreSQL's own tools: `pg_dump` takes them, `pg_restore` and `psql` put them back.

The dump has all that is ours with its rights, so a restored database has the catalog of the one that was
dumped. It is put back in one transaction. Of Supabase's accounts the rows are taken, and of Storage nothing:
it makes its rows itself when objects are uploaded.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from operate.backup import BackupError
from operate.schema.database import Connection, value

ROWS: Final = "rows"
ACCOUNTS: Final = "accounts"
_SCHEMAS: Final = ("public", "fleet_private")
# Who there is, with the hashes of passwords and second factors. No sessions: everybody signs in anew.
_ACCOUNTS_OF: Final = ("auth.users", "auth.identities", "auth.mfa_factors")
# A project may give every new table and function to all roles, and a dump does not take that away.
_GIVE_NOTHING: Final = "".join(
    f"alter default privileges in schema public revoke all on {kind}"
    " from anon, authenticated, service_role;\n"
    for kind in ("tables", "functions", "sequences")
)
# What this file makes is in Storage's schema, so in no dump: the next upgrade applies it again.
_STORAGE_AGAIN: Final = (
    "delete from fleet_private.schema_migrations where name = 'repeatable/080_storage.sql';\n"
)
# What every project has: its schema public, and what others than this user give by default.
_NOT_OURS: Final = r"\d+; \d+ \d+ (SCHEMA - public |COMMENT - SCHEMA public |DEFAULT ACL (?!.* {user}$))"


class Rows:
    """The rows of a database, by a connection to it, and by its address for the tools."""

    def __init__(self, connection: Connection, url: str) -> None:
        self._connection = connection
        parts = conninfo_to_dict(url)
        # Everybody on this machine can read arguments.
        self._login = {"PGPASSWORD": str(parts.pop("password"))} if "password" in parts else {}
        self._where = make_conninfo("", **parts)

    def dump(self, bucket: str, place: Callable[[str], Path]) -> list[str]:
        """Dump ROWS and ACCOUNTS into the files of `place`, and return the names of the bucket's objects.

        All of it is of one moment. Raises BackupError.
        """
        with self._connection.transaction():
            self._connection.execute("set transaction isolation level repeatable read, read only")
            snapshot = f"--snapshot={value(self._connection, 'select pg_export_snapshot()')}"
            ours = [f"--schema={schema}" for schema in _SCHEMAS]
            accounts = ["--data-only", *(f"--table={table}" for table in _ACCOUNTS_OF)]
            for name, chosen in ((ROWS, ours), (ACCOUNTS, accounts)):
                to = ["--format=custom", f"--file={place(name)}"]
                _run(["pg_dump", f"--dbname={self._where}", snapshot, *chosen, *to], self._login)
            listed = "select name from storage.objects where bucket_id = %s order by name"
            return [name for (name,) in self._connection.execute(listed, [bucket])]

    def refuse_unless_empty(self) -> None:
        """Raise BackupError where there are accounts, or anything of a fleet."""
        if value(self._connection, "select to_regnamespace('fleet_private') is not null"):
            raise BackupError("there is a fleet in this project: restore into an empty one")
        if value(self._connection, "select exists (select from auth.users)"):
            raise BackupError("there are accounts in this project: restore into an empty one")

    def make_bucket(self, bucket: str) -> None:
        """Make the bucket, closed to the public, where there is none."""
        made = "insert into storage.buckets (id, name, public) values (%s, %s, false) on conflict do nothing"
        self._connection.execute(made, [bucket, bucket])

    def put_back(self, rows: Path, accounts: Path) -> None:
        """Restore both dumps in one transaction; raise BackupError where that cannot be done."""
        user = re.escape(str(value(self._connection, "select current_user")))
        not_ours = re.compile(_NOT_OURS.format(user=user))
        entries = _run(["pg_restore", "--list", str(rows)]).splitlines()
        # Nobody else can read this folder: the hashes of all passwords are in it.
        with tempfile.TemporaryDirectory() as folder:
            ours, first, then = (Path(folder) / name for name in ("ours", "accounts.sql", "rows.sql"))
            ours.write_text("\n".join(line for line in entries if not not_ours.match(line)))
            _run(["pg_restore", f"--file={first}", str(accounts)])
            _run(["pg_restore", "--no-owner", f"--use-list={ours}", f"--file={then}", str(rows)])
            all_or_nothing = ["--single-transaction", "--set=ON_ERROR_STOP=1"]
            quietly = ["--no-psqlrc", "--quiet", f"--output={os.devnull}", f"--dbname={self._where}"]
            steps = [
                f"--command={_GIVE_NOTHING}",
                f"--file={first}",
                f"--file={then}",
                f"--command={_STORAGE_AGAIN}",
            ]
            _run(["psql", *all_or_nothing, *quietly, *steps], self._login)


def _run(command: list[str], login: Mapping[str, str] = {}) -> str:
    environment = {**os.environ, **login}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - PostgreSQL's
    except FileNotFoundError:
        raise BackupError(f"{command[0]} is not on PATH: install PostgreSQL's client") from None
    if done.returncode != 0:
        raise BackupError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
