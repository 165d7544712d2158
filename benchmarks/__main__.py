"""Run the benchmarks: `python -m benchmarks [--rounds N] [--seconds S] [--tiny] [--output FOLDER]`."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import plots, suite
from benchmarks.measures import Size
from local.mqtt_broker import mosquitto_binary

RESULTS = Path(__file__).parent / "results"
# The smallest size, which only shows that everything runs; its figures mean nothing.
TINY = Size(
    rounds=1,
    seconds=1.0,
    warm_up_s=0.5,
    feed=40,
    straight=20,
    held=50,
    waiting=500,
    devices=(1, 4),
    delays_ms=(0, 5),
)
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: " "}


def main(
    rounds: int = Size().rounds,
    seconds: Annotated[float, typer.Option(help="of each measurement with devices")] = Size().seconds,
    output: Annotated[Path, typer.Option(help="folder for latest.json and the plots")] = RESULTS,
    *,
    tiny: Annotated[bool, typer.Option("--tiny", help="only see whether everything runs")] = False,
) -> None:
    """Measure the service and the limits of this machine; print a table, and write JSON and plots."""
    console = Console(width=110)
    if mosquitto_binary() is None:
        console.print("there is no mosquitto on PATH; the benchmarks need it")
        raise typer.Exit(1)
    begun = time.monotonic()
    size = TINY if tiny else Size()._replace(rounds=rounds, seconds=seconds)
    figures = suite.run(size, lambda text: console.print(f"{time.monotonic() - begun:4.0f} s  {text}"))
    output.mkdir(parents=True, exist_ok=True)
    table = Table(box=None)
    for column in ("", "measure", "wanted", "measured"):
        table.add_column(column)
    targets = suite.targets(figures)
    for target in targets:
        table.add_row(MARKS[target.met], target.measure, target.wanted, target.measured)
    console.print(table)
    figures["targets"] = [target._asdict() for target in targets]
    (output / "latest.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    for path in plots.draw(figures, output):
        console.print(str(path), soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
