"""Apply `sql/` to the database of DATABASE_URL: `python -m operate.schema`, the step before a deployment.

The files may run any number of times. Each is one transaction, and a lock keeps two deployments apart. Where
DATABASE_URL is not set nothing is done: then the files are applied by hand, in Supabase's SQL editor.
"""

import sys
from pathlib import Path
from typing import Final

import psycopg

from core.settings import DatabaseSettings, SettingsError, load

FOLDER: Final = Path(__file__).parent.parent / "sql"
CONNECT_S: Final = 15
# Any number that nobody else uses: advisory locks are told apart by it.
LOCK: Final = 0x666C6565


def files() -> list[Path]:
    """List the files of the schema, in the order in which they are applied."""
    return sorted(FOLDER.glob("0*.sql"))


def apply(database_url: str) -> None:
    """Apply every file; raises psycopg.Error where the database refuses one."""
    with psycopg.connect(database_url, connect_timeout=CONNECT_S, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [LOCK])
        # The tables are in use: rather fail, and be tried again, than keep every query waiting behind us.
        connection.execute("set lock_timeout = '20s'")
        for file in files():
            with connection.transaction():
                # Without parameters the whole file goes to the server as it is.
                connection.execute(file.read_bytes())
            print(f"✓ {file.name}")  # noqa: T201 - a command line speaks


def main() -> int:
    """Apply the schema and give the exit status."""
    try:
        url = load(DatabaseSettings).database_url
        if url is None:
            print("DATABASE_URL is not set: sql/ is applied by hand")  # noqa: T201
            return 0
        apply(url.get_secret_value())
    except (SettingsError, psycopg.Error) as error:
        print(f"sql/ is not applied: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
