"""The files of `sql/`, in the order in which they are applied, and what their first line says about it.

`platform.sql` and `ledger.sql` come first, as one. Then `migrations/`: each runs once. Then `repeatable/`:
each runs when its text has changed. A migration runs in one transaction, unless its first line is one of
these:

    -- run: concurrently                 Its statements run one by one, outside of a transaction. Each ends
                                         with a semicolon at the end of a line.
    -- run: batches of public.captures   Its one statement runs for some pages of the table at a time, each
                                         time in a transaction of its own, and again until it changes no row.
                                         :first and :last are the bounds: ctid >= :first and ctid < :last.

`-- baseline` marks what a database of version 2 has from before there was a ledger.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / "sql"
LEDGER: Final = "ledger.sql"
MIGRATIONS: Final = "migrations/"
_BATCHES: Final = re.compile(r"-- run: batches of ([a-z_]+\.[a-z0-9_]+)")


class SchemaError(Exception):
    """The files, or what the database has recorded of them, do not fit; the message says what to do."""


@dataclass(frozen=True)
class File:
    """A file by its name below `sql/`, with its text. Raises SchemaError for an unknown line `-- run`."""

    name: str
    text: str

    def __post_init__(self) -> None:
        # Otherwise a misspelt line would run the migration in another way than its author meant.
        if self._first_line.startswith("-- run") and not (self.is_concurrent or self.batches_of):
            raise SchemaError(f"{self.name}: this line is not understood: {self._first_line}")

    @property
    def _first_line(self) -> str:
        return self.text.partition("\n")[0].strip()

    @property
    def sha256(self) -> str:
        """The hash of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def is_migration(self) -> bool:
        """Whether it runs once."""
        return self.name.startswith(MIGRATIONS)

    @property
    def is_baseline(self) -> bool:
        """Whether a database of version 2 has it already."""
        return self._first_line == "-- baseline"

    @property
    def is_concurrent(self) -> bool:
        """Whether its statements run outside of a transaction."""
        return self._first_line == "-- run: concurrently"

    @property
    def batches_of(self) -> str | None:
        """The table whose pages its statement goes through, some at a time."""
        found = _BATCHES.fullmatch(self._first_line)
        return found and found[1]

    @property
    def statements(self) -> list[str]:
        """The statements of a file with a line `-- run`."""
        text = re.sub(r"(?m)^--.*\n", "", self.text)
        return [part.strip() for part in re.split(r";[ \t]*(?:\n|$)", text) if part.strip()]


def read(folder: Path = FOLDER) -> list[File]:
    """Read all files in the order in which they are applied."""
    paths = [*sorted((folder / MIGRATIONS).glob("*.sql")), *sorted((folder / "repeatable").glob("*.sql"))]
    first = "\n".join((folder / name).read_text(encoding="utf-8") for name in ("platform.sql", LEDGER))
    rest = (File(path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")) for path in paths)
    return [File(LEDGER, first), *rest]


def between(statement: str, first: int, last: int) -> str:
    """Give a statement that runs in batches the pages from `first` up to, but without, `last`."""
    return statement.replace(":first", f"'({first},0)'::tid").replace(":last", f"'({last},0)'::tid")
