"""Runs SQL text on a snapshot of the running Supabase Lite's database.

Only one process may have a PGlite database open, and PostgREST does not run SQL text. So the server is
frozen while its files are copied, about a tenth of a second, and the queries run on the copy. They see
what the server would find after a crash at that moment: everything that it has committed.
"""

import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.node import FOLDER, ask_database
from local.supabase_lite import SupabaseLite


@dataclass(frozen=True)
class Answer:
    """The result of one statement: the column names, and rows of JSON values in the order of the columns."""

    columns: list[str]
    rows: list[list[object]]


def query(supabase: SupabaseLite, sql: str) -> list[Answer]:
    """Run the statements of `sql` and return one answer for each; their writes change only the copy.

    Raises StackError if a statement fails.
    """
    with tempfile.TemporaryDirectory(dir=supabase.directory, prefix="snapshot-") as folder:
        copy = Path(folder) / "data"
        _copy_frozen(supabase, copy)
        answers = ask_database(FOLDER / "query.mjs", copy, sql)
    return [Answer(**answer) for answer in answers]


def _copy_frozen(supabase: SupabaseLite, copy: Path) -> None:
    group = supabase.process.pid if supabase.process else None
    if group is None:
        shutil.copytree(supabase.data, copy)
        return
    os.killpg(group, signal.SIGSTOP)
    try:
        shutil.copytree(supabase.data, copy)
    finally:
        os.killpg(group, signal.SIGCONT)
