"""What the commands for people share: a file with settings, a console, a line, and an end in one line."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer
from rich.console import Console

from core.settings import SettingsError
from operate import env_file as files

EnvFile = Annotated[Path | None, typer.Option(help="read settings from this file too", dir_okay=False)]


def said_by(env_file: Path | None) -> dict[str, str]:
    """Return what the file says; end the command with status 2 if there is none or a line will not do."""
    try:
        return files.read(env_file) if env_file else {}
    except FileNotFoundError:
        end(f"no such file: {env_file}", 2)
    except SettingsError as error:
        end(str(error), 2)


def read_settings_from(env_file: Path | None) -> None:
    """Put what the file says into the environment, where that does not say it already."""
    for name, value in said_by(env_file).items():
        os.environ.setdefault(name, value)


def console_on(file: TextIO, width: int = 150) -> Console:
    """Return a console that takes names for what they are, and has this width if it is no terminal."""
    console = Console(file=file, highlight=False, markup=False)
    return console if console.is_terminal else Console(file=file, highlight=False, markup=False, width=width)


def say(line: str) -> None:
    """Print a line."""
    print(line)  # noqa: T201 - a command line speaks


def end(message: str, status: int) -> NoReturn:
    """End the command with a line on standard error."""
    print(message, file=sys.stderr)  # noqa: T201 - a command line speaks
    raise typer.Exit(status)
