"""Run the lines of the Procfile with the settings in a file: `fleet run [NAME] --env-file .env`.

With a name (listener, worker, beat, flower) this process becomes that one, as a supervisor of the system
wants it. Without, all run side by side until a signal comes or one of them ends; then the others are asked to
end, and are waited for: a worker first finishes what it has in hand.

Each gets the settings that it uses and no others: the listener no key of Supabase, beat and Flower no
password of the broker, and nobody the right of the database's owner.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from core.settings import (
    DatabaseSettings,
    EverySetting,
    ListenerSettings,
    LogSettings,
    RedisSettings,
    WorkerSettings,
)
from operate.command import EnvFile, end, said_by, say

ROOT: Final = Path(__file__).resolve().parent.parent


def names_of(*kinds: type[LogSettings | RedisSettings | DatabaseSettings]) -> frozenset[str]:
    """Return the names of all settings of these classes, as they stand in the environment."""
    return frozenset(name.upper() for kind in kinds for name in kind.model_fields)


# Flower and Celery read these by themselves.
FLOWER: Final = frozenset({"FLOWER_BASIC_AUTH", "FLOWER_ADDRESS", "PORT"})
NEEDS: Final[Mapping[str, frozenset[str]]] = {
    "listener": names_of(ListenerSettings),
    "worker": names_of(WorkerSettings),
    "beat": names_of(LogSettings, RedisSettings),
    "flower": names_of(LogSettings, RedisSettings) | FLOWER,
}
SETTINGS: Final = names_of(EverySetting, DatabaseSettings) | FLOWER

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


def procfile_lines() -> dict[str, str]:
    """Return the processes of the Procfile as {name: command line}."""
    return dict(re.findall(r"^(\w+): +(.+)$", (ROOT / "Procfile").read_text(), re.M))


def environment_of(name: str, said: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of this process: of the settings its own, of what else is inherited all.

    Where the file and the environment name the same, the environment counts. What else the file has goes to
    nobody: it may be a key.
    """
    everything = {**said, **inherited}
    kept = {
        known: value
        for known, value in everything.items()
        if known in NEEDS[name] or (known not in SETTINGS and known not in said)
    }
    # The line's `python` and `celery` are those of this Python environment.
    path = [str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]
    return {**kept, "PATH": os.pathsep.join(path)}


@app.command()
def main(
    name: Annotated[str | None, typer.Argument(help=f"one of {', '.join(NEEDS)}; by default all")] = None,
    *,
    env_file: EnvFile = None,
) -> None:
    """Run one process of the service, or all, each with its own settings."""
    lines = procfile_lines()
    if name is not None and name not in lines:
        end(f"no such process: {name}; there are {', '.join(lines)}", 2)
    said = said_by(env_file)
    os.chdir(ROOT)
    environments = {each: environment_of(each, said, os.environ) for each in lines}
    if name is not None:
        words, environment = shlex.split(lines[name]), environments[name]
        os.execvpe(words[0], words, environment)  # noqa: S606 - a line of the Procfile
    raise typer.Exit(_side_by_side(lines, environments))


def _side_by_side(lines: Mapping[str, str], environments: Mapping[str, Mapping[str, str]]) -> int:
    """Run all until a signal comes or one ends; return 0 after a signal, else 1."""
    running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
    unasked: set[int] = set()
    by_signal = False
    ending = False

    def hear(*_: object) -> None:
        nonlocal by_signal
        by_signal = not ending or by_signal
        ask_to_end()

    def ask_to_end() -> None:
        nonlocal ending
        ending = True
        # Each once only: a second signal would cut a worker short. One that comes here finds the rest, and a
        # process may have ended by itself.
        while unasked:
            with suppress(KeyError, ProcessLookupError):
                os.kill(unasked.pop(), signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)
    for name, line in lines.items():
        if ending:
            break
        try:
            # In a session of its own, so that Ctrl-C reaches it through this process alone.
            child = subprocess.Popen(  # noqa: S603 - a line of the Procfile
                shlex.split(line), env=environments[name], start_new_session=True
            )
        except OSError as error:
            say(f"{name} cannot be started: {error.strerror}")
            ending = True
            break
        running[child.pid] = name, child
        unasked.add(child.pid)
    if ending:
        ask_to_end()  # also the one that was being started when the signal came
    while running:
        pid, status = os.wait()
        unasked.discard(pid)
        if pid in running:
            name, child = running.pop(pid)
            child.returncode = os.waitstatus_to_exitcode(status)
            say(f"{name} has ended with status {child.returncode}")
            ask_to_end()
    return 0 if by_signal else 1


if __name__ == "__main__":
    app()
