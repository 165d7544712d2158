"""Keeps the stack and the service running on known ports, for the user's own simulated or real fleet."""

import shlex
import time
from pathlib import Path

from rich.console import Console

from local.demo import DEVICES, IMAGES, show_fleet
from local.part import REPOSITORY
from local.ports import check_free
from local.process import Process
from local.running import Running, started
from local.stack import Stack

ENVIRONMENT_FILE = REPOSITORY / ".local" / "env"


def run_up(
    console: Console, stack: Stack, *, flower_port: int, env_file: Path = ENVIRONMENT_FILE, fleet: bool = True
) -> None:
    """Start everything, run the demonstration's fleet if `fleet`, print the addresses and keep running.

    Raises PortInUseError if a port is taken, and StartError if a process does not become ready.
    """
    check_free("Flower", flower_port)  # checked first, before the other servers take time to start
    with started(console, stack, flower_port=flower_port) as running:
        if fleet:
            show_fleet(console, running, DEVICES, IMAGES)
        write_environment(stack, env_file)
        try:
            _print_addresses(console, running, env_file)
            _stay(console, running)
        finally:
            env_file.unlink(missing_ok=True)


def _stay(console: Console, running: Running) -> None:
    """Keep running until a signal comes, and report each process that has ended by itself."""
    told: list[Process] = []
    while True:
        ended = running.ended()
        for process in ended:
            if process not in told:
                console.print(f"{process.name} has ended; see {process.log}", highlight=False, soft_wrap=True)
        told = ended
        time.sleep(1)


def write_environment(stack: Stack, path: Path) -> None:
    """Write a file that a shell can source; only its owner may read it, as it contains the service's key."""
    settings = {**stack.environment(), "SUPABASE_PUBLISHABLE_KEY": stack.supabase_publishable_key}
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in settings.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(lines))


def _print_addresses(console: Console, running: Running, env_file: Path) -> None:
    stack = running.stack
    rows = {
        "Flower": running.services.flower_url,
        "Supabase": stack.supabase_url,
        "MQTT broker": f"{stack.mqtt_host}:{stack.mqtt_port} ({stack.broker.name}, no TLS, no users)",
        "Redis": stack.redis_url,
        "logs": str(stack.logs),
        "settings and keys": f"source {env_file}",
        "a fleet": f".venv/bin/python -m simulator --host {stack.mqtt_host} --port {stack.mqtt_port}",
    }
    for name, value in rows.items():
        console.print(f"{name:>18}  {value}", highlight=False, soft_wrap=True, markup=False)
    console.print("Ctrl-C stops everything.")
