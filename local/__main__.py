"""The embedded stack: `fleet install | demo | up | inbox`; for developers also `local postgres | console`."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from local import console as web
from local import inbox as mail
from local import newer_postgres, node
from local.demo import DEVICES, IMAGES, run_demo
from local.entry import Entry
from local.home import entry_of, held
from local.interrupts import Interrupted, interruptible
from local.mqtt_broker import BROKERS
from local.ports import LOOPBACK, PortInUseError, StackError
from local.stack import MailStack
from local.up import ENVIRONMENT_FILE, run_up

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

Broker = Annotated[
    str | None, typer.Option(envvar="MQTT_BROKER", help=f"{' or '.join(BROKERS)}; aedes by default")
]

Verbose = Annotated[bool, typer.Option("--verbose", help="show what the database tells an operator, too")]


def _console() -> Console:
    console = Console()
    # In a file or a pipe rich assumes 80 columns, too few for the tables of the query results.
    return console if console.is_terminal else Console(width=150)


def _run(action: Callable[[], bool | None]) -> NoReturn:
    """Run the action and exit: status 0 on success, 1 on failure, 128 + n after signal n."""
    try:
        with interruptible():
            complete = action()
    except Interrupted as interrupt:
        raise typer.Exit(interrupt.status) from None
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(1 if complete is False else 0)


@app.command()
def install() -> None:
    """Install the npm packages of the stack, and Node.js if it is missing."""
    _run(node.install)


@app.command()
def postgres() -> None:
    """Install PostgreSQL 16, 17 and 18 for the tests, and print the folders of their binaries."""

    def action() -> None:
        newer_postgres.install()
        for version in newer_postgres.VERSIONS:
            print(newer_postgres.binaries(version))

    _run(action)


@app.command()
def demo(
    devices: Annotated[int, typer.Option(min=1, max=200)] = DEVICES,
    images: Annotated[int, typer.Option(min=1, max=100, help="photographs of each device")] = IMAGES,
    broker: Broker = None,
    verbose: Verbose = False,
) -> None:
    """Start everything, let a small fleet send photographs, show the results, and stop everything."""
    _run(lambda: run_demo(_console(), devices=devices, images=images, broker=broker, verbose=verbose))


@app.command()
def up(
    context: typer.Context,
    *,
    mqtt_port: int = 1883,
    redis_port: int = 16379,
    supabase_port: int = 54321,
    flower_port: int = 5555,
    console_port: int = 8000,
    smtp_port: int = 1025,
    broker: Broker = None,
    env_file: Annotated[Path, typer.Option(help="where to write the settings")] = ENVIRONMENT_FILE,
    mailbox: Annotated[
        Path, typer.Option(help="where to keep the messages that the service sends by mail")
    ] = mail.MAILBOX,
    data: Annotated[
        Path | None,
        typer.Option(help="keep everything in this folder, for cameras of your own", file_okay=False),
    ] = None,
    host: Annotated[
        str, typer.Option(help="the address on which cameras reach the broker; 0.0.0.0 for all")
    ] = LOOPBACK,
    fleet: Annotated[
        bool, typer.Option(help="a simulated fleet with three weeks of history, which goes on")
    ] = True,
    alert: Annotated[bool, typer.Option(help="let a battery run down, and show the alert")] = True,
) -> None:
    """Start everything on fixed ports, with a simulated fleet, and keep running until Ctrl-C.

    With --data or --host it is for cameras of your own: there is no simulated fleet, and each camera that is
    heard is in the console.
    """

    def action() -> None:
        try:
            start()
        except PortInUseError as error:
            name = next(name for name, value in context.params.items() if value == error.port)
            option = f"--{name.replace('_', '-')}"
            raise StackError(f"{error} with {option}; make takes it as ARGS='{option} …'") from None

    def start() -> None:
        folder = data.expanduser() if data else None
        with held(folder) if folder else nullcontext():
            run(folder, entry_of(host, folder))

    def run(folder: Path | None, entry: Entry) -> None:
        own = folder is not None or entry.is_open
        stack = MailStack(
            directory=folder,
            redis_appendonly=folder is not None,
            entry=entry,
            broker=broker,
            mqtt_port=mqtt_port,
            redis_port=redis_port,
            supabase_port=supabase_port,
            smtp_port=smtp_port,
            mailbox=mailbox,
        )
        run_up(
            _console(),
            stack,
            flower_port=flower_port,
            console_port=console_port,
            env_file=env_file,
            fleet=fleet and not own,
            alert=alert and not own,
            own=own,
        )

    _run(action)


@app.command()
def console(
    scripts: Annotated[list[str], typer.Argument(help="scripts of its package.json, or `build`")],
) -> None:
    """Run scripts of the console, with the npm packages that are locked: `check`, `test`, `build`, `size`."""

    def action() -> None:
        for script in scripts:
            if script == "build":
                web.build()
            else:
                web.run(script)

    _run(action)


@app.command()
def inbox(
    mailbox: Annotated[Path, typer.Option(help="the folder of the messages")] = mail.MAILBOX,
) -> None:
    """Print the messages that the service has sent by mail since `up` started it."""
    console = _console()
    mails = mail.read(mailbox)
    mail.show(mails, console)
    console.print(f"{len(mails)} messages in {mailbox}", soft_wrap=True, highlight=False, markup=False)


if __name__ == "__main__":
    app()
