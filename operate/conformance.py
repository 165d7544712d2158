"""Compare a device with docs/protocol.md: `fleet conformance AABBCCDDEEFF [--recording FILE]`.

It lists each deviation with how often it came, what it costs, and an example. Without a recording it reads
the last messages in the database's log, which has hellos and metadata but no chunks, and tells what the
database advises about the device's link; a recording of `fleet record` has all messages. Exit
status: 0, 1 if something harmful was found or nothing can be read, 2 for wrong usage or a file that is no
recording.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.text import printable
from operate.command import EnvFile, console_on, end
from operate.field.examine import Example, Report, examine, worst_first
from operate.field.logged import logged
from operate.field.recording import Recording, RecordingError
from operate.field.rules import RULES, Grade
from operate.project import opened

ROWS: Final = 1_000
_MARKS: Final[dict[Grade, tuple[str, str]]] = {"harmful": ("✗", "red"), "dialect": ("–", "dim")}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    device: Annotated[str, typer.Argument(help="the {MAC} of the device's topics")],
    *,
    recording: Annotated[
        Path | None, typer.Option(help="read this recording of `fleet record`", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    env_file: EnvFile = None,
) -> None:
    """List in what a device deviates from the protocol."""
    link: dict[str, Any] | None = None
    try:
        if recording:
            report, began_at = _of_file(recording, device)
        else:
            report, began_at, link = _of_log(device, env_file)
    except RecordingError as error:
        end(str(error), 2)
    if not report.messages:
        end(f"no message of {device} in {recording or 'the log'}", 1)
    if as_json:
        told = _as_json(report, began_at, link)
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        console = console_on(sys.stdout)
        _print(console, device, report, began_at, whole=recording is not None)
        if link:
            _print_link(console, link)
    raise typer.Exit(any(RULES[rule].grade == "harmful" for rule in report.broken))


def _of_file(path: Path, device: str) -> tuple[Report, datetime]:
    recording = Recording(path)
    mine = (message for message in recording if message.device_id == device)
    return examine(mine, recording.began_at), recording.began_at


def _of_log(device: str, env_file: Path | None) -> tuple[Report, datetime, dict[str, Any] | None]:
    with opened(env_file) as project:
        rows = project.latest_messages(device, ROWS)[::-1]
        link = project.call("link_advice", p_device=device)
    began_at = datetime.fromisoformat(rows[0]["received_at"]) if rows else datetime.now(UTC)
    return examine(logged(device, rows, began_at), began_at), began_at, link


def _print(console: Console, device: str, report: Report, began_at: datetime, *, whole: bool) -> None:
    console.print(
        f"{device}: {report.hellos} hellos, {report.pictures} pictures, {report.chunks} chunks "
        f"since {began_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    if not whole:
        console.print("The log has no chunks and no answers: a recording shows what they deviate in.")
    for example, rules in _by_example(report).items():
        console.print()
        console.print(_table(report, rules))
        at = began_at + timedelta(milliseconds=example.ms)
        seen = Table.grid(padding=(0, 1))
        seen.add_row("", f"{at:%H:%M:%S}", Text(printable(example.text), overflow="fold"), style="dim")
        console.print(seen)
    if not report.broken:
        console.print("✓ nothing deviates from docs/protocol.md")


def _print_link(console: Console, link: dict[str, Any]) -> None:
    """Print what the SQL function `link_advice` tells: sentences, and the figures that are known."""
    console.print("\nIts link, by its pictures of two weeks:")
    advice = Table.grid(padding=(0, 1))
    for said in link["advice"]:
        advice.add_row("→", Text(printable(said["text"])))
    known = {name: value for name, value in link["figures"].items() if value is not None}
    advice.add_row("", Text(", ".join(f"{name} {value}" for name, value in known.items()), style="dim"))
    console.print(advice)


def _table(report: Report, rules: list[str]) -> Table:
    """Return a line for each rule: what the device does, how often, and what that costs."""
    table = Table.grid(padding=(0, 1))
    for rule in rules:
        grade, what, why = RULES[rule]
        mark, style = _MARKS[grade]
        count = f" ({report.broken[rule]} times)" if report.broken[rule] > 1 else ""
        table.add_row(Text(mark, style=style), Text.assemble((what, "bold"), count, f": {why}"))
    return table


def _by_example(report: Report) -> dict[Example, list[str]]:
    """Gather the rules that one message breaks, those with something harmful first."""
    groups: dict[Example, list[str]] = {}
    for rule, _ in worst_first(report):
        groups.setdefault(report.examples[rule], []).append(rule)
    return groups


def _as_json(report: Report, began_at: datetime, link: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "began_at": began_at,
        "hellos": report.hellos,
        "pictures": report.pictures,
        "chunks": report.chunks,
        "deviations": [
            {
                "rule": rule,
                "grade": RULES[rule].grade,
                "what": RULES[rule].what,
                "why": RULES[rule].why,
                "count": count,
                "example": report.examples[rule].text,
            }
            for rule, count in worst_first(report)
        ],
        "link": link,
    }


if __name__ == "__main__":
    app()
