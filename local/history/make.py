"""Makes the history in the project of an embedded Supabase that does not run yet.

The three weeks are played once, which takes some seconds, and kept; the next start plays what came since.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from local.history import script, wakes
from local.history.play import play
from local.history.shots import Pictures
from local.part import REPOSITORY
from local.stack import BUCKET
from local.supabase_lite import TEMPLATES, SupabaseLite, fingerprint
from simulator.pictures import OWN_PHOTOS

_FOLDER: Final = REPOSITORY / "local" / "history"
# A history that is older is made anew: it would take longer to play what came since.
_KEPT_MS: Final = 5 * 24 * wakes.HOUR_MS
_WRITTEN: Final = "written.json"


class Written(NamedTuple):
    """When a history begins, and up to when it is written, in milliseconds since 1970."""

    begun_ms: int
    until_ms: int


def make(supabase: SupabaseLite, admin: str) -> str:
    """Write the history up to now; return the token with which `admin` joins the company.

    Raises StackError if a statement fails.
    """
    now_ms = int(time.time() * 1000)
    kept = TEMPLATES / f"history-{_fingerprint()}"
    if not _is_recent(kept, now_ms):
        _make_kept(kept, now_ms, admin)
    written = _written(kept)
    project = supabase.directory / "supabase"
    shutil.copytree(kept / "supabase", project, copy_function=_copied)
    told = _tell(kept / "pictures", project, written.begun_ms, written.until_ms, now_ms)
    [row] = play(supabase, [*script.living(told, written.until_ms, now_ms), *script.opening(now_ms, admin)])
    return str(row["token"])


def _make_kept(kept: Path, now_ms: int, admin: str) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix="building-") as folder:
        supabase = SupabaseLite(Path(folder))
        supabase.directory.mkdir()
        supabase.prepare()
        project, begun_ms = supabase.directory / "supabase", wakes.begin_of(now_ms)
        Pictures.make(supabase.directory / "pictures")
        told = _tell(supabase.directory / "pictures", project, begun_ms, begun_ms, now_ms)
        play(supabase, [*script.founding(begun_ms, admin), *script.living(told, begun_ms, now_ms)])
        (supabase.directory / _WRITTEN).write_text(json.dumps(Written(begun_ms, now_ms)))
        for old in kept.parent.glob("history-*"):
            shutil.rmtree(old, ignore_errors=True)
        supabase.directory.rename(kept)


def _tell(folder: Path, project: Path, begun_ms: int, since_ms: int, until_ms: int) -> wakes.Told:
    """Return what the fleet said, with its pictures in the project's storage."""
    pictures = Pictures(folder)
    told = wakes.tell(pictures, begun_ms, since_ms, until_ms)
    storage = project / ".temp" / "storage" / BUCKET
    for stored in told.objects:
        target = storage / stored.key
        target.parent.mkdir(parents=True, exist_ok=True)
        # They are thousands, and nothing ever writes into an object that is there.
        os.link(pictures.folder / stored.file, target)
    return told


def _copied(source: str, target: str) -> None:
    """Copy what the database writes; what is in storage is only linked."""
    if f"{os.sep}storage{os.sep}" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _is_recent(kept: Path, now_ms: int) -> bool:
    return (kept / _WRITTEN).exists() and 0 <= now_ms - _written(kept).until_ms <= _KEPT_MS


def _written(kept: Path) -> Written:
    return Written(*json.loads((kept / _WRITTEN).read_text()))


def _fingerprint() -> str:
    """Return a hash of all that decides what a history holds."""
    files = sorted([*_FOLDER.glob("*.py"), *_FOLDER.glob("*.mjs"), *OWN_PHOTOS.glob("*.jpg")])
    parts = [fingerprint().encode(), *(file.read_bytes() for file in files)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
