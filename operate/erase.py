"""Erase a device, a user or a company for good: `fleet erase device ID`.

It shows what would go, asks for the name to be typed, or takes it from --yes, and ends with a report. Rows
go in portions, and their objects as those of every picture that is let go (docs/adr/0030-keeping.md): so it
may be cut off at any moment, and called again. With REDIS_URL what Redis holds of the devices goes first, so
that no worker stores it afterwards.

It needs SUPABASE_URL and SUPABASE_SERVICE_ROLE. Exit status: 0, 1 if something stayed that was to go, if the
name was typed otherwise, or if the project refuses or cannot be reached, 2 for wrong usage.
"""

import os
import sys
import time
from collections import Counter
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from core.errors import AccessDenied, Transient
from core.mqtt import secret_name
from core.removals import remove_some
from core.retain import Retained
from core.settings import MqttSettings, RedisSettings, SettingsError, SupabaseSettings, load
from core.store.announced import Announced
from core.store.connection import connect
from core.store.forget import forget
from core.supabase import SupabaseGateway
from core.text import printable
from operate.command import EnvFile, console_on, end
from operate.held import ACCOUNTS, Held, Subject, find, held, rows
from operate.project import opened

# A worker that lives removes in this time what it has begun to.
PATIENCE_S: Final = 20.0
KEPT: Final = {
    "device": (
        "One entry of the audit log says that the device was erased, and has its id.",
        "The paths of its objects, for two days: no upload of before may bring one back.",
    ),
    "user": ("What the user has done stays with the company, by an id that leads to no account any more.",),
    "company": (
        "The accounts of its members: erase each by `erase user`.",
        "The labels of its devices: whoever holds one can claim the device.",
        "The paths of its objects, for two days: no upload of before may bring one back.",
    ),
}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
Yes = Annotated[str | None, typer.Option("--yes", help="the name again, instead of typing it when asked")]


@app.callback()
def main() -> None:
    """Erase a device, a user or a company for good."""


@app.command()
def device(
    name: Annotated[str, typer.Argument(help="the id of a device")],
    *,
    yes: Yes = None,
    env_file: EnvFile = None,
) -> None:
    """Erase a device: what it has sent and what was said of it, with all companies that had it."""
    with opened(env_file) as project:
        _erase(project, find(project, "device", name), yes)


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="an e-mail address")],
    *,
    yes: Yes = None,
    env_file: EnvFile = None,
) -> None:
    """Erase a user: the account, the membership, the invitations, and the address in the audit log."""
    with opened(env_file) as project:
        _erase(project, find(project, "user", name), yes)


@app.command()
def company(
    name: Annotated[str, typer.Argument(help="the name or the id of a company")],
    *,
    yes: Yes = None,
    env_file: EnvFile = None,
) -> None:
    """Erase a company: its devices, and all that they have sent while it had them."""
    with opened(env_file) as project:
        _erase(project, find(project, "company", name), yes)


def _erase(project: SupabaseGateway, subject: Subject, yes: str | None) -> None:
    console = console_on(sys.stdout)
    before = held(project, subject)
    _show(console, subject, before)
    if yes is None:
        yes = typer.prompt(f"This cannot be undone. Type {printable(subject.name)} to erase it")
    if yes != subject.name:
        end(f"that is not {subject.name}: nothing is erased", 1)

    devices = _devices(project, subject)
    companies = (
        [row["company_id"] for row in rows(project, subject, "public.users")]
        if subject.kind == "user"
        else []
    )
    keys = _forget(devices)
    # Before the rows, which alone name the devices of a company; and afterwards what was told meanwhile.
    _take_back(devices)
    gone = _erase_rows(project, subject)
    left = _delete_accounts(project, subject, gone)

    _report(console, subject, gone, keys)
    for company_id in filter(None, companies):
        members = project.call("list_members", p_company=company_id)
        if not any(row["role"] == "admin" and row["invited_until"] is None for row in members):
            console.print(f"! The company {company_id} has no admin now: `fleet companies invite` another")
    left += _left(project, subject, devices) + _take_back(devices)
    for line in left:
        console.print(f"✗ stayed: {line}")
    if left:
        raise typer.Exit(1)


def _show(console: Console, subject: Subject, found: list[Held]) -> None:
    table = Table("table", "rows", "objects", "MB", "", box=box.SIMPLE_HEAD)
    for each in found:
        becomes = "" if each.goes or each.table == ACCOUNTS else "stays, without the address"
        table.add_row(each.table, str(each.rows), str(each.objects), f"{each.bytes / 1e6:.1f}", becomes)
    console.print(f"What is held of the {subject.kind} {printable(subject.name)}:")
    console.print(table if found else "nothing")


def _devices(project: SupabaseGateway, subject: Subject) -> frozenset[str]:
    if subject.kind == "company":
        return frozenset(row["device_id"] for row in rows(project, subject, "public.devices"))
    return frozenset([subject.of] if subject.kind == "device" else [])


def _forget(devices: frozenset[str]) -> int | None:
    """Remove what Redis holds of the devices; None if none is named."""
    if "REDIS_URL" not in os.environ or not devices:
        return None
    with connect(load(RedisSettings).redis_url) as redis:
        return forget(redis, devices)


def _erase_rows(project: SupabaseGateway, subject: Subject) -> Counter[str]:
    bucket = load(SupabaseSettings).supabase_storage_bucket
    gone: Counter[str] = Counter()
    more = True
    while more:
        done: dict[str, Any] = project.call(
            "erase_rows", p_kind=subject.kind, p_of=subject.of, p_bucket=bucket
        )
        more = done["more"] and bool(done["gone"])
        gone.update(done["gone"])
        while removed := remove_some(project):
            gone["objects in Storage"] += removed
    return gone


def _removals_left(project: SupabaseGateway, of: list[str]) -> int:
    """Count the objects that are still there, once workers have had time for what they had begun."""
    until = time.monotonic() + PATIENCE_S
    while left := int(project.call("count_removals", p_of=of)):
        remove_some(project)
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    return left


def _delete_accounts(project: SupabaseGateway, subject: Subject, gone: Counter[str]) -> list[str]:
    """Delete the account of a user, and return what is to be said of one that stays."""
    left = []
    for account in rows(project, subject, ACCOUNTS) if subject.kind == "user" else ():
        try:
            project.delete_account(account["id"])
            gone[ACCOUNTS] += 1
        except AccessDenied as error:
            left.append(f"the account {account['id']}, {error}: delete it in the dashboard of the project")
    return left


def _report(console: Console, subject: Subject, gone: Counter[str], keys: int | None) -> None:
    for what, number in gone.items():
        console.print(f"✓ gone: {number} of {what}")
    if keys is not None:
        console.print(f"✓ gone: {keys} keys and entries in Redis")
    for line in KEPT[subject.kind]:
        console.print(f"– kept: {line}")
    if subject.kind != "user":
        if keys is None:
            console.print(
                "– Redis was not looked at, since there is no REDIS_URL: what it holds goes within a week"
            )
        console.print(
            "! A device that goes on sending is there again: first take away its login at the broker"
            " (docs/operations.md#export-and-erasure)"
        )


def _left(project: SupabaseGateway, subject: Subject, devices: frozenset[str]) -> list[str]:
    again = f"call this again, by the id {subject.of}" if subject.kind == "company" else "call this again"
    left = [
        f"{each.rows} of {each.table} have come meanwhile: {again}"
        for each in held(project, subject)
        if each.goes
    ]
    if removals := _removals_left(project, [subject.of, *devices]):
        left.append(f"{removals} objects that a worker had begun to remove: {again} in 5 minutes")
    return left


def _take_back(devices: frozenset[str]) -> list[str]:
    """Empty what the broker keeps for Home Assistant of the devices; return what to say if it stays."""
    if "REDIS_URL" not in os.environ:
        return []
    names = sorted(devices)
    with connect(load(RedisSettings).redis_url) as redis:
        announced = Announced(redis)
        kept = dict(zip(names, announced.kept(names), strict=True))
        topics = [topic for its in kept.values() for topic in its or {}]
        try:
            if topics:
                settings = load(MqttSettings)
                with Retained(settings, secret_name(settings, f"erase{os.getpid()}")) as broker:
                    broker.publish([(topic, b"") for topic in topics])
        except (SettingsError, Transient) as error:
            of = ", ".join(name for name, its in kept.items() if its)
            return [
                f"{len(topics)} messages that the broker keeps for Home Assistant: {error}; `erase device`"
                f" takes back those of {of}"
            ]
        announced.forget(names)
    return []


if __name__ == "__main__":
    app()
