"""Plays statements on the database of an embedded Supabase that does not run, each at a moment of its own."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from local.node import ask_database
from local.supabase_lite import SupabaseLite

# When (milliseconds since 1970), SQL, and its parameters.
Statement = tuple[int, str, list[str]]

_PLAYER: Final = Path(__file__).parent / "play.mjs"


def play(supabase: SupabaseLite, statements: Iterable[Statement]) -> list[dict[str, object]]:
    """Run the statements one after the other; return the rows of the last one.

    Raises StackError if one fails.
    """
    rows: list[dict[str, object]] = ask_database(_PLAYER, supabase.data, json.dumps(list(statements)))
    return rows
