"""Installs locked Python packages: `python3 -m local.packages .venv requirements-local.lock`.

Of the standard library alone, and of an older Python's language, which is told here that it is too old.
"""

from __future__ import annotations

import sys
import venv
from pathlib import Path

from local import progress
from local.ports import StackError

MINIMUM = (3, 11)


def too_old(version: tuple[int, ...]) -> str | None:
    """Return what is wrong with a version of Python, None if nothing is."""
    if version >= MINIMUM:
        return None
    needed, found = (".".join(map(str, each[:2])) for each in (MINIMUM, version))
    other = f"`make PYTHON=python{needed} …` takes another"
    return f"Python {needed} or newer is needed, and this is {found}; {other}"


def install(folder: Path, lock: Path) -> None:
    """Install what a lock names into the virtual environment of a folder, made if there is none.

    Raises StackError if pip fails.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
    locked = sum("==" in line for line in lock.read_text().splitlines())
    # To compile everything takes as long as all else; what is imported is compiled then.
    asked = ["install", "--disable-pip-version-check", "--no-compile", "--require-hashes", "-r", str(lock)]

    def done(said: str) -> int:
        """Count each package twice: when it is fetched, and when it is there."""
        return said.count("Collecting ") + sum(1 for _ in folder.glob("lib/*/site-packages/*.dist-info"))

    words = f"installing the Python packages of {lock.name}"
    progress.run(words, [str(python), "-m", "pip", *asked], total=2 * locked, done=done)


if __name__ == "__main__":
    if wrong := too_old(sys.version_info[:3]):
        sys.exit(wrong)
    try:
        install(Path(sys.argv[1]), Path(sys.argv[2]))
    except StackError as error:
        sys.exit(str(error))
