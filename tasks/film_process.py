"""The process that makes one film (see film.py), as the worker that started it speaks to it."""

import json
import signal
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from core.errors import Transient
from tasks.decoders import FIXED_MEMORY, MEMORY_A_PIXEL, launch

# No picture takes so long, nor does the end of a film: a process that has not answered by then does not run.
ANSWER_WITHIN_S: Final = 60.0
# Frames that flicker and encoder look at, and what H.264 keeps of each: 105 bytes for a pixel were measured.
MEMORY_A_PIXEL_OF_FILM: Final = 140
# No device may send a larger picture.
LARGEST_PICTURE: Final = 64 * 2**20

_FILM: Final = Path(__file__).with_name("film.py")
_LONGEST_LINE: Final = 4096


class Unmakeable(Exception):
    """The film cannot be made, however often it is tried. `code` is for the row, the text for people."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class Film(NamedTuple):
    """What came of it."""

    data: bytes
    frames: int


class FilmProcess:
    """A context manager that starts the process, and ends it whatever happens.

    `job` is what `claim_timelapse` has returned. The film may take `most_s` seconds of CPU and have
    `most_bytes` bytes, each of its pictures `most_pixels` pixels. Raises Transient if the process does not
    start or dies, and Unmakeable.
    """

    def __init__(self, job: dict[str, Any], *, most_s: float, most_bytes: int, most_pixels: int) -> None:
        self._most_s = most_s
        self._most_bytes = most_bytes
        self._asked = {name: job[name] for name in ("format", "fps", "width", "deflicker")} | {
            "frames": len(job["frames"]),
            "most_bytes": most_bytes,
            "most_pixels": most_pixels,
            "cpu_s": most_s,
            "memory": FIXED_MEMORY
            + LARGEST_PICTURE
            + MEMORY_A_PIXEL * most_pixels
            + MEMORY_A_PIXEL_OF_FILM * job["width"] ** 2
            + 2 * most_bytes,  # the file as it grows
        }

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self._process, self._line = launch(_FILM)
        except OSError as error:
            raise Transient(f"no film can be made: {error}") from error
        self._line.settimeout(ANSWER_WITHIN_S)
        self._stream = self._line.makefile("rwb")
        try:
            if self._stream.readline(_LONGEST_LINE) != b"ready\n":
                raise self._death()
            self._say(self._asked)
        except OSError as error:
            raise self._death() from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._end()

    def add(self, image: bytes, text: str) -> bool:
        """Give it the next picture, with what is to be written on it; say whether it could be used."""
        return bool(self._ask({"bytes": len(image), "text": text}, image)["taken"])

    def finish(self) -> Film:
        """Return the film."""
        answer = self._ask({"bytes": 0})
        if not 0 <= answer["bytes"] <= self._most_bytes:
            raise self._death()  # it says what it does not: what devices send may have taken it over
        try:
            data = self._stream.read(answer["bytes"])
        except OSError as error:
            raise self._death() from error
        if len(data) < answer["bytes"]:
            raise self._death()
        return Film(data, answer["frames"])

    def _ask(self, question: dict[str, Any], image: bytes = b"") -> dict[str, Any]:
        try:
            self._say(question, image)
            answer: dict[str, Any] = json.loads(self._stream.readline(_LONGEST_LINE))
        except (OSError, ValueError) as error:
            raise self._death() from error
        match answer.get("fault"):
            case "too_large":
                mb = self._most_bytes // 10**6
                raise Unmakeable(
                    "too_large", f"the film would have more than {mb} MB: ask for less width or time"
                )
            case "no_pictures":
                raise Unmakeable("no_pictures", "none of the pictures can be used")
        return answer

    def _say(self, said: dict[str, Any], image: bytes = b"") -> None:
        self._stream.write(json.dumps(said).encode() + b"\n" + image)
        self._stream.flush()

    def _death(self) -> Exception:
        """Return what the end of the process means."""
        status = self._end()
        if status == -signal.SIGPROF:
            return Unmakeable(
                "took_too_long", f"it takes more than {self._most_s:g} s of CPU: ask for less width or time"
            )
        return Transient(f"the process that makes it has ended (status {status})")

    def _end(self) -> int:
        self._process.kill()
        status = self._process.wait()
        # Nobody is there to read what was not written yet.
        with suppress(OSError):
            self._stream.close()
        self._line.close()
        return status
