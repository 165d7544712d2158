"""The task that records the message log and the errors in the database, in bulk.

A backlog always drains: a call that fails makes the next one half as large, and of rows that the database
refuses, or never takes, only these are dropped.
"""

import logging
import time
from collections import Counter
from itertools import accumulate, takewhile
from typing import Any, Final

import orjson

from core import dispatch
from core.clock import to_iso
from core.errors import CaptureRejected, NotAsked, Transient
from core.store.keys import ERRORS, LOG, Stream
from core.store.streams import StreamBatch
from tasks.app import app
from tasks.periodic import periodic
from tasks.resources import Resources

log = logging.getLogger("tasks.flush_log")

# The most batches in one read of a stream.
BATCHES: Final = 100
# A run makes its last call before RUN_S is over.
RUN_S: Final = 30.0
EVERY_S: Final = 1.0
# The bytes of rows in one call, at most, and after calls that failed. A row that is longer goes alone, and so
# does each after a call of LEAST_BYTES that failed.
MOST_BYTES: Final = 2**19
LEAST_BYTES: Final = 2**9
# Calls that fail in turn in one run, until they carry LEAST_BYTES.
HALVINGS: Final = (MOST_BYTES // LEAST_BYTES).bit_length()
# If the database refuses more rows of one call than these, the fault may be its own, and the call failed.
MOST_REFUSED: Final = 20
# A row that fails alone in this many runs, while others behind it are recorded, is set aside.
STRIKES: Final = 3
# So many rows in turn may fail alone before the database is taken to be away.
SUSPECTS: Final = 5
TIMES: Final[dict[Stream, str]] = {ERRORS: "occurred_at", LOG: "received_at"}

Row = dict[str, Any]


class Portion:
    """How many bytes one call carries: half as many after a failure, a sixteenth more after a success."""

    def __init__(self) -> None:
        self.bytes = MOST_BYTES
        self._alone = False

    def of(self, rows: list[Row]) -> list[Row]:
        """Return the first of `rows` that fit into one call, at least one."""
        ends = accumulate(len(orjson.dumps(row)) for row in rows)
        fitting = sum(1 for _ in takewhile(lambda end: end <= self.bytes, ends))
        return rows[: 1 if self._alone else max(1, fitting)]

    def failed(self) -> None:
        """Carry half as many from now on."""
        self._alone = self.bytes == LEAST_BYTES
        self.bytes = max(LEAST_BYTES, self.bytes // 2)

    def succeeded(self) -> None:
        """Carry a sixteenth more from now on."""
        self._alone = False
        self.bytes = min(MOST_BYTES, self.bytes + self.bytes // 16)


portion = Portion()
# By the key of a row, the runs in which it has failed alone while others were recorded.
strikes: Counter[str] = Counter()


@periodic(dispatch.FLUSH_LOG, every_s=EVERY_S, put_off="log put off")
def flush_log() -> None:
    """Move the entries of the streams to the database; its turn makes it run once even with several beats."""
    until = time.monotonic() + RUN_S
    for stream in TIMES:
        while flush_once(app.resources, stream, until):
            pass


def flush_once(resources: Resources, stream: Stream, until: float) -> bool:
    """Record the oldest batches of a stream until `until` (monotonic, s); return whether to go on.

    What is recorded twice, since the process died before it deleted a batch, is in the database once. Raises
    Transient if a call fails, unless one has succeeded in this run: then the fault may be in its size. Where
    a row fails alone the fault may be in that row, which the next ones show.
    """
    streams = resources.store.streams
    batches = streams.oldest(stream, BATCHES)
    rows, at, answered, failures = _rows(batches, TIMES[stream]), 0, False, 0
    suspects: list[int] = []
    left: list[int] = []
    try:
        while at < len(rows) and time.monotonic() < until:
            some = portion.of(rows[at:])
            try:
                _record(resources, stream, some)
            except NotAsked:
                raise
            except Transient:
                portion.failed()
                failures += 1
                if len(some) == 1 and len(suspects) < SUSPECTS:
                    suspects.append(at)
                    at += 1
                elif not answered or failures > HALVINGS:
                    raise
            else:
                portion.succeeded()
                at += len(some)
                answered, failures = True, 0
                for row in some if strikes else ():
                    strikes.pop(row["key"], None)
                left += [number for number in suspects if not _set_aside(stream, rows[number])]
                suspects.clear()
    finally:
        recorded = min([at, *suspects, *left])
        ends = accumulate(len(batch.entries) for batch in batches)
        if done := [batch.id for batch, end in zip(batches, ends, strict=True) if end <= recorded]:
            streams.delete(stream, done)
    return len(batches) == BATCHES and time.monotonic() < until


def _set_aside(stream: Stream, row: Row) -> bool:
    """Count a run in which a row has failed alone and others were recorded; return whether it is given up."""
    strikes[row["key"]] += 1
    if strikes[row["key"]] < STRIKES:
        return False
    del strikes[row["key"]]
    log.error("a row of %s is set aside, since it fails each time and others do not: %.500s", stream, row)
    return True


def _record(resources: Resources, stream: Stream, rows: list[Row]) -> None:
    """Record rows; drop those, and only those, that the database refuses. Raises Transient."""
    parts, refused = [rows], 0
    while parts:
        part = parts.pop()
        try:
            resources.supabase.call(
                "record_log",
                p_messages=part if stream == LOG else [],
                p_errors=part if stream == ERRORS else [],
            )
        except CaptureRejected as error:
            if len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            refused += 1
            if refused > MOST_REFUSED:
                raise Transient(f"the database refuses row after row: {error}") from error
            log.error("a row of %s dropped that the database refuses: %s", stream, error)


def _rows(batches: list[StreamBatch], column: str) -> list[Row]:
    """Return the entries as rows; one that was written before entries had keys gets the key of its place."""
    return [
        {"key": f"{batch.id}:{number}", **entry, column: to_iso(entry[f"{column}_ms"])}
        for batch in batches
        for number, entry in enumerate(batch.entries)
    ]
