"""What the worst images cost a worker and its decoder, in CPU and memory: `python -m benchmarks.bombs`."""

import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFile
from rich.console import Console
from rich.table import Table

from benchmarks.processes import process_seconds
from core.errors import CaptureRejected
from core.settings import WorkerSettings
from tasks.decoders import Decoders
from tasks.stations.decode import MOST_PIXELS_A_BYTE, MOST_SCANS, decode
from tasks.stations.header import MAX_PIXELS, read_header

WIDTH, HEIGHT = 3000, MAX_PIXELS // 3000
SCAN = b"\xff\xda"
# Pillow writes a progressive image in one piece.
ImageFile.MAXBLOCK = 2**24


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
    scan = progressive[progressive.rindex(SCAN) : -2]
    yield "progressive, its last scan a hundred times", progressive[:-2] + 100 * scan + b"\xff\xd9"
    yield "restart markers", _encoded(noise.resize((640, 480)), restart_marker_blocks=1)


def zoo() -> Iterator[tuple[str, bytes, bool]]:
    """Yield all bombs, and some more with DECODE_PROGRESSIVE; with what each is, and whether that is set."""
    for what, image in bombs():
        yield what, image, False
    noise = Pillow.effect_noise((WIDTH, HEIGHT), 100).convert("RGB")
    image = _encoded(noise, progressive=True, quality=90, subsampling="4:4:4")
    last_scan = image[image.rindex(SCAN) : -2]
    for times in (0, MOST_SCANS - image.count(SCAN)):
        what = f"progressive and wanted, noise, 6 million px, its last scan {times} times more"
        yield what, image[:-2] + times * last_scan + b"\xff\xd9", True


def main() -> None:
    """Print what each costs, in a process of its own."""
    table = Table("image", "bytes", "ms of CPU", "µs a byte", "memory", "what became of it")
    for what, image, progressive in zoo():
        command = [sys.executable, "-m", "benchmarks.bombs", str(progressive)]
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


def judge(image: bytes, *, progressive: bool) -> tuple[float, float, str]:
    """Decode an image as a worker does; return ms of CPU, MB that its decoder grew by, and the end."""
    with closing(Decoders(most=1, cpu_s=WorkerSettings.model_fields["decode_cpu_s"].default)) as pool:
        pool.draw(plain := _encoded(Pillow.new("RGB", (9, 9))), read_header(plain))
        [pid] = pool.pids
        own_s, decoder_s, peak_mb = time.process_time(), process_seconds(pid), _peak_mb(pid)
        try:
            drawn = decode(image, read_header(image), pool.draw, progressive=progressive)
            end = drawn.undecoded or drawn.damage or "decoded"
        except CaptureRejected as error:
            end = str(error)
        own_s = time.process_time() - own_s
        if pool.pids == [pid]:
            decoder_s, peak_mb = process_seconds(pid) - decoder_s, _peak_mb(pid) - peak_mb
        else:  # it was ended
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            decoder_s = used.ru_utime + used.ru_stime - decoder_s
            peak_mb = used.ru_maxrss / 1000 - peak_mb
    return 1000 * (own_s + decoder_s), peak_mb, end


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


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.stdout.write(json.dumps(judge(sys.stdin.buffer.read(), progressive=sys.argv[1] == "True")))
    else:
        main()
