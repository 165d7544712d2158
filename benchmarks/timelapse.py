"""What a time-lapse costs: `python -m benchmarks.timelapse`.

Films of photographs go through the process that a worker starts for each, as fast as it takes them. Measured
are its CPU time, which Storage has no part in, its memory at most, and the bytes of the film.
"""

import io
import resource
import time
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from tasks.film_process import FilmProcess

PHOTOS: Final = Path(__file__).parents[1] / "simulator" / "photos"
# Ascending, since the memory that is told is the most of all processes so far.
SIZES: Final = (
    ("webp", 320, 240),
    ("webp", 640, 480),
    ("mp4", 640, 480),
    ("mp4", 800, 600),
    ("mp4", 1280, 960),
)
# The scene changes after so many frames; between two of them the camera moves a little.
SCENE: Final = 5


def main(frames: Annotated[int, typer.Option(min=2)] = 200) -> None:
    """Print the cost of a film of each kind and size."""
    table = Table("film", "CPU, s for 100 frames", "took, s", "memory, MB", "KB a frame", box=None)
    for kind, width, height in SIZES:
        pictures = _pictures(width, height)
        job: dict[str, Any] = {
            "format": kind,
            "fps": 24,
            "width": width,
            "deflicker": True,
            "frames": [None] * frames,
        }
        cpu, began = _cpu_s(), time.monotonic()
        with FilmProcess(job, most_s=900, most_bytes=45_000_000, most_pixels=6_000_000) as process:
            for number in range(frames):
                process.add(
                    pictures[number % len(pictures)],
                    f"2025-10-04 {number // 60:02}:{number % 60:02}   23.5 °C",
                )
            film = process.finish()
        table.add_row(
            f"{kind}, {width}×{height}",
            f"{(_cpu_s() - cpu) / frames * 100:.2f}",
            f"{time.monotonic() - began:.1f}",
            f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f}",
            f"{len(film.data) / frames / 1000:.1f}",
        )
    Console(width=110, highlight=False).print(table)


def _pictures(width: int, height: int) -> list[bytes]:
    pictures = []
    for path in sorted(PHOTOS.glob("*.jpg")):
        photo = Image.open(path).convert("RGB").resize((width + 2 * SCENE, height + 2 * SCENE))
        for moved in range(SCENE):
            output = io.BytesIO()
            photo.crop((moved, moved, moved + width, moved + height)).save(output, "JPEG", quality=85)
            pictures.append(output.getvalue())
    return pictures


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    typer.run(main)
