"""Show the current state: `fleet status [--json] [--watch]`. It changes nothing.

It prints tables, in plain text if the output is not a terminal, or one JSON object with --json. The exit
status is 1 if Redis or Supabase could not be read, or if no listener or no worker is alive.
"""

import sys
import time
from dataclasses import asdict
from typing import Annotated

import orjson
import typer
from rich import box
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from core.dispatch import make_app
from core.settings import RedisSettings, SettingsError, SupabaseSettings, load
from core.text import printable
from operate.command import EnvFile, console_on, read_settings_from
from operate.overview import Overview, read_overview

ALIVE_S = 15.0

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


def render(overview: Overview) -> RenderableType:
    """Return the overview as text and tables."""
    counts = Text(
        f"{overview.in_flight} captures in flight, {overview.nacks_due} requests for chunks due, "
        f"{overview.hellos_unanswered} hellos unanswered, {overview.taken} tasks in hand"
    )
    parts: list[RenderableType] = [Text(f"✗ {trouble}", style="red") for trouble in overview.troubles]
    for name, peers in (("listener", overview.listeners), ("worker", overview.workers)):
        if not any(peer.seen_s < ALIVE_S for peer in peers):
            parts.append(Text(f"✗ no {name} is alive", style="red"))
    return Group(*parts, counts, *_tables(overview))


def _tables(overview: Overview) -> list[Table]:
    queues = _table("queue", "waiting", "oldest")
    for queue in overview.queues:
        queues.add_row(queue.name, str(queue.waiting), _seconds(queue.oldest_s))
    peers = _table("process", "seen", "state")
    for kind, members in (("listener", overview.listeners), ("worker", overview.workers)):
        for peer in members:
            peers.add_row(f"{kind} {peer.name}", f"{_seconds(peer.seen_s)} ago", peer.busy)
    captures = _table("device", "image", "state", "chunks", "missing", "NACKs", "quiet", "next look")
    for capture in overview.captures:
        captures.add_row(
            printable(capture.device),
            printable(capture.image),
            capture.state,
            f"{capture.chunks}/{capture.total or '?'}",
            capture.missing,
            str(capture.nacks),
            _seconds(capture.quiet_s),
            "now" if capture.next_look_s <= 0 else f"in {_seconds(capture.next_look_s)}",
        )
    errors = _table("when", "device", "error", "message")
    for error in overview.errors:
        when = str(error["occurred_at"])[:19].replace("T", " ")
        device, message = (printable(error[name] or "") for name in ("device_id", "message"))
        errors.add_row(when, device, str(error["error_code"]), message)
    return [table for table in (queues, peers, captures, errors) if table.row_count]


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="dim", padding=(0, 1))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _seconds(value: float | None) -> str:
    if value is None:
        return "?"
    if value < 120:
        return f"{max(0.0, value):.1f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"


def healthy(overview: Overview) -> bool:
    """Return whether everything could be read, and a listener and a worker are alive."""
    alive = (any(peer.seen_s < ALIVE_S for peer in peers) for peers in (overview.listeners, overview.workers))
    return not overview.troubles and all(alive)


@app.command()
def main(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="again every two seconds, until Ctrl-C")] = False,
    limit: Annotated[int, typer.Option(min=1, help="how many captures and errors are named")] = 20,
    env_file: EnvFile = None,
) -> None:
    """Show captures in flight, queues, processes and the last errors."""
    read_settings_from(env_file)
    try:
        settings = load(RedisSettings)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    supabase, celery = _supabase_settings(), make_app()
    console = console_on(sys.stdout)
    overview = read_overview(settings, supabase, celery, limit=limit)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(asdict(overview), option=orjson.OPT_INDENT_2) + b"\n")
    elif watch and console.is_terminal:
        with Live(render(overview), console=console, screen=True) as live:
            while True:
                time.sleep(2)
                live.update(render(read_overview(settings, supabase, celery, limit=limit)))
    else:
        console.print(render(overview))
    raise typer.Exit(0 if healthy(overview) else 1)


def _supabase_settings() -> SupabaseSettings | None:
    """Return the settings of Supabase, or None; without them the status shows everything but the errors."""
    try:
        return load(SupabaseSettings)
    except SettingsError:
        return None


if __name__ == "__main__":
    app()
