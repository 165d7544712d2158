"""Write what is held of a device, user or company: `fleet subject-export device ID --to FOLDER`.

    manifest.json      of whom and when, the rows of each table and the SHA-256 of its file, and the objects
    rows/TABLE.jsonl   the rows of each table, one JSON object a line
    objects/PATH       pictures, thumbnails and films under the paths that they have in Storage
    SHA256SUMS         one line for each of these objects: `cd FOLDER/objects && sha256sum -c ../SHA256SUMS`

It needs SUPABASE_URL and SUPABASE_SERVICE_ROLE. An export that was cut off goes on where it was called again:
rows are written anew, and objects that are there are not fetched again, since an object never changes. Exit
status: 0, 1 if the project refuses or cannot be reached or a file cannot be written, 2 for wrong usage.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Self

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from core.supabase import SupabaseGateway
from core.text import printable
from operate.command import EnvFile, console_on, end
from operate.export_folder import ExportFolder
from operate.held import Subject, find, held, rows
from operate.project import opened
from operate.whole_files import sha256_of, write_parts

SUMS: Final = "SHA256SUMS"
# The columns with paths of objects. What a picture shares with another one may be somebody else's.
PATHS: Final = {"public.captures": ("storage_path", "thumbnail_path"), "public.timelapses": ("path",)}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
Folder = Annotated[Path, typer.Option(help="the folder to write to: a new one", file_okay=False)]


@app.callback()
def main() -> None:
    """Write everything that is held of a device, a user or a company to a folder."""


@app.command()
def device(
    name: Annotated[str, typer.Argument(help="the id of a device")], *, to: Folder, env_file: EnvFile = None
) -> None:
    """Export a device: what it has sent and what was said of it, with all companies that had it."""
    with opened(env_file) as project:
        _export(project, find(project, "device", name), to)


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="an e-mail address")], *, to: Folder, env_file: EnvFile = None
) -> None:
    """Export a user: the account, the membership, and what names the account or its address."""
    with opened(env_file) as project:
        _export(project, find(project, "user", name), to)


@app.command()
def company(
    name: Annotated[str, typer.Argument(help="the name or the id of a company")],
    *,
    to: Folder,
    env_file: EnvFile = None,
) -> None:
    """Export a company: its people, and what its devices have sent while it had them."""
    with opened(env_file) as project:
        _export(project, find(project, "company", name), to)


def _export(project: SupabaseGateway, subject: Subject, to: Path) -> None:
    counts = held(project, subject)
    if not counts:
        end(f"nothing is held of {subject.name}", 1)
    tables = {}
    console = console_on(sys.stdout)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with ExportFolder(to, {"kind": subject.kind, "of": subject.of, "name": subject.name}) as folder:
        if folder.is_done:
            end(f"{to} has an export that is done; give a new folder", 2)
        try:
            with Objects(project, to) as objects, Progress(*columns, console=console) as bar:
                for each in counts:
                    file = to / "rows" / f"{each.table.removeprefix('public.')}.jsonl"
                    told = bar.track(rows(project, subject, each.table), each.rows, description=each.table)
                    tables[each.table] = _tell(file, (objects.keep_those_of(each.table, row) for row in told))
            folder.finish({"tables": tables, **objects.counts, "missing": objects.missing})
        except OSError as error:
            end(f"cannot write: {error}", 1)
    console.print(
        f"✓ {sum(table['rows'] for table in tables.values())} rows of {len(tables)} tables and "
        f"{objects.counts['objects']} objects of {printable(subject.name)} in {to}"
    )
    for path in objects.missing:
        console.print(f"– {path} is missing in Storage")
    if objects.counts["shared"]:
        console.print(
            f"– {objects.counts['shared']} pictures share an object that may be another's: left out"
        )


def _tell(file: Path, told: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Write rows to a file, and return their number and its sum."""
    number = 0

    def lines() -> Iterator[bytes]:
        nonlocal number
        for row in told:
            number += 1
            yield json.dumps(row, ensure_ascii=False).encode() + b"\n"

    digest = write_parts(file, lines())
    return {"rows": number, "sha256": digest}


class Objects:
    """The objects that rows name, fetched into a folder with the file of their sums; a context manager."""

    def __init__(self, project: SupabaseGateway, folder: Path) -> None:
        self._project = project
        self._folder = folder / "objects"
        self._sums = (folder / SUMS).open("w", encoding="utf-8")
        self.counts = {"objects": 0, "bytes": 0, "shared": 0}
        self.missing: list[str] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file of the sums."""
        self._sums.close()

    def keep_those_of(self, table: str, row: dict[str, Any]) -> dict[str, Any]:
        """Fetch the objects that a row names, unless they are there, and return the row."""
        paths = [row[column] for column in PATHS.get(table, ()) if row[column]]
        if paths and row.get("shares_object"):
            self.counts["shared"] += 1
            return row
        for path in paths:
            file = self._folder / path
            if not file.resolve().is_relative_to(self._folder.resolve()):
                end(f"this is no path of an object: {path!r}", 1)
            digest = sha256_of(file) if file.exists() else self._fetch(path, file)
            if digest is None:
                self.missing.append(path)
                continue
            self._sums.write(f"{digest}  {path}\n")
            self.counts["objects"] += 1
            self.counts["bytes"] += file.stat().st_size
        return row

    def _fetch(self, path: str, file: Path) -> str | None:
        with self._project.stream(path) as parts:
            return None if parts is None else write_parts(file, parts)


if __name__ == "__main__":
    app()
