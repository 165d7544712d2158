"""Plays statements on the database of an embedded Supabase that does not run, each at a moment of its own."""

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from local.node import node_binary
from local.part import clean_environment
from local.ports import StackError
from local.supabase_lite import SupabaseLite

# When (milliseconds since 1970), SQL, and its parameters.
Statement = tuple[int, str, list[str]]

_PLAYER: Final = Path(__file__).parent / "play.mjs"


def play(supabase: SupabaseLite, statements: Iterable[Statement]) -> list[dict[str, object]]:
    """Run the statements one after the other; return the rows of the last one.

    Raises StackError if one fails.
    """
    answer = subprocess.run(
        [node_binary(), str(_PLAYER), str(supabase.data)],
        input=json.dumps(list(statements)),
        env=clean_environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode != 0:
        raise StackError(f"history: {answer.stderr.strip()}")
    rows: list[dict[str, object]] = json.loads(answer.stdout)
    return rows
