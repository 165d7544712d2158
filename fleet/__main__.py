"""What people type: `fleet doctor`, `fleet up`, …

`fleet --help` lists it, and `fleet --install-completion` completes it in the shell. Each command is a module
of its own, loaded when it is called, and can be called as such too: `python -m operate.doctor`.
"""

from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

RUN, OWNERS, DATA, DEVICES, HERE = (
    "Run the service", "Companies and devices", "Data", "What devices say", "On this machine",
)  # fmt: skip


class Command(NamedTuple):
    """Where a command is: a module whose `app` it is, or one of the commands of that."""

    module: str
    panel: str
    summary: str


COMMANDS: Final = {
    "doctor": Command("operate.doctor", RUN, "Check every setting against the real services."),
    "run": Command("operate.run", RUN, "Run the lines of the Procfile with the settings in a file."),
    "status": Command("operate.status", RUN, "What lives, what waits, and what went wrong last."),
    "requeue": Command("operate.requeue", RUN, "Take up again what has failed."),
    "schema": Command("operate.schema.__main__", RUN, "Bring the database's schema up to date."),
    "certificates": Command("operate.certificates", RUN, "Make the certificate of a broker of one's own."),
    "companies": Command("operate.companies", OWNERS, "Make companies, and invite people."),
    "devices": Command("operate.devices", OWNERS, "Make the codes, labels and logins of devices."),
    "backup": Command("operate.backup.__main__", DATA, "Copy rows and objects to a folder, and back."),
    "export": Command("fleet.export", OWNERS, "Write pictures and readings to a folder, as a user."),
    "subject-export": Command("operate.subject_export", DATA, "Write down all that is held of somebody."),
    "erase": Command("operate.erase", DATA, "Erase a device, a user or a company for good."),
    "story": Command("operate.story", DEVICES, "Tell how a picture came, or why it did not."),
    "conformance": Command("operate.conformance", DEVICES, "Tell in what a device deviates."),
    "record": Command("operate.record", DEVICES, "Write what devices send and are told to a file."),
    "replay": Command("operate.replay", DEVICES, "Play such a file again."),
    "simulate": Command("simulator.__main__", HERE, "Run a fleet of simulated cameras."),
    "install": Command("local.__main__", HERE, "Install what the demo and `up` need from npm."),
    "demo": Command("local.__main__", HERE, "Start everything for a small fleet, and show results."),
    "up": Command("local.__main__", HERE, "Start everything, with the console, until Ctrl-C."),
    "inbox": Command("local.__main__", HERE, "Print the mail that the service has sent here."),
}


class _Commands(TyperGroup):
    """Knows all commands, and loads the one that is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002 - Typer's
        known = COMMANDS.get(cmd_name)
        return known and TyperCommand(cmd_name, help=known.summary, rich_help_panel=known.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if command and name else command, rest


def load(name: str) -> Any:
    """Return a command itself."""
    command: Any = get_command(import_module(COMMANDS[name].module).app)
    return getattr(command, "commands", {}).get(name, command)


app = typer.Typer(cls=_Commands, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """From a fleet of cameras to Supabase: run it, look after it, try it."""


if __name__ == "__main__":
    app(prog_name="fleet")
