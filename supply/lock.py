"""What is locked: the Python packages with their hashes, and the folders of npm packages."""

from pathlib import Path
from typing import Final, NamedTuple

from packaging.markers import Marker
from packaging.utils import canonicalize_name
from pip_requirements_parser import RequirementsFile

from local.part import REPOSITORY

# What runs in production, and what the tests and this folder need in addition.
RUNTIME: Final = REPOSITORY / "requirements.lock"
DEVELOPMENT: Final = REPOSITORY / "requirements-dev.lock"
# The folders with a package-lock.json, by the name of their bill.
NPM: Final = {
    "npm": REPOSITORY / "local",
    "npm-postgres": REPOSITORY / "local" / "postgres",
    "npm-console": REPOSITORY / "console",
}


class Locked(NamedTuple):
    """A package at its only version; `marker` says where it is installed, None for everywhere.

    `hashes` are the SHA-256 of its distributions in hex.
    """

    name: str
    version: str
    marker: Marker | None
    hashes: tuple[str, ...]


def read(lock: Path) -> list[Locked]:
    """Return the packages of a lock file in its order."""
    return [
        Locked(
            canonicalize_name(line.name),
            line.get_pinned_version,
            line.marker,
            tuple(each.removeprefix("sha256:") for each in line.hash_options),
        )
        for line in RequirementsFile.from_file(str(lock)).requirements
    ]
