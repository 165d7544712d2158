"""The command line of the embedded stack: `python -m local install | demo | up`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from local import node
from local.demo import DEVICES, IMAGES, run_demo
from local.interrupts import Interrupted, interruptible
from local.mqtt_broker import BROKERS
from local.ports import StackError
from local.stack import Stack
from local.up import ENVIRONMENT_FILE, run_up

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

Broker = Annotated[
    str | None, typer.Option(envvar="MQTT_BROKER", help=f"{' or '.join(BROKERS)}; aedes by default")
]


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
def demo(
    devices: Annotated[int, typer.Option(min=1, max=200)] = DEVICES,
    images: Annotated[int, typer.Option(min=1, max=100, help="photographs of each device")] = IMAGES,
    broker: Broker = None,
) -> None:
    """Start everything, let a small fleet send photographs, show the results, and stop everything."""
    _run(lambda: run_demo(_console(), devices=devices, images=images, broker=broker))


@app.command()
def up(
    *,
    mqtt_port: int = 1883,
    redis_port: int = 16379,
    supabase_port: int = 54321,
    flower_port: int = 5555,
    broker: Broker = None,
    env_file: Annotated[
        Path, typer.Option(help="where to write the settings for a shell")
    ] = ENVIRONMENT_FILE,
    fleet: Annotated[bool, typer.Option(help="let the demonstration's fleet run first")] = True,
) -> None:
    """Start everything on fixed ports, run the demo's fleet, and keep running until Ctrl-C."""

    def action() -> None:
        stack = Stack(broker=broker, mqtt_port=mqtt_port, redis_port=redis_port, supabase_port=supabase_port)
        run_up(_console(), stack, flower_port=flower_port, env_file=env_file, fleet=fleet)

    _run(action)


if __name__ == "__main__":
    app()
