"""The Supabase project, as the commands for its owner use it: one gateway, and errors of one line."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from dotenv import load_dotenv

from core.errors import CaptureRejected, Transient
from core.settings import SettingsError, SupabaseSettings, load
from core.supabase import SupabaseGateway

ANSWERS_S: Final = 30.0
EnvFile = Annotated[Path | None, typer.Option(help="read settings from this file too", dir_okay=False)]


@contextmanager
def opened(env_file: Path | None) -> Iterator[SupabaseGateway]:
    """Give the gateway of the service's key; what goes wrong ends the command in one line.

    The exit status is 2 if there is no such file, and 1 if the settings will not do, Supabase cannot be
    reached, or the database refuses.
    """
    if env_file and not load_dotenv(env_file):
        end(f"no such file: {env_file}", 2)
    # The gateway's alarms are for a service; here each of them is the line that the command ends with.
    logging.getLogger("supabase").addHandler(logging.NullHandler())
    try:
        gateway = SupabaseGateway(load(SupabaseSettings), ANSWERS_S)
        try:
            yield gateway
        finally:
            gateway.close()
    except CaptureRejected as error:
        end(error.message.removeprefix("database: "), 1)
    except (SettingsError, Transient) as error:
        end(str(error), 1)


def end(message: str, status: int) -> NoReturn:
    """End the command with a line on standard error."""
    print(message, file=sys.stderr)  # noqa: T201 - a command line speaks
    raise typer.Exit(status)
