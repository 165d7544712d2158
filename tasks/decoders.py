"""The processes in which a worker has images decoded: started, limited and ended here.

Nothing that runs in a thread can be ended, and what devices send may be made to run long, to take memory or
to break a decoder. So each image is decoded in a process that knows nothing of the service (see decoder.py):
a few that stay, each with one image at a time. What is bounded is the CPU time of a decode, which depends on
the image alone, and not on how busy the machine is.
"""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from core.errors import Misconfigured, Transient
from core.text import printable
from tasks.stations.decode import Drawn, Figures, Hatching
from tasks.stations.header import Header

# No image takes so long: a process that has not answered by then does not run.
ANSWER_WITHIN_S: Final = 30.0
# A process may die of something else than its image, and of that it dies hardly twice.
TRIES: Final = 2
# What decoding needs beside the image (bytes): copies of it, where its end is mended; for a progressive one
# two bytes for each pixel and component, of which there are four at most; the rest is of a fixed size.
FIXED_MEMORY: Final = 32_000_000
COPIES: Final = 3
MEMORY_A_PIXEL: Final = 8
# And one that is encoded anew: its pixels as they are decoded, as Pillow has them, and at their new size.
SHRINK_MEMORY_A_PIXEL: Final = 16

_DECODER: Final = Path(__file__).with_name("decoder.py")
# It has only what is installed to import from, and what the service is made of behind that.
_START: Final = (
    "import sys, runpy; sys.path.append(sys.argv[1]); runpy.run_path(sys.argv[2], run_name='__main__')"
)
_SOCKET_BUFFER: Final = 2**20
_READ: Final = 2**16
# An answer is two short texts, four figures, and a JPEG of 320 × 320 px.
_LONGEST_LINE: Final = 4096
_READY: Final = b"ready\n"
_LARGEST_THUMBNAIL: Final = 2**20
# What hatching adds to the first bytes of an image: some bytes for each of its blocks of pixels.
_LARGEST_TAIL: Final = 2**21
_LONGEST_TEXT: Final = 200
_DHASH: Final = re.compile("[0-9a-f]{16}")
# numpy starts a thread for each core. Without the thresholds (bytes) glibc gives the memory of each image
# back to the system and takes it anew for the next, for a fifth of the time.
_ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(4 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
}
# Without it some installations of Python find no libraries.
_INHERITED: Final = "LD_LIBRARY_PATH"


def memory_for(image: bytes, header: Header, a_pixel: int = MEMORY_A_PIXEL) -> int:
    """Return how much memory (bytes) the decoding of an image may take."""
    return FIXED_MEMORY + COPIES * len(image) + a_pixel * header.width * header.height


def launch(script: Path) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a script as a process that knows nothing of this one; return it and the line to its stdin.

    Raises OSError.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        inherited = {_INHERITED: os.environ[_INHERITED]} if _INHERITED in os.environ else {}
        try:
            process = subprocess.Popen(  # noqa: S603 - our own file
                [sys.executable, "-I", "-c", _START, str(script.parents[1]), str(script)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_ENVIRONMENT | inherited,
            )
        except OSError:
            ours.close()
            raise
    return process, ours


def _text(said: object) -> str | None:
    return None if said is None else printable(str(said))[:_LONGEST_TEXT]


def _figures(said: Any) -> Figures | None:
    """Read the figures; raise ValueError, LookupError or TypeError if they are none."""
    if said is None:
        return None
    if not _DHASH.fullmatch(dhash := said["dhash"]):
        raise ValueError(dhash)
    return Figures(float(said["brightness"]), float(said["contrast"]), float(said["sharpness"]), dhash)


class Decoders:
    """At most `most` processes that decode; safe to share between threads. Each is started when it is needed.

    A decode may take `cpu_s` seconds of CPU.
    """

    def __init__(self, most: int, cpu_s: float, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._cpu_s = cpu_s
        # The one that was used last is used next, so that no more run than are needed.
        self._free: queue.LifoQueue[_Decoder] = queue.LifoQueue()
        self._closed = False
        self._closing = threading.Lock()
        self._all = [_Decoder(answer_within_s) for _ in range(most)]
        for decoder in self._all:
            self._free.put(decoder)

    def start(self) -> None:
        """Start the first; raise Misconfigured if it does not start, Transient after `close`."""
        with self._one() as decoder:
            decoder.start()

    def draw(self, image: bytes, header: Header) -> Drawn:
        """Have an image decoded, and return its thumbnail.

        Raises Transient if no process starts, and after `close`. An image of which a process has died twice,
        or that takes too much, is undecoded.
        """
        return self._ask(image, header, _LARGEST_THUMBNAIL, {"memory": memory_for(image, header)})

    def hatch(self, first_bytes: bytes, header: Header) -> Drawn:
        """Have the rest of an image hatched, of which these bytes came; return like `draw`, and raise so."""
        asked = {"memory": memory_for(first_bytes, header), "first_bytes": True}
        return self._ask(first_bytes, header, _LARGEST_THUMBNAIL, asked)

    def shrink(self, image: bytes, header: Header, width: int, height: int, quality: int) -> bytes | None:
        """Have an image encoded anew at this size (px) and quality, with its metadata.

        None stands for one that is broken or no smaller so, or that takes too much. Raises like `draw`.
        """
        memory = memory_for(image, header, SHRINK_MEMORY_A_PIXEL)
        asked = {"memory": memory, "shrink": (width, height, quality)}
        return self._ask(image, header, len(image), asked).thumbnail

    def _ask(self, image: bytes, header: Header, most: int, asked: dict[str, Any]) -> Drawn:
        asked |= {"bytes": len(image), **header._asdict(), "cpu_s": self._cpu_s}
        with self._one() as decoder:
            for _ in range(TRIES):
                try:
                    return decoder.ask(orjson.dumps(asked) + b"\n", image, most)
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
        """End all of them, each when it is free; what waits for one is put off. It may be called again."""
        self._closed = True
        with self._closing:
            for decoder in [self._free.get() for _ in self._all]:
                decoder.end()
                self._free.put(decoder)

    @contextmanager
    def _one(self) -> "Iterator[_Decoder]":
        decoder = self._free.get()
        try:
            if self._closed:
                raise Transient("the decoders are closed")
            yield decoder
        finally:
            self._free.put(decoder)


class _Died(Exception):
    """The process has ended before its answer, or was ended because it gave none; with its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Decoder:
    """One process after the other, used by one thread at a time; each answer has a deadline as a whole."""

    def __init__(self, answer_within_s: float) -> None:
        self._answer_within_s = answer_within_s
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket
        self._until = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process, if there is none; raise Misconfigured if it does not start."""
        if self._process is not None:
            return
        try:
            self._process, self._line = launch(_DECODER)
        except OSError as error:
            raise Misconfigured(f"no decoder starts: {error}") from error
        self._until = time.monotonic() + self._answer_within_s
        said = b""
        try:
            while _READY.startswith(said) and said != _READY:
                said += self._receive()
        except OSError:
            said = b""
        if said != _READY:
            raise Misconfigured(f"no decoder starts: it ended with status {self.end()}")

    def ask(self, request: bytes, image: bytes, most: int) -> Drawn:
        """Send an image and return the answer, of which the JPEG has `most` bytes at most.

        Raises _Died if there is none, and Misconfigured like `start`.
        """
        self.start()
        self._until = time.monotonic() + self._answer_within_s
        try:
            self._send(request)
            self._send(image)
            said = self._receive()
            while b"\n" not in said and len(said) <= _LONGEST_LINE:
                said += self._receive()
            line, _, drawn = said.partition(b"\n")
            answer = orjson.loads(line)
            size, damage, undecoded = answer["bytes"], _text(answer["damage"]), _text(answer["undecoded"])
            figures, rows, hatched = _figures(answer["figures"]), answer["rows"], answer["hatched_bytes"]
            if not (0 <= size <= most and 0 <= hatched <= _LARGEST_TAIL + len(image)):
                raise ValueError(size, hatched)
            while len(drawn) < size + hatched:
                drawn += self._receive()
            # What is beyond would be taken for the answer to the next image.
            if len(drawn) > size + hatched:
                raise ValueError(len(drawn))
            hatching = Hatching(drawn[size:], int(rows)) if hatched else None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise _Died(self.end()) from error
        return Drawn(drawn[:size] or None, damage, undecoded, figures, hatching)

    def end(self) -> int:
        """End the process, if there is one, and return its exit status."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.kill()
        self._line.close()
        return process.wait()

    def _send(self, data: bytes) -> None:
        self._line.settimeout(self._left())
        self._line.sendall(data)

    def _receive(self) -> bytes:
        """Return what comes next; raise OSError at the deadline, or if the process hangs up."""
        self._line.settimeout(self._left())
        data = self._line.recv(_READ)
        if not data:
            raise ConnectionResetError
        return data

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
