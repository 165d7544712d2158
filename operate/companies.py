"""Make companies, invite people, set quotas: `fleet companies create NAME --admin MAIL`.

It needs SUPABASE_URL and SUPABASE_SERVICE_ROLE. An invitation is shown once: the database has its hash. Exit
status: 0, 1 if the project refuses or cannot be reached, 2 for wrong usage.
"""

import re
import sys
from typing import Annotated, Final, Literal

import typer
from rich import box
from rich.table import Table

from core.text import printable
from operate.command import EnvFile, console_on, end
from operate.project import company_of, opened

_UNITS: Final = {"M": 1e6, "G": 1e9, "T": 1e12}

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
Company = Annotated[str, typer.Argument(help="the name or the id of a company")]
Link = Annotated[
    str | None, typer.Option(help="the page of your app that accepts invitations: print a link to it")
]


@app.callback()
def main() -> None:
    """Make companies, invite people to them, and set their quotas."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="the company's name")],
    *,
    admin: Annotated[str, typer.Option(help="the e-mail address of its first admin")],
    link: Link = None,
    env_file: EnvFile = None,
) -> None:
    """Make a company and an invitation for its admin."""
    with opened(env_file) as project:
        if any(company["name"] == name.strip() for company in project.call("list_companies")):
            end(f"there is a company {name.strip()} already: see `list` and `invite`", 1)
        made = project.call("create_company", p_name=name, p_admin=admin)
    console_on(sys.stdout).print(f"✓ {printable(name.strip())}: {made['company_id']}")
    _show_invitation(made["token"], admin, link)


@app.command()
def invite(
    company: Company,
    mail: Annotated[str, typer.Argument(help="an e-mail address")],
    *,
    role: Annotated[Literal["viewer", "operator", "admin"], typer.Option(help="what they may do")] = "viewer",
    link: Link = None,
    env_file: EnvFile = None,
) -> None:
    """Invite somebody to a company; an older open invitation to the address ends."""
    with opened(env_file) as project:
        company_id = company_of(project, company)[0]
        token = project.call("invite_to_company", p_company=company_id, p_email=mail, p_role=role)
    _show_invitation(token, mail, link)


@app.command("list")
def list_companies(*, env_file: EnvFile = None) -> None:
    """Show all companies."""
    with opened(env_file) as project:
        companies = project.call("list_companies")
    table = Table("company", "id", "members", "devices", "since", box=box.SIMPLE_HEAD)
    for row in companies:
        count = str(row["members"]), str(row["devices"])
        table.add_row(printable(row["name"]), row["company_id"], *count, row["created_at"][:10])
    console_on(sys.stdout).print(table)


@app.command()
def members(company: Company, *, env_file: EnvFile = None) -> None:
    """Show the members of a company, and who is invited to it."""
    with opened(env_file) as project:
        people = project.call("list_members", p_company=company_of(project, company)[0])
    table = Table("e-mail", "role", "since", "state", box=box.SIMPLE_HEAD)
    for row in people:
        until = row["invited_until"]
        state = f"invited until {until[:10]}" if until else "member"
        table.add_row(printable(row["email"] or "?"), row["role"], row["since"][:10], state)
    console_on(sys.stdout).print(table)


@app.command()
def quota(
    company: Company,
    size: Annotated[str, typer.Argument(help="what it may have in storage, as 200GB; `none` ends the quota")],
    *,
    env_file: EnvFile = None,
) -> None:
    """Set how much a company may have in storage: alerts tell of it, and nothing is refused for it."""
    quota_bytes = None if size == "none" else _bytes(size)
    with opened(env_file) as project:
        company_id = company_of(project, company)[0]
        usage = project.call("set_storage_quota", p_company=company_id, p_bytes=quota_bytes)
    share = "no quota" if quota_bytes is None else f"{100 * usage['bytes'] / quota_bytes:.1f} % of its quota"
    console_on(sys.stdout).print(f"✓ {printable(company)}: {usage['bytes'] / 1e9:.1f} GB in storage, {share}")


def _bytes(size: str) -> int:
    """Read 500MB, 200GB or 1.5TB; end the command if it is none."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([MGT])B", size)
    if not found or not float(found[1]):
        end(f"{size} is no size: 500MB, 200GB or 1.5TB", 2)
    return round(float(found[1]) * _UNITS[found[2]])


def _show_invitation(token: str, mail: str, link: str | None) -> None:
    console = console_on(sys.stdout)
    console.print(
        f"The invitation, for who signs in as {printable(mail)} within 7 days; it is shown this once:"
    )
    # After a # it stays in the browser: no server's log has it.
    console.print(f"{link}#invitation={token}" if link else token, soft_wrap=True)


if __name__ == "__main__":
    app()
