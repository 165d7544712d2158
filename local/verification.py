"""Runs the operators' verification queries from `sql/verification.sql` and shows the results as tables."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from local.part import REPOSITORY
from local.ports import StackError
from local.snapshot import Answer, query
from local.supabase_lite import SupabaseLite

FILE = REPOSITORY / "sql" / "verification.sql"
_SHOWN_ROWS = 12
_SHOWN_RECORDS = 3
_NO_LIMIT = 1000  # columns of a terminal that no answer needs
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")


@dataclass(frozen=True)
class Verification:
    """One query of the file: the comment above it as `title`, and the query's answer."""

    title: str
    answer: Answer


@dataclass(frozen=True)
class _Shown:
    columns: list[str]
    rows: list[list[Text]]
    left_out: str | None


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
        shown = _shown(answer, _SHOWN_ROWS)
        table = _table(shown)
        whole = Measurement.get(console, console.options.update_width(_NO_LIMIT), table)
        if whole.maximum > console.width:
            shown = _shown(answer, _SHOWN_RECORDS)
            table = _records(shown)
        console.print(f"[bold]{escape(verification.title)}[/]", table, sep="\n")
        if shown.left_out:
            console.print(f" {escape(shown.left_out)}\n", style="dim", highlight=False)


def _table(shown: _Shown) -> Table:
    """Return a line for each row."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in shown.columns:
        table.add_column(column, overflow="fold")
    for row in shown.rows:
        table.add_row(*row)
    return table


def _records(shown: _Shown) -> Table:
    """Return a line for each value, for a terminal that is too narrow for a row."""
    table = Table(box=None, show_header=False, padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for row in shown.rows:
        for column, value in zip(shown.columns, row, strict=True):
            table.add_row(column, value)
        table.add_row()
    return table


def _shown(answer: Answer, most: int) -> _Shown:
    """Leave out what is empty and what is too much, and say so."""
    used = [any(row[place] is not None for row in answer.rows) for place in range(len(answer.columns))]
    more = len(answer.rows) - most
    empty = [column for column, has_value in zip(answer.columns, used, strict=True) if not has_value]
    notes = [f"and {more} {'row' if more == 1 else 'rows'} more"] if more > 0 else []
    notes += [f"no value in {', '.join(empty)}"] if empty else []
    return _Shown(
        list(compress(answer.columns, used)),
        [[Text(_cell(value)) for value in compress(row, used)] for row in answer.rows[:most]],
        "; ".join(notes) or None,
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    # Times are shortened to seconds to save width.
    return f"{text[:10]} {text[11:19]}" if _TIME.fullmatch(text) else text
