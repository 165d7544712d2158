"""The folder of a backup: its files, and SHA256SUMS, which `sha256sum --check` reads too.

A file gets its name when it is whole, and never changes: the name of a dump has the beginning of its SHA-256.
While a backup is taken, what is new stands in SHA256SUMS.part. At the end SHA256SUMS is replaced, and in one
step the backup is the new one. So one that was interrupted leaves the one before it as it was, and goes on
where it stopped.
"""

import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from operate.backup import BackupError
from operate.whole_files import sha256_of, write_parts, write_whole

_SUMS: Final = "SHA256SUMS"
_PART: Final = ".part"
_LINE: Final = re.compile(r"([0-9a-f]{64})  (.+)\n")
_DUMP: Final = re.compile(r"([a-z]+)-[0-9a-f]{12}\.dump")


class Folder:
    """The files of a backup by their names, as `objects/captures/…`, each with its SHA-256 in hex."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()

    def path(self, name: str) -> Path:
        """Return where a file is."""
        return self._path / name

    def whole(self) -> dict[str, str]:
        """Return the files of the backup, as it was last taken to its end."""
        return self._noted(_SUMS)

    def at_hand(self) -> dict[str, str]:
        """Return the files that are there, those of a backup that was interrupted too."""
        noted = {**self.whole(), **self._noted(_SUMS + _PART)}
        return {name: digest for name, digest in noted.items() if self.path(name).is_file()}

    def _noted(self, name: str) -> dict[str, str]:
        file = self.path(name)
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        return {found[2]: found[1] for line in lines if (found := _LINE.fullmatch(line))}

    def unfinished(self, name: str) -> Path:
        """Return where to write a dump that `finish` gives its place."""
        self._path.mkdir(parents=True, exist_ok=True)
        return self.path(name + _PART)

    def dump(self, name: str) -> Path:
        """Return where a dump of the backup is; raise BackupError if there is none, or another."""
        for file, digest in self.whole().items():
            if (found := _DUMP.fullmatch(file)) and found[1] == name:
                return self.checked(file, digest)
        raise BackupError(f"there is no whole backup in {self._path}")

    def put(self, name: str, parts: Iterable[bytes]) -> str:
        """Write a file as its parts come, note it, and return its SHA-256; several threads may do so."""
        digest = write_parts(self.path(name), parts)
        with self._writing, self.unfinished(_SUMS).open("a") as sums:
            sums.write(f"{digest}  {name}\n")
        return digest

    def finish(self, names: Iterable[str], objects: dict[str, str]) -> None:
        """Let the backup be these unfinished dumps and the objects; the dumps of before are deleted."""
        dumps = {}
        for unfinished, name in ((self.unfinished(name), name) for name in names):
            digest = sha256_of(unfinished)
            dumps[file := f"{name}-{digest[:12]}.dump"] = digest
            unfinished.replace(self.path(file))
        sums = "".join(f"{digest}  {name}\n" for name, digest in {**dumps, **objects}.items())
        write_whole(self.path(_SUMS), sums.encode())
        for path in self._path.iterdir():
            if _DUMP.fullmatch(path.name) and path.name not in dumps:
                path.unlink()

    def checked(self, name: str, digest: str) -> Path:
        """Return where a file is; raise BackupError unless it is the one that was taken."""
        path = self.path(name)
        if not path.is_file() or sha256_of(path) != digest:
            raise BackupError(f"{name} is not what {_SUMS} says: delete it and take the backup again")
        return path

    def others(self, below: str) -> list[Path]:
        """Return the files below a folder that are not of the backup."""
        whole = self.whole()
        files = (path for path in self.path(below).rglob("*") if path.is_file())
        return [path for path in files if path.relative_to(self._path).as_posix() not in whole]
