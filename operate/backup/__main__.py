"""Copy the project's rows and objects into a folder, and a folder into an empty project.

    fleet backup take DIR       as often as you like: objects that are there are not fetched again
    fleet backup restore DIR    into a project that has nothing of a fleet yet

Both may be stopped and started again. They need DATABASE_URL, SUPABASE_URL, SUPABASE_SERVICE_ROLE, and on
PATH `pg_dump`, `pg_restore` and `psql`, no older than the database. Exit status: 0, 1 if something refuses, 2
for wrong usage.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from core.settings import DatabaseSettings, SupabaseSettings, load
from core.supabase import SupabaseGateway
from operate.backup import BackupError
from operate.backup.folder import Folder
from operate.backup.objects import BELOW, fetch, upload
from operate.backup.rows import ACCOUNTS, ROWS, Rows
from operate.command import EnvFile, end, say
from operate.project import opened
from operate.schema.database import Connection, connect, in_one_line
from operate.schema.files import SchemaError, read
from operate.schema.upgrade import Upgrade

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
Where = Annotated[Path, typer.Argument(help="the folder of the backup", file_okay=False)]


@app.callback()
def main() -> None:
    """Copy the project's rows and objects into a folder, and a folder into an empty project."""


@app.command()
def take(
    where: Where,
    *,
    prune: Annotated[
        bool, typer.Option("--prune", help="delete from the folder the objects that the bucket no longer has")
    ] = False,
    env_file: EnvFile = None,
) -> None:
    """Bring the folder up to date with the project."""
    os.umask(0o077)  # there are the hashes of all passwords in it
    folder = Folder(where)
    with _project(env_file) as (gateway, _, rows, bucket):
        before = folder.at_hand()
        names = rows.dump(bucket, folder.unfinished)
        objects = fetch(gateway, folder, names, say)
        folder.finish((ROWS, ACCOUNTS), objects)
    say(f"✓ rows and accounts, and {len(objects)} objects, {len(objects.keys() - before.keys())} of them new")
    gone = folder.others(BELOW)
    for path in gone if prune else ():
        path.unlink()
    if gone:
        what = "were deleted here too" if prune else "stay here: --prune deletes them"
        say(f"· {len(gone)} objects that the bucket no longer has {what}")


@app.command()
def restore(where: Where, *, env_file: EnvFile = None) -> None:
    """Put the folder into a project that has nothing of a fleet yet: the objects, then the rows."""
    folder = Folder(where)
    with _project(env_file) as (gateway, connection, rows, bucket):
        rows.refuse_unless_empty()
        dumps = [folder.dump(name) for name in (ROWS, ACCOUNTS)]
        objects = {name: digest for name, digest in folder.whole().items() if name.startswith(BELOW)}
        rows.make_bucket(bucket)
        upload(gateway, folder, objects)
        say(f"✓ {len(objects)} objects")
        rows.put_back(*dumps)
        say("✓ rows and accounts")
        Upgrade(connection, read(), say).apply()


@contextmanager
def _project(env_file: Path | None) -> Iterator[tuple[SupabaseGateway, Connection, Rows, str]]:
    """Give the project's gateway, its database, the rows in it, and the name of its bucket."""
    try:
        with opened(env_file) as gateway:
            url = load(DatabaseSettings).database_url
            if url is None:
                end("DATABASE_URL is not set", 1)
            with connect(url.get_secret_value(), say) as connection:
                bucket = load(SupabaseSettings).supabase_storage_bucket
                yield gateway, connection, Rows(connection, url.get_secret_value()), bucket
    except (BackupError, SchemaError) as error:
        end(str(error), 1)
    except psycopg.Error as error:
        end(f"the database: {in_one_line(error)}", 1)
    except OSError as error:
        end(f"cannot read or write {error.filename or 'the backup'}: {error.strerror}", 1)


if __name__ == "__main__":
    app()
