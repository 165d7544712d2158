"""Tell how a capture came, or why none did: `fleet story DEVICE [IMAGE]` or `… CAPTURE`.

With an image, or the id of a capture, it tells the story of that capture: sentences, then the timeline. With
a device alone it lists the expected wakes of the last days that have no picture, each with the reason. Exit
status: 0, 1 if there is no such thing or nothing can be read, 2 for wrong usage.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.supabase import SupabaseGateway
from core.text import printable
from operate.command import EnvFile, console_on, end
from operate.project import opened

WIDTH: Final = 80
_MARKS: Final = {"gap": "yellow", "asked": "yellow", "failed": "red", "timed_out": "red", "given_up": "red"}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    device: Annotated[str, typer.Argument(help="the {MAC} of the device's topics, or the id of a capture")],
    image: Annotated[str | None, typer.Argument(help="the name of an image; the newest of that name")] = None,
    *,
    days: Annotated[int, typer.Option(help="without an image: how far back", min=1, max=32)] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="what the database tells, as JSON")] = False,
    env_file: EnvFile = None,
) -> None:
    """Tell how a capture came, or why a device sent none."""
    with opened(env_file) as project:
        capture = _capture(project, device, image)
        told: Any = (
            project.call("capture_story", p_capture=capture) if capture else _gaps(project, device, days)
        )
    if told is None:
        end(f"no capture {capture}", 1)
    console = console_on(sys.stdout, WIDTH)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(told, option=orjson.OPT_INDENT_2) + b"\n")
    elif capture:
        _print_story(console, told)
    else:
        _print_gaps(console, device, days, told)


def _capture(project: SupabaseGateway, device: str, image: str | None) -> str | None:
    """Return the id of the capture that is meant; None if it is a device."""
    if image is not None:
        found = project.capture_named(device, image)
        return found or end(f"{device} has no capture {image}", 1)
    try:
        return str(UUID(device))
    except ValueError:
        return None


def _gaps(project: SupabaseGateway, device: str, days: int) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    times = {"p_from": (now - timedelta(days=days)).isoformat(), "p_to": now.isoformat()}
    found: list[dict[str, Any]] = project.call("gaps_of_device", p_device=device, **times)
    if not found and not project.has_device(device):
        end(f"no device {device}", 1)
    return found


def _print_story(console: Console, told: dict[str, Any]) -> None:
    console.print(
        f"{told['device_id']}/{printable(told['image_name'])}: {told['status']}, "
        f"taken {datetime.fromisoformat(told['captured_at']):%Y-%m-%d %H:%M:%S} UTC",
        f"({told['capture_id']})",
        sep="\n",
    )
    console.print(f"\nTimes of {told['timezone']}:")
    for sentence in told["sentences"]:
        line = Table.grid(padding=(0, 1))
        line.add_row("–", Text(printable(sentence["text"])))
        console.print(line)
    table = Table(box=None, pad_edge=False, show_header=False)
    for entry in told["timeline"]:
        at = datetime.fromisoformat(entry["at"])
        more = ", ".join(
            f"{name} {value}" for name, value in entry.items() if name not in ("at", "kind") and value != ""
        )
        table.add_row(
            f"{at:%H:%M:%S}.{at.microsecond // 1000:03}",
            Text(entry["kind"].replace("_", " "), style=_MARKS.get(entry["kind"], "")),
            Text(printable(more)),
        )
    if told["timeline"]:
        console.print("\nTimes of UTC:")
        console.print(table)


def _print_gaps(console: Console, device: str, days: int, gaps: list[dict[str, Any]]) -> None:
    time = "day" if days == 1 else f"{days} days"
    if not gaps:
        console.print(f"{device}: no expected picture of the last {time} is missing")
        return
    console.print(f"{device}: {len(gaps)} expected pictures of the last {time} are missing (wakes in UTC):")
    table = Table(box=None, pad_edge=False, show_header=False)
    for gap in gaps:
        at = datetime.fromisoformat(gap["wake_at"])
        table.add_row(f"{at:%Y-%m-%d %H:%M}", gap["reason"], Text(printable(gap["sentence"])))
    console.print(table)


if __name__ == "__main__":
    app()
