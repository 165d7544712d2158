"""The folder of an export: its manifest says what was asked for, and when all of it was there.

So an export that was cut off goes on where it was called again, and none is mixed with another.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from operate.command import end
from operate.whole_files import write_whole

if sys.platform != "win32":
    import fcntl

MANIFEST: Final = "manifest.json"


class ExportFolder:
    """A folder that is made, or taken up if an export with these words has begun there: a context manager.

    Ends the command with status 2 if something else is there, or an export that is under way, and with 1 if
    it cannot be written. `is_done` says whether an export has come to its end there.
    """

    def __init__(self, path: Path, said: dict[str, Any]) -> None:
        self._path = path
        self._said = said
        self._began_at = _now()
        self._held = ExitStack()
        self.is_done = False

    def __enter__(self) -> Self:
        """Hold the folder, and read its manifest or write one."""
        with ExitStack() as held:
            try:
                self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
                held.enter_context(_alone_in(self._path))
                # What is left of a manifest that was cut off says nothing.
                if any(file.name != f"{MANIFEST}.part" for file in self._path.iterdir()):
                    self._take_up()
                else:
                    self._write({})
            except BlockingIOError:
                end(f"another export is under way in {self._path}", 2)
            except OSError as error:
                end(f"cannot write: {error}", 1)
            self._held = held.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the folder go."""
        self._held.close()

    def _take_up(self) -> None:
        try:
            manifest = json.loads((self._path / MANIFEST).read_text(encoding="utf-8"))
            before = {name: manifest.get(name) for name in self._said}
        except (FileNotFoundError, ValueError, AttributeError):
            end(f"{self._path} is not empty, and no export has begun there", 2)
        if before != self._said:
            others = ", ".join(name for name in before if before[name] != self._said[name])
            end(f"{self._path} has the export of another ({others}): give a new folder", 2)
        self.is_done = "done_at" in manifest

    def finish(self, told: dict[str, Any]) -> None:
        """Say that all is there, and what it is. Raises OSError."""
        self._write({"began_at": self._began_at, "done_at": _now(), **told})

    def _write(self, told: dict[str, Any]) -> None:
        text = json.dumps(self._said | told, indent=2, ensure_ascii=False) + "\n"
        write_whole(self._path / MANIFEST, text.encode())


@contextmanager
def _alone_in(path: Path) -> Iterator[None]:
    """Hold a folder for this process, if its file system can; raise BlockingIOError if another one has it.

    Two that write to one folder would give their names to each other's drafts.
    """
    if sys.platform == "win32":  # nobody takes an open file from its writer there
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            pass  # as over a network: there is no lock
        yield
    finally:
        os.close(handle)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
