"""What the worst images cost a worker, in CPU and memory: `python -m benchmarks.bombs`."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from rich.console import Console
from rich.table import Table

from core.errors import CaptureRejected
from tasks.stations.decode import MOST_PIXELS_A_BYTE, decode
from tasks.stations.header import MAX_PIXELS
from tasks.stations.thumbnail import LONGEST, make_thumbnail

WIDTH, HEIGHT = 3000, MAX_PIXELS // 3000


def bombs() -> Iterator[tuple[str, bytes]]:
    """Yield images that are made to cost as much as they can, each with what it is."""
    yield "155 bytes that claim 5000 × 5000 px, progressive, four components", _claim(0xC2, 5000, 5000, 4)
    yield "the same, 6 million px", _claim(0xC2, WIDTH, HEIGHT, 4)
    yield "the same, sequential", _claim(0xC0, WIDTH, HEIGHT, 4)
    black = _encoded(Pillow.new("RGB", (WIDTH, HEIGHT)), optimize=True)
    yield "black, 6 million px", black
    yield "black, cut to the fewest bytes that are decoded", black[: MAX_PIXELS // MOST_PIXELS_A_BYTE + 1]
    noise = Pillow.fromarray(np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    yield "noise, 6 million px", _encoded(noise, quality=90, subsampling="4:4:4")
    progressive = _encoded(noise.resize((640, 480)), progressive=True)
    scan = progressive[progressive.rindex(b"\xff\xda") : -2]
    yield "progressive, its last scan a hundred times", progressive[:-2] + 100 * scan + b"\xff\xd9"
    yield "restart markers", _encoded(noise.resize((640, 480)), restart_marker_blocks=1)


def main() -> None:
    """Print what each costs, in a process of its own."""
    table = Table("image", "bytes", "ms of CPU", "µs a byte", "memory", "what became of it")
    for what, image in bombs():
        command = [sys.executable, "-m", "benchmarks.bombs", "-"]
        answer = subprocess.run(command, input=image, capture_output=True, check=True)
        spent, grown, end = json.loads(answer.stdout)
        table.add_row(
            what,
            f"{len(image):,}",
            f"{spent:.1f}",
            f"{1000 * spent / len(image):.2f}",
            f"{grown:.0f} MB",
            end,
        )
    Console(width=150).print(table)


def judge(image: bytes) -> tuple[float, float, str]:
    """Decode an image and make its thumbnail; return ms of CPU, MB that the process grew by, and the end."""
    grown, began = _peak_mb(), time.process_time()
    try:
        decoded = decode(image, LONGEST)
        end = decoded.undecoded or decoded.damage or "decoded"
        make_thumbnail(decoded)
    except CaptureRejected as error:
        end = str(error)
    return 1000 * (time.process_time() - began), _peak_mb() - grown, end


def _claim(marker: int, width: int, height: int, components: int) -> bytes:
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    parts = b"".join(bytes([number, 0x11, 0]) for number in range(1, components + 1))
    frame = bytes([0xFF, marker, 0, 8 + 3 * components, 8]) + size + bytes([components]) + parts
    scan = b"\xff\xda\0" + bytes([6 + 2 * components, components])
    scan += b"".join(bytes([number, 0]) for number in range(1, components + 1)) + b"\0\x3f\0"
    tables = b"\xff\xdb\0\x43\0" + b"\1" * 64
    return (b"\xff\xd8" + tables + frame + scan).ljust(155, b"\0")


def _encoded(picture: Pillow.Image, **options: object) -> bytes:
    output = io.BytesIO()
    picture.save(output, "JPEG", **options)
    return output.getvalue()


def _peak_mb() -> float:
    # Linux passes ru_maxrss on to a child, and this begins anew.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


if __name__ == "__main__":
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(json.dumps(judge(sys.stdin.buffer.read())))
    else:
        main()
