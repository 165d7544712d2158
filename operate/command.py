"""What the commands for people share: a file with settings, a line that tells, and an end in one line."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from dotenv import load_dotenv

EnvFile = Annotated[Path | None, typer.Option(help="read settings from this file too", dir_okay=False)]


def read_settings_from(env_file: Path | None) -> None:
    """Put what the file says into the environment; end the command with status 2 if there is none."""
    if env_file and not load_dotenv(env_file):
        end(f"no such file: {env_file}", 2)


def say(line: str) -> None:
    """Print a line."""
    print(line)  # noqa: T201 - a command line speaks


def end(message: str, status: int) -> NoReturn:
    """End the command with a line on standard error."""
    print(message, file=sys.stderr)  # noqa: T201 - a command line speaks
    raise typer.Exit(status)
