"""The processes in which a worker has images decoded: started, limited and ended here.

Nothing that runs in a thread can be ended, and what devices send may be made to run long, to take memory or
to break a decoder. So each image is decoded in a process that knows nothing of the service (see decoder.py):
a few that stay, each with one image at a time. What is bounded is the CPU time of a decode, which depends on
the image alone, and not on how busy the machine is.
"""

import os
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedRWPair
from pathlib import Path
from typing import Final

import orjson

from core.errors import Misconfigured, Transient
from core.text import printable
from tasks.stations.decode import Drawn
from tasks.stations.header import Header

# No image takes so long: a process that is silent for this long does not run.
ANSWER_WITHIN_S: Final = 30.0
# A process may die of something else than its image, and of that it dies hardly twice.
TRIES: Final = 2
# What decoding needs beside the image (bytes): copies of it, where its end is mended; for a progressive one
# two bytes for each pixel and component, of which there are four at most; the rest is of a fixed size.
FIXED_MEMORY: Final = 32_000_000
COPIES: Final = 3
MEMORY_A_PIXEL: Final = 8

_DECODER: Final = Path(__file__).with_name("decoder.py")
_SOCKET_BUFFER: Final = 2**20
# An answer is two short texts, and a JPEG of 320 × 320 px.
_LONGEST_LINE: Final = 4096
_LARGEST_THUMBNAIL: Final = 2**20
_LONGEST_TEXT: Final = 200
# numpy starts a thread for each core. Without the thresholds (bytes) glibc gives the memory of each image
# back to the system and takes it anew for the next, for a fifth of the time.
_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(4 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
}
# Without it some installations of Python find no libraries.
_INHERITED: Final = "LD_LIBRARY_PATH"


def memory_for(image: bytes, header: Header) -> int:
    """Return how much memory (bytes) the decoding of an image may take."""
    return FIXED_MEMORY + COPIES * len(image) + MEMORY_A_PIXEL * header.width * header.height


def _text(said: object) -> str | None:
    return None if said is None else printable(str(said))[:_LONGEST_TEXT]


class Decoders:
    """At most `most` processes that decode; safe to share between threads. Each is started when it is needed.

    A decode may take `cpu_s` seconds of CPU.
    """

    def __init__(self, most: int, cpu_s: float, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._cpu_s = cpu_s
        # The one that was used last is used next, so that no more run than are needed.
        self._free: queue.LifoQueue[_Decoder] = queue.LifoQueue()
        self._all = [_Decoder(answer_within_s) for _ in range(most)]
        for decoder in self._all:
            self._free.put(decoder)

    def start(self) -> None:
        """Start the first; raise Misconfigured if it does not start."""
        with self._one() as decoder:
            decoder.start()

    def draw(self, image: bytes, header: Header) -> Drawn:
        """Have an image decoded, and return its thumbnail; raise Transient if no process starts.

        An image of which a process has died twice, or that takes too much, is undecoded.
        """
        asked = {
            "bytes": len(image),
            **header._asdict(),
            "cpu_s": self._cpu_s,
            "memory": memory_for(image, header),
        }
        with self._one() as decoder:
            for _ in range(TRIES):
                try:
                    return decoder.draw(orjson.dumps(asked) + b"\n", image)
                except _Died as death:
                    if death.status == -signal.SIGPROF:
                        return Drawn(undecoded=f"it takes more than {self._cpu_s:g} s of CPU")
                    status = death.status
                except Misconfigured as error:
                    raise Transient(str(error)) from error
        return Drawn(undecoded=f"its decoder died (status {status})")

    @property
    def pids(self) -> list[int]:
        """The ids of the processes that have been started."""
        return [decoder.pid for decoder in self._all if decoder.pid is not None]

    def close(self) -> None:
        """End all of them, each when it is free."""
        for _ in self._all:
            self._free.get().end()

    @contextmanager
    def _one(self) -> "Iterator[_Decoder]":
        decoder = self._free.get()
        try:
            yield decoder
        finally:
            self._free.put(decoder)


class _Died(Exception):
    """The process has ended before its answer, or was ended because it gave none; with its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Decoder:
    """One process after the other, used by one thread at a time."""

    def __init__(self, answer_within_s: float) -> None:
        self._answer_within_s = answer_within_s
        self._process: subprocess.Popen[bytes] | None = None
        self._line: BufferedRWPair

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process, if there is none; raise Misconfigured if it does not start."""
        if self._process is not None:
            return
        ours, theirs = socket.socketpair()
        with ours, theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
            ours.settimeout(self._answer_within_s)
            inherited = {_INHERITED: os.environ[_INHERITED]} if _INHERITED in os.environ else {}
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own file
                    [sys.executable, "-I", str(_DECODER)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_ENVIRONMENT | inherited,
                )
            except OSError as error:
                raise Misconfigured(f"no decoder starts: {error}") from error
            self._line = ours.makefile("rwb")
        try:
            ready = self._line.readline(_LONGEST_LINE)
        except OSError:
            ready = b""
        if ready != b"ready\n":
            raise Misconfigured(f"no decoder starts: it ended with status {self.end()}")

    def draw(self, request: bytes, image: bytes) -> Drawn:
        """Send an image and return the answer; raise _Died if there is none, Misconfigured like `start`."""
        self.start()
        try:
            self._line.write(request)
            self._line.write(image)
            self._line.flush()
            answer = orjson.loads(self._line.readline(_LONGEST_LINE))
            size, damage, undecoded = answer["bytes"], _text(answer["damage"]), _text(answer["undecoded"])
            if not 0 <= size <= _LARGEST_THUMBNAIL:
                raise ValueError(size)
            thumbnail = self._line.read(size)
            if len(thumbnail) < size:
                raise ValueError(len(thumbnail))
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise _Died(self.end()) from error
        return Drawn(thumbnail or None, damage, undecoded)

    def end(self) -> int:
        """End the process, if there is one, and return its exit status."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.kill()
        with suppress(OSError):
            self._line.close()
        return process.wait()
