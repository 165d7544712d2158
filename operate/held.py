"""Of whom something is held: a device, a user or a company, and what the database says is there."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, NamedTuple
from uuid import UUID

from core.supabase import SupabaseGateway
from core.wire import is_device_id
from operate.command import end
from operate.project import companies_called, company_of

Kind = Literal["device", "user", "company"]
ACCOUNTS = "auth.users"


class Subject(NamedTuple):
    """Whom an export or an erasure is about: `of` is what the database knows it by, `name` what people do."""

    kind: Kind
    of: str
    name: str


class Held(NamedTuple):
    """What one table holds of a subject; `goes` says whether its rows go with an erasure."""

    table: str
    goes: bool
    rows: int
    objects: int
    bytes: int


def find(project: SupabaseGateway, kind: Kind, name: str) -> Subject:
    """Return the subject with this id, e-mail address or name; end the command if it cannot be one.

    The id of a company that is gone is one too: an erasure that was cut off may have left something of it.
    """
    if kind == "device":
        if not is_device_id(name):
            end(f"this is no id of a device: {name!r}", 2)
        return Subject(kind, name, name)
    if kind == "user":
        if "@" not in name:
            end(f"this is no e-mail address: {name!r}", 2)
        return Subject(kind, name.lower(), name.lower())
    if not companies_called(project, name):
        with suppress(ValueError):
            return Subject(kind, str(UUID(name)), name)
    company_id, company_name = company_of(project, name)
    return Subject(kind, company_id, company_name)


def held(project: SupabaseGateway, subject: Subject) -> list[Held]:
    """Count what each table holds of a subject; those that hold nothing are left out."""
    found = []
    for row in project.call("held_tables", p_kind=subject.kind, p_of=subject.of):
        counts = project.call("count_held", p_kind=subject.kind, p_of=subject.of, p_table=row["table"])
        if counts["rows"]:
            found.append(Held(row["table"], row["goes"], **counts))
    return found


def rows(project: SupabaseGateway, subject: Subject, table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows that a table holds of a subject, a page of them in memory at a time."""
    after = None
    while True:
        page = project.call("export_rows", p_kind=subject.kind, p_of=subject.of, p_table=table, p_after=after)
        yield from page["rows"]
        after = page["after"]
        if after is None:
            return
