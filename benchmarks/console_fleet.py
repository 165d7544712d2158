"""The fleet of `benchmarks.console`: 1,000 devices and 100,000 pictures in an embedded Supabase."""

import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
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
    with ProcessPoolExecutor() as pool:
        storage = supabase.directory / "supabase" / ".temp" / "storage" / BUCKET
        for _ in pool.map(partial(_store, storage), range(1, DEVICES + 1)):
            pass
    written.write_text(present)


def _statements() -> list[Statement]:
    now_ms = int(time.time() * 1000)
    texts = [text.strip() for text in _SQL.read_text().split(";\n")]
    statements = [(now_ms, text, [COMPANY] if "$1" in _code(text) else []) for text in texts if _code(text)]
    return [(now_ms, "set session_replication_role = replica", []), *statements]


def _code(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def _store(storage: Path, device: int) -> None:
    """Make a device's pictures, no two alike: parts of photographs, in different light and colours."""
    for day in range(DAYS):
        rng = Random(device * DAYS + day)  # noqa: S311
        photo = rng.choice(_photos())
        left, top = (rng.randrange(side - part + 1) for side, part in zip(photo.size, _SIZE, strict=True))
        part = photo.crop((left, top, left + _SIZE[0], top + _SIZE[1]))
        lit = ImageEnhance.Brightness(part).enhance(rng.uniform(0.6, 1.3))
        picture, thumbnail = (
            storage / folder / f"BENCH{device:04d}" / f"{day}.jpg" for folder in ("captures", "thumbnails")
        )
        for path in (picture, thumbnail):
            path.parent.mkdir(parents=True, exist_ok=True)
        ImageEnhance.Color(lit).enhance(rng.uniform(0.3, 1.6)).save(thumbnail, "JPEG", quality=75)
        os.link(thumbnail, picture)


@cache
def _photos() -> list[Image.Image]:
    """Return the photographs, each twice as wide and high as a thumbnail."""
    size = (2 * _SIZE[0], 2 * _SIZE[1])
    return [Image.open(path).convert("RGB").resize(size) for path in sorted(OWN_PHOTOS.glob("*.jpg"))]
