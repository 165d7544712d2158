"""The folder of an export: its manifest says what was asked for, and when all of it was there.

So an export that was cut off goes on where it was called again, and none is mixed with another.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from operate.command import end
from operate.whole_files import write_whole

MANIFEST: Final = "manifest.json"


class ExportFolder:
    """A folder that is made, or taken up if an export with these words has begun there.

    Ends the command with status 2 if something else is there, and with 1 if it cannot be written. `is_done`
    says whether an export has come to its end there.
    """

    def __init__(self, path: Path, said: dict[str, Any]) -> None:
        self._path = path
        self._said = said
        self._began_at = _now()
        self.is_done = False
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(path.iterdir()):
                self._take_up()
            else:
                self._write({})
        except OSError as error:
            end(f"cannot write: {error}", 1)

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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
