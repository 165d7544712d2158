"""The operators' verification queries, run as they stand in their file, shown as tables."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from local.part import REPOSITORY
from local.ports import StackError
from local.snapshot import Answer, query
from local.supabase_lite import SupabaseLite

FILE = REPOSITORY / "sql" / "verification.sql"
_SHOWN_ROWS = 12
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


@dataclass(frozen=True)
class Verification:
    """One query of the file: the comment above it, and what it answered."""

    title: str
    answer: Answer


def titles(text: str) -> list[str]:
    """The first comment line right above each statement of `text`; a statement ends with `;` at a line's end.

    A statement without one continues the question of the statement before it.
    """
    found: list[str] = []
    title, inside = "", False
    for line in map(str.strip, text.splitlines()):
        if inside:
            inside = not line.endswith(";")
        elif line.startswith("--"):
            title = title or line.lstrip("- ")
        elif line:
            found.append(title or (found[-1] if found else FILE.name))
            title, inside = "", not line.endswith(";")
        else:
            title = ""
    return found


def run(supabase: SupabaseLite) -> list[Verification]:
    """Run sql/verification.sql against what the server holds now."""
    text = FILE.read_text()
    names, answers = titles(text), query(supabase, text)
    if len(names) != len(answers):
        raise StackError(
            f"{FILE.name}: {len(answers)} answers to {len(names)} queries; end each with `;` on its line"
        )
    return [Verification(name, answer) for name, answer in zip(names, answers, strict=True)]


def show(verifications: Iterable[Verification], console: Console) -> None:
    """Print each question, and a table of the first rows that answered it."""
    for verification in verifications:
        answer = verification.answer
        if not answer.rows:
            console.print(f"[bold]{escape(verification.title)}[/] no rows")
            continue
        console.print(f"[bold]{escape(verification.title)}[/]", _table(answer))


def _table(answer: Answer) -> Table:
    """The first rows; columns without a value in any row are named below instead of taking width."""
    used = [any(row[place] is not None for row in answer.rows) for place in range(len(answer.columns))]
    more = len(answer.rows) - _SHOWN_ROWS
    empty = [column for column, has_value in zip(answer.columns, used, strict=True) if not has_value]
    notes = [f"and {more} rows more"] if more > 0 else []
    notes += [f"no value in {', '.join(empty)}"] if empty else []
    table = Table(box=box.SIMPLE_HEAD, caption="; ".join(notes) or None, caption_justify="left")
    for column, has_value in zip(answer.columns, used, strict=True):
        if has_value:
            table.add_column(column, overflow="fold")
    for row in answer.rows[:_SHOWN_ROWS]:
        table.add_row(*(Text(_cell(value)) for value, has_value in zip(row, used, strict=True) if has_value))
    return table


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    # Fractions of a second would only cost width.
    return f"{text[:10]} {text[11:19]}" if _TIME.fullmatch(text) else text
