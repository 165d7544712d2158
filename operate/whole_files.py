"""Files that are there whole or not at all, whenever the process or the machine dies."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class OtherBytes(Exception):
    """What was to be written has another SHA-256 than it should."""


@contextmanager
def whole(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Give a file to write, in a folder that is made; it gets its name at the end, if no exception passes.

    `mode`, less the umask, are its rights from the first byte on. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=mode, exist_ok=False)
    try:
        with draft.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(path)


def write_whole(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file as `whole` does. Raises OSError."""
    with whole(path, mode) as file:
        file.write(data)


def write_parts(path: Path, parts: Iterable[bytes], sha256: str | None = None) -> str:
    """Write a file as its parts come, and return its SHA-256 in hex.

    Raises OtherBytes if that is to be another, OSError, and what `parts` raises; then there is no file.
    """
    digest = hashlib.sha256()
    with whole(path) as file:
        for part in parts:
            file.write(part)
            digest.update(part)
        if sha256 not in (None, digest.hexdigest()):
            raise OtherBytes(path)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
