"""Small folders of migrations, and databases that are upgraded with them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sql_postgres import SQL, Database

from operate.schema.database import connect
from operate.schema.editor import render
from operate.schema.files import File, read
from operate.schema.upgrade import Upgrade


def upgrade(
    database: Database, files: list[File], tell: Callable[[str], None] = print, patience_s: float = 30
) -> list[str]:
    """Upgrade a database and give the names of the files that were applied."""
    with connect(database.url, tell) as connection:
        return [file.name for file in Upgrade(connection, files, tell, patience_s).apply()]


def upgrade_in_editor(database: Database, files: list[File]) -> None:
    """Upgrade a database as a SQL editor does: everything in one transaction."""
    database.run(f"begin;\n{render(files)}\ncommit;")


@dataclass
class Folder:
    """A folder like `sql/`, with files of its own after the real ones that make the ledger."""

    path: Path

    def __post_init__(self) -> None:
        for name in ("platform.sql", "ledger.sql"):
            (self.path / name).write_text((SQL / name).read_text())
        for name in ("migrations", "repeatable"):
            (self.path / name).mkdir()

    def write(self, **texts: str) -> list[File]:
        """Write files (m1=… is a migration, r1=… a repeatable file), and give all of the folder."""
        for name, text in texts.items():
            kind = "migrations" if name.startswith("m") else "repeatable"
            (self.path / kind / f"{name}.sql").write_text(f"{text}\n")
        return read(self.path)
