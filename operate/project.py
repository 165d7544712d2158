"""The Supabase project, as the commands for its owner use it: one gateway, and errors of one line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from core.errors import CaptureRejected, Transient
from core.settings import SettingsError, SupabaseSettings, load
from core.supabase import SupabaseGateway
from operate.command import end, read_settings_from

ANSWERS_S: Final = 30.0


@contextmanager
def opened(env_file: Path | None) -> Iterator[SupabaseGateway]:
    """Give the gateway of the service's key; what goes wrong ends the command in one line.

    The exit status is 2 if there is no such file, and 1 if the settings or an argument will not do, Supabase
    cannot be reached, or the database refuses.
    """
    read_settings_from(env_file)
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
    except UnicodeEncodeError:
        end("something that was given is not UTF-8", 1)


def companies_called(project: SupabaseGateway, company: str) -> list[dict[str, Any]]:
    """Return the company with this id, or else those with this name, as `list_companies` tells them."""
    companies: list[dict[str, Any]] = project.call("list_companies")
    found = [row for row in companies if company == row["company_id"]]
    return found or [row for row in companies if company == row["name"]]


def company_of(project: SupabaseGateway, company: str) -> tuple[str, str]:
    """Return id and name of the company with this id or name; end the command if there is not exactly one."""
    found = companies_called(project, company)
    if not found:
        end(f"there is no company {company}", 1)
    if len(found) > 1:
        ids = ", ".join(row["company_id"] for row in found)
        end(f"{len(found)} companies have this name; give the id: {ids}", 1)
    return found[0]["company_id"], found[0]["name"]
