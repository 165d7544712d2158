"""Advisories on what the service is made of, and its bill of materials: `python -m supply audit|sbom`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from local.part import REPOSITORY
from local.ports import StackError
from supply import advisories, bill, lock

FOLDER: Final = REPOSITORY / ".local" / "sbom"
BILLS: Final[dict[str, Callable[[], str]]] = {
    "python": bill.python,
    **{name: partial(bill.npm, folder) for name, folder in lock.NPM.items()},
    "image": bill.image,
}
DATABASES: Final[dict[str, Callable[[], list[str]]]] = {
    "python": advisories.of_python,
    **{name: partial(advisories.of_npm, folder) for name, folder in lock.NPM.items()},
}

commands = typer.Typer(add_completion=False, help="What the service is made of.")


@commands.command()
def audit() -> None:
    """Look the locked packages up in the advisory databases; status 1 at one, or without an answer."""
    well = True
    for name, ask in DATABASES.items():
        try:
            lines = ask()
        except (advisories.Unanswered, StackError) as error:
            well = False
            typer.echo(f"{name}: not looked up: {error}", err=True)
            continue
        well &= not lines
        for line in lines or ["nothing is known against what is locked"]:
            typer.echo(f"{name}: {line}")
    if not well:
        raise typer.Exit(1)


@commands.command()
def sbom(output: Annotated[Path, typer.Option(help="folder for the files")] = FOLDER) -> None:
    """Write the bill of materials in CycloneDX: a file for Python, for each folder of npm, for the image."""
    output.mkdir(parents=True, exist_ok=True)
    for name, make in BILLS.items():
        path = output / f"{name}.cdx.json"
        try:
            path.write_text(make())
        except StackError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        typer.echo(path)


if __name__ == "__main__":
    commands()
