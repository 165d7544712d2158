"""Apply `sql/` to the database of DATABASE_URL: `python -m operate.schema`, the step before a deployment.

Each file runs in a transaction of its own and may run any number of times. A lock makes two deployments wait
for each other. If DATABASE_URL is not set, this does nothing: an operator then applies the files by hand in
Supabase's SQL editor.
"""

import sys
from pathlib import Path
from typing import Final

import psycopg

from core.settings import DatabaseSettings, SettingsError, load

FOLDER: Final = Path(__file__).parent.parent / "sql"
CONNECT_S: Final = 15
# The number of the advisory lock; it may be any number that nothing else in this database uses.
LOCK: Final = 0x666C6565


def files() -> list[Path]:
    """Return the files of the schema in the order in which they are applied."""
    return sorted(FOLDER.glob("0*.sql"))


def apply(database_url: str) -> None:
    """Apply every file; raises psycopg.Error if the database is unreachable or refuses a file."""
    with psycopg.connect(database_url, connect_timeout=CONNECT_S, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [LOCK])
        # The tables are in use, and a statement that waits for a lock blocks all queries behind it. So it
        # fails after 20 s, and the deployment can be repeated.
        connection.execute("set lock_timeout = '20s'")
        for file in files():
            with connection.transaction():
                # Without parameters psycopg sends the whole file, with all its statements, unchanged.
                connection.execute(file.read_bytes())
            print(f"✓ {file.name}")  # noqa: T201 - a command line speaks


def main() -> int:
    """Apply the schema and return the exit status: 0 also if DATABASE_URL is not set, 1 on an error."""
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
