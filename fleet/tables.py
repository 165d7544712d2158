"""Tables in files: CSV that spreadsheets and scripts read, and Parquet where pyarrow is installed."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from operate.whole_files import whole

Format = Literal["csv", "parquet"]
Write = Callable[[Sequence[Any]], None]
_ROWS_AT_ONCE: Final = 1000
# What a spreadsheet would work out, as the console's CSV has it: names come from whoever may name a device.
_FORMULA: Final = re.compile(r"\s*[=+\-@\t\r＝＋－＠]")


class Column(NamedTuple):
    """A column of a table; times are told in the zone of the table."""

    name: str
    kind: Literal["text", "integer", "number", "boolean", "time"]


class NoParquet(Exception):
    """Parquet was asked for, and pyarrow is not installed."""


def check(form: Format) -> None:
    """Raise NoParquet, before anything is asked for."""
    if form == "parquet":
        _pyarrow()


@contextmanager
def table(folder: Path, name: str, form: Format, columns: Sequence[Column], zone: tzinfo) -> Iterator[Write]:
    """Give a function that writes a row; the file is there when all is written. Raises OSError."""
    written = _csv if form == "csv" else _parquet
    with whole(folder / f"{name}.{form}") as file, written(file, columns, zone) as write:
        yield write


@contextmanager
def _csv(file: Any, columns: Sequence[Column], zone: tzinfo) -> Iterator[Write]:
    """Write as RFC 4180 has it, in UTF-8 with the mark that Excel wants.

    A text that a spreadsheet would work out gets a ' before it.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    lines = csv.writer(text)
    lines.writerow(column.name for column in columns)

    def write(row: Sequence[Any]) -> None:
        lines.writerow(_cell(value, zone) for value in row)

    yield write
    text.flush()
    text.detach()


def _cell(value: Any, zone: tzinfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    return value


@contextmanager
def _parquet(file: Any, columns: Sequence[Column], zone: tzinfo) -> Iterator[Write]:
    """Write every text as it is, and times as µs since 1970 with the zone."""
    arrow, parquet = _pyarrow()
    types = {
        "text": arrow.string(), "integer": arrow.int64(), "number": arrow.float64(), "boolean": arrow.bool_(),
        "time": arrow.timestamp("us", tz=str(zone)),
    }  # fmt: skip
    schema = arrow.schema([(column.name, types[column.kind]) for column in columns])
    rows: list[Sequence[Any]] = []

    with parquet.ParquetWriter(file, schema) as out:

        def flush() -> None:
            values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
            arrays = [arrow.array(each, field.type) for each, field in zip(values, schema, strict=True)]
            out.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            rows.clear()

        def write(row: Sequence[Any]) -> None:
            rows.append(row)
            if len(rows) >= _ROWS_AT_ONCE:
                flush()

        yield write
        flush()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise NoParquet('pyarrow is not installed: pip install "fleet[parquet]"') from None
    return pyarrow, pyarrow.parquet
