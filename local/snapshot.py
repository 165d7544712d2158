"""SQL text, word for word, against what the running Supabase Lite holds at this moment.

PGlite lets one process have a database open, and PostgREST runs no SQL text. So the server is frozen for the
tenth of a second that a copy of its files takes, and the queries run on the copy: what they see is what the
server would have found after a crash at that moment, that is, everything it has committed.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.node import FOLDER, node_binary
from local.part import clean_environment
from local.ports import StackError
from local.supabase_lite import SupabaseLite


@dataclass(frozen=True)
class Answer:
    """What one statement answered: column names, and rows of JSON values in that order."""

    columns: list[str]
    rows: list[list[object]]


def query(supabase: SupabaseLite, sql: str) -> list[Answer]:
    """Run the statements of `sql`, one answer each; what they write stays in the copy and is lost with it."""
    with tempfile.TemporaryDirectory(dir=supabase.directory, prefix="snapshot-") as folder:
        copy = Path(folder) / "data"
        _copy_frozen(supabase, copy)
        answer = subprocess.run(
            [node_binary(), str(FOLDER / "query.mjs"), str(copy)],
            input=sql,
            env=clean_environment(),
            check=False,
            capture_output=True,
            text=True,
        )
    if answer.returncode != 0:
        raise StackError(f"supabase: the query failed: {answer.stderr.strip()}")
    return [Answer(result["columns"], result["rows"]) for result in json.loads(answer.stdout)]


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
