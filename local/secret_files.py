"""Secrets of a stack: made when they are first wanted, and kept in its directory for the next start."""

from collections.abc import Callable
from pathlib import Path


class SecretFiles:
    """The secrets in `directory / secrets`, a file for each, which its owner alone may read."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "secrets"

    def get(self, name: str, make: Callable[[], str]) -> str:
        """Return a secret; make and keep it if there is none of this name."""
        file = self._folder / name
        if file.exists():
            return file.read_text()
        value = make()
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".part")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(value)
        draft.replace(file)
        return value
