"""Runs the operators' verification queries from `sql/verification.sql` and shows the results as tables."""

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
    """One query of the file: the comment above it as `title`, and the query's answer."""

    title: str
    answer: Answer


def titles(text: str) -> list[str]:
    """Return a title for each statement of `text`: the first line of the comment directly above it.

    A statement ends with `;` at the end of a line. A statement without a comment gets the title of the
    statement before it.
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
    """Run sql/verification.sql on the server's present data.

    Raises StackError if a query fails, or if the file's titles and answers differ in number.
    """
    text = FILE.read_text()
    names, answers = titles(text), query(supabase, text)
    if len(names) != len(answers):
        raise StackError(
            f"{FILE.name}: {len(answers)} answers to {len(names)} queries; end each with `;` on its line"
        )
    return [Verification(name, answer) for name, answer in zip(names, answers, strict=True)]


def show(verifications: Iterable[Verification], console: Console) -> None:
    """Print the title of each query and a table with the first rows of its answer."""
    for verification in verifications:
        answer = verification.answer
        if not answer.rows:
            console.print(f"[bold]{escape(verification.title)}[/] no rows")
            continue
        console.print(f"[bold]{escape(verification.title)}[/]", _table(answer))


def _table(answer: Answer) -> Table:
    """Return a table of the first rows; the caption names empty columns, which would only take width."""
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
    # Times are shortened to seconds to save width.
    return f"{text[:10]} {text[11:19]}" if _TIME.fullmatch(text) else text
