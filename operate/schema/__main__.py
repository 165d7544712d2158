"""Brings the database of DATABASE_URL up to date with `sql/`: `fleet schema`, before a
deployment.

It may run any number of times, beside the live service, and two at once. `--dry-run` shows what is applied
and what is pending, and changes nothing. If DATABASE_URL is not set, it does nothing: then an operator runs
`sql/install.sql` in Supabase's SQL editor. Where SUPABASE_STORAGE_BUCKET is set, that is the bucket in which
users may read pictures from then on. Exit status: 0, also if the database is newer than these files; 1
if it could not be brought up to date; 2 for wrong usage.
"""

from typing import Annotated

import psycopg
import typer

from core.settings import DatabaseSettings, SettingsError, load
from operate.command import EnvFile, end, read_settings_from, say
from operate.schema.database import connect, in_one_line
from operate.schema.files import SchemaError, read
from operate.schema.upgrade import NewerDatabaseError, Upgrade

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what is applied and pending")] = False,
    env_file: EnvFile = None,
) -> None:
    """Bring the database of DATABASE_URL up to date with the files of sql/."""
    read_settings_from(env_file)
    try:
        settings = load(DatabaseSettings)
        url = settings.database_url
        if url is None:
            say("DATABASE_URL is not set: sql/install.sql is run by hand")
            return
        with connect(url.get_secret_value(), say) as connection:
            upgrade = Upgrade(connection, read(), say)
            if dry_run:
                show(upgrade)
            else:
                done = len(upgrade.apply())
                say(f"{done} of {len(upgrade.files)} files applied, the others were")
                if bucket := settings.supabase_storage_bucket:
                    connection.execute("select public.use_bucket(%s)", [bucket])
                    say(f"users may read their pictures in the bucket {bucket}")
    except NewerDatabaseError as error:
        # A deployment that goes back to older code must not fail, and must not bring older functions back.
        say(f"{error}; it is left as it is")
    except (SettingsError, SchemaError) as error:
        end(f"the database is not up to date: {error}", 1)
    except psycopg.Error as error:
        end(f"the database is not up to date: {in_one_line(error)}", 1)


def show(upgrade: Upgrade) -> None:
    """Print a line for each file: applied and when, or pending."""
    recorded, pending = upgrade.recorded(), upgrade.pending()
    for file in upgrade.files:
        if file in pending:
            say(f"→ {file.name}: pending")
        elif file.name in recorded:
            say(f"✓ {file.name}: applied {recorded[file.name].applied_at:%Y-%m-%d %H:%M %Z}")
        else:
            say(f"✓ {file.name}: there since before migrations were recorded")
    say(f"{len(pending)} of {len(upgrade.files)} files are pending; nothing was changed")


if __name__ == "__main__":
    app()
