"""The file of a recording: one JSON object a line, compressed if its name ends in `.gz`.

The first line is {"recording": 1, "began_at": "2026-11-27T12:00:00+00:00"}. Every other line is a message, in
the order in which they came:
  {"ms": 1234, "topic": "ESP32CAM/AABBCCDDEEFF/data", "qos": 1, "retain": false, "text": "{…}"}
`ms` counts from `began_at`. A payload that is no UTF-8 stands in `base64` instead of `text`.
"""

import gzip
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, cast

import orjson

from core.mqtt import MAX_PACKET_BYTES

FORMAT: Final = 1
# Ten years, and the last in which one may begin: dates end with the year 9999.
LONGEST_MS: Final = 10 * 366 * 24 * 3_600_000
_LAST_YEAR: Final = 9980
# JSON writes a byte as up to six characters; the rest of a line is short.
_LONGEST_LINE: Final = 6 * MAX_PACKET_BYTES + 2**18


class RecordingError(Exception):
    """A file is no recording, or a damaged one; the message names it and the line."""


class Recorded(NamedTuple):
    """One message: when it came, in ms after the recording began, and what the broker delivered."""

    ms: int
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False

    @property
    def device_id(self) -> str:
        """The device of the topic; empty if the topic has another form."""
        parts = self.topic.split("/")
        return parts[1] if len(parts) == 3 else ""

    @property
    def kind(self) -> str:
        """The last level of the topic: status and data come from a device, ack and cmd go to it."""
        return self.topic.rpartition("/")[2]


class Writer:
    """Writes messages to an open recording."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, message: Recorded) -> None:
        """Append a message; raises OSError."""
        line: dict[str, Any] = {"ms": message.ms, "topic": message.topic}
        line |= {"qos": message.qos, "retain": message.retain}
        try:
            line["text"] = message.payload.decode()
        except UnicodeDecodeError:
            line["base64"] = b64encode(message.payload).decode()
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Hand all to the system, so that it is there if this process dies; raises OSError."""
        self._file.flush()


@contextmanager
def new_recording(path: Path, began_at: datetime) -> Iterator[Writer]:
    """Begin a recording that its owner alone can read; raises FileExistsError and other OSErrors."""
    path.touch(mode=0o600, exist_ok=False)
    with _open(path, "wb") as file:
        head = {"recording": FORMAT, "began_at": began_at}
        file.write(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE))
        yield Writer(file)


class Recording:
    """A recording that is read: `began_at`, and its messages each time it is iterated over.

    Opening and iterating raise RecordingError. The last line of one whose process was killed may be half;
    `cut_off` says so after it has been iterated over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_off = False
        with self._file() as file:
            head = self._line(file)
        try:
            fields = orjson.loads(head)
            version, self.began_at = fields["recording"], datetime.fromisoformat(fields["began_at"])
            if self.began_at.tzinfo is None or self.began_at.year > _LAST_YEAR:
                raise ValueError(self.began_at)
        except (KeyError, TypeError, ValueError):
            raise RecordingError(f"{path} is no recording") from None
        if version != FORMAT:
            raise RecordingError(f"{path} is a recording of form {version}; this version reads {FORMAT}")

    def __iter__(self) -> Iterator[Recorded]:
        self.cut_off = False
        with self._file() as file:
            self._line(file)
            number = 1
            while line := self._line(file):
                number += 1
                if not line.endswith(b"\n"):
                    self.cut_off = True
                    return
                yield self._message(line, number)

    def _message(self, line: bytes, number: int) -> Recorded:
        try:
            fields = orjson.loads(line)
            text = fields.get("text")
            payload = text.encode() if text is not None else b64decode(fields["base64"], validate=True)
            message = Recorded(fields["ms"], fields["topic"], payload, fields["qos"], fields["retain"])
        except (KeyError, TypeError, ValueError, AttributeError):
            message = None
        if (
            message is None
            or list(map(type, message)) != [int, str, bytes, int, bool]
            or not (0 <= message.ms <= LONGEST_MS and 0 <= message.qos <= 2)
        ):
            raise RecordingError(f"{self.path}, line {number}: not a message")
        return message

    def _line(self, file: IO[bytes]) -> bytes:
        """Return the next line; what is there of it if the file ends within it."""
        try:
            line = file.readline(_LONGEST_LINE)
        except EOFError:
            self.cut_off = True  # the end of a compressed file is missing
            return b""
        except (OSError, zlib.error) as error:
            raise RecordingError(f"{self.path}: {error}") from None
        if len(line) == _LONGEST_LINE:
            raise RecordingError(f"{self.path}: a line is longer than a message can be")
        return line

    @contextmanager
    def _file(self) -> Iterator[IO[bytes]]:
        try:
            file = _open(self.path, "rb")
        except OSError as error:
            raise RecordingError(f"{self.path}: {error.strerror}") from None
        with file:
            yield file


def _open(path: Path, mode: str) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, mode) if path.suffix == ".gz" else path.open(mode))
