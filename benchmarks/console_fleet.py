"""The fleet of `benchmarks.console`: 1,000 devices and 100,000 pictures in an embedded Supabase."""

import io
import os
import shutil
import time
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image, ImageEnhance

from local.history.play import Statement, play
from local.stack import BUCKET, Stack
from local.supabase_lite import fingerprint
from simulator.pictures import OWN_PHOTOS

COMPANY: Final = "Bench Ltd"
DEVICES, DAYS = 1000, 100
_SQL: Final = Path(__file__).with_name("console.sql")
# So many thumbnails that differ; each picture has an object of its own, so that browsers load each.
_LOOKS: Final = 500
_SIZE: Final = (320, 240)


def make(stack: Stack) -> None:
    """Write database and storage of a stack that has not started, unless the same was done before."""
    supabase = stack.supabase
    written, present = supabase.directory / "written", fingerprint() + _SQL.read_text()
    if written.exists() and written.read_text() == present:
        return
    shutil.rmtree(supabase.directory, ignore_errors=True)
    supabase.directory.mkdir(parents=True)
    supabase.prepare()
    play(supabase, _statements())
    storage = supabase.directory / "supabase" / ".temp" / "storage" / BUCKET
    looks = _looks(supabase.directory / "looks")
    for number in range(1, DEVICES + 1):
        for folder in ("captures", "thumbnails"):
            place = storage / folder / f"BENCH{number:04d}"
            place.mkdir(parents=True)
            for day in range(DAYS):
                os.link(looks[(number * 7 + day * 13) % _LOOKS], place / f"{day}.jpg")
    written.write_text(present)


def _statements() -> list[Statement]:
    now_ms = int(time.time() * 1000)
    texts = [text.strip() for text in _SQL.read_text().split(";\n")]
    statements = [(now_ms, text, [COMPANY] if "$1" in _code(text) else []) for text in texts if _code(text)]
    return [(now_ms, "set session_replication_role = replica", []), *statements]


def _code(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def _looks(folder: Path) -> list[Path]:
    """Make thumbnails that look different: parts of photographs, in different light and colours."""
    folder.mkdir()
    photos = [Image.open(path).convert("RGB") for path in sorted(OWN_PHOTOS.glob("*.jpg"))]
    paths = []
    for number in range(_LOOKS):
        rng = Random(number)  # noqa: S311
        photo = photos[number % len(photos)]
        left, top = (rng.randrange(side // 2) for side in photo.size)
        part = photo.crop((left, top, left + photo.width // 2, top + photo.height // 2)).resize(_SIZE)
        lit = ImageEnhance.Brightness(part).enhance(rng.uniform(0.6, 1.3))
        output = io.BytesIO()
        ImageEnhance.Color(lit).enhance(rng.uniform(0.3, 1.6)).save(output, "JPEG", quality=75)
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(output.getvalue())
    return paths
