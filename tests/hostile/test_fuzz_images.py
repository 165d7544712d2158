"""Any bytes in place of a JPEG: they are refused, or decoded within what their number of bytes allows."""

import io
from pathlib import Path
from random import Random
from time import thread_time

import pytest
from hostile_images import image, originals
from PIL import Image

from benchmarks.bombs import bombs
from benchmarks.processes import process_seconds
from core.errors import CaptureRejected, ErrorCode
from tasks.stations.decode import decode
from tasks.stations.header import read_header

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc")

# What an image may cost, many times what it takes on a busy machine.
CPU_S = 0.2
CPU_S_A_BYTE = 2e-6
DECODER_MB = 150


class Effort:
    """Decodes images as a worker does, and measures worker and decoders together."""

    def __init__(self, decoders):
        decoders.start()
        self._decoders = decoders
        self.pids = decoders.pids
        self.images = self.bytes = 0
        self.cpu_s = self.most_cpu_s = self.most_a_byte = 0.0

    def spend(self, data):
        """Decode an image; return what became of it, None if it is refused as no JPEG."""
        before = self._spent()
        try:
            drawn = decode(data, read_header(data), self._decoders.draw)
        except CaptureRejected as error:
            assert error.code == ErrorCode.NOT_A_JPEG
            drawn = None
        spent = self._spent() - before
        assert spent < CPU_S + CPU_S_A_BYTE * len(data), f"{len(data)} bytes cost {spent:.3f} s of CPU"
        self.images, self.bytes, self.cpu_s = self.images + 1, self.bytes + len(data), self.cpu_s + spent
        self.most_cpu_s = max(self.most_cpu_s, spent)
        if len(data) > 1_000:
            self.most_a_byte = max(self.most_a_byte, spent / len(data))
        return drawn

    def figures(self):
        """Return what is known, in a line."""
        return (
            f"{self.images:,} with {self.bytes / 1e6:.0f} MB: CPU {self.cpu_s:.0f} s,"
            f" {1e6 * self.cpu_s / self.bytes:.2f} µs a byte, worst image {1000 * self.most_cpu_s:.0f} ms,"
            f" worst of more than a kilobyte {1e6 * self.most_a_byte:.1f} µs a byte;"
            f" decoders {self.peak_mb():.0f} MB at their peak"
        )

    def peak_mb(self):
        """Return the most memory that a decoder has used, in MB."""
        peaks = [
            Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0] for pid in self.pids
        ]
        return max(map(int, peaks)) / 1000

    def _spent(self):
        return thread_time() + sum(map(process_seconds, self.pids))


@pytest.mark.timeout(7200)
def test_no_image_ends_a_decoder_or_costs_more_than_its_bytes_allow(decoders, seed, fuzz_messages, show):
    rng, effort, whole = Random(seed), Effort(decoders), originals()
    refused = damaged = shown = 0
    for _ in range(max(150, fuzz_messages // 100)):
        drawn = effort.spend(image(rng, whole))
        refused += drawn is None
        damaged += drawn is not None and drawn.damage is not None
        if drawn is not None and drawn.thumbnail is not None:
            shown += 1
            assert max(Image.open(io.BytesIO(drawn.thumbnail), formats=["JPEG"]).size) <= 320
    show(
        f"images, seed {seed}: {effort.figures()}; {refused} refused, {damaged} damaged, {shown} with a thumbnail"
    )
    assert refused and damaged and shown, f"seed {seed}"
    assert decoders.pids == effort.pids, f"a decoder was ended; seed {seed}"
    assert effort.peak_mb() < DECODER_MB


def test_no_bomb_costs_more_than_its_bytes_allow(decoders, show):
    effort = Effort(decoders)
    for _, bomb in bombs():
        effort.spend(bomb)
    show(f"bombs: {effort.figures()}")
    assert decoders.pids == effort.pids
