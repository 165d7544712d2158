"""The rows that the client gives, named as in docs/data-model.md; all times are in UTC."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args, get_type_hints

from fleet.client.errors import ClientError

if TYPE_CHECKING:
    import pandas

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Company:
    """The company whose member the user is."""

    company_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the company; `timezone` is an IANA name."""

    site_id: str
    name: str
    timezone: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """A device that the company has, with the latest of what it told."""

    device_id: str
    name: str | None
    location: str | None
    site_id: str | None
    timezone: str | None
    tags: tuple[str, ...]
    firmware_version: str | None
    battery_percent: float | None
    wifi_rssi_dbm: int | None
    last_seen_at: datetime | None
    last_capture_at: datetime | None
    next_wake_at: datetime | None


@dataclass(frozen=True, slots=True)
class Capture:
    """A picture, or one that failed: `ingest_status` is assembling, stored, partial, failed or expired.

    `image_bytes`, `width` (px) and `height` (px) are those of the picture that is there now. `image_sha256`
    is of the picture as the device sent it, `stored_sha256` of one that was made smaller since. Of a partial
    picture the first `partial_rows` rows came.
    """

    capture_id: str
    device_id: str
    captured_at: datetime
    captured_at_source: str
    device_capture_id: str
    ingest_status: str
    storage_path: str | None
    thumbnail_path: str | None
    shares_object: bool | None
    image_bytes: int | None
    width: int | None
    height: int | None
    image_sha256: str | None
    stored_sha256: str | None
    partial_rows: int | None
    damaged: bool
    health: str | None
    health_reason: str | None
    pinned: bool
    error_code: int | None
    firmware_version: str | None
    location: str | None
    stored_at: datetime | None

    @property
    def sha256(self) -> str | None:
        """The SHA-256 of the picture that is there now, in hex; None where that is not known."""
        return (self.stored_sha256 or self.image_sha256) if self.ingest_status == "stored" else None

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture to download.

        One whose object another row names too (of an older schema) is no user's to read.
        """
        return self.storage_path is not None and not self.shares_object


@dataclass(frozen=True, slots=True)
class Reading:
    """What the sensors measured with a picture; None for what a device does not measure."""

    reading_id: int
    capture_id: str | None
    device_id: str
    measured_at: datetime
    temperature_c: float | None
    humidity_pct: float | None
    pressure_hpa: float | None
    gas_kohm: float | None


@dataclass(frozen=True, slots=True)
class Command:
    """What a device was told to do: `status` is queued, sent, done, failed, expired or cancelled."""

    command_id: str
    queue_number: int
    device_id: str
    type: str
    payload: dict[str, Any]
    status: str
    reason: str | None
    attempts: int
    created_at: datetime
    deadline: datetime | None
    sent_at: datetime | None
    finished_at: datetime | None
    capture_id: str | None


@dataclass(frozen=True, slots=True)
class Trend:
    """What came in a period, which begins on the day `period`; `device_id` is None for all together.

    `camera`, `transfer` and `service` are the failures, by where they were; `bytes` those of the pictures.
    """

    device_id: str | None
    name: str | None
    period: date
    expected: int | None
    silent: int
    stored: int
    partial: int
    camera: int
    transfer: int
    service: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SensorPoint:
    """What a sensor of a device measured in a stretch of time that begins at `at`, or in a day around it."""

    device_id: str
    name: str | None
    at: datetime
    minimum: float
    mean: float
    maximum: float


def _is_time(hint: Any) -> bool:
    return hint is datetime or datetime in get_args(hint)


_KINDS: Final = (Company, Site, Device, Capture, Reading, Command, Trend, SensorPoint)
# The fields of each kind, and those of them that are times.
_FIELDS: Final[dict[Any, tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind)) for kind in _KINDS
}
_TIMES: Final[dict[Any, tuple[str, ...]]] = {
    kind: tuple(name for name, hint in get_type_hints(kind).items() if _is_time(hint)) for kind in _KINDS
}


def columns(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of what a kind of row has."""
    return _FIELDS[kind]


def row_of(kind: type[Row], told: Mapping[str, Any]) -> Row:
    """Make a row of what PostgREST tells."""
    values = {name: told[name] for name in _FIELDS[kind]}
    for name in _TIMES[kind]:
        if values[name] is not None:
            values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
    if "tags" in values:
        values["tags"] = tuple(values["tags"])
    return kind(**values)


def to_pandas(rows: Iterable[Row], kind: type[Row]) -> "pandas.DataFrame":
    """Return rows of a kind as a table, a column for each of its fields, also where there are no rows.

    Needs pandas: `pip install "fleet[pandas]"`; raises ClientError without it.
    """
    try:
        import pandas  # noqa: PLC0415 - an extra
    except ImportError:
        raise ClientError('pandas is not installed: pip install "fleet[pandas]"') from None
    names = _FIELDS[kind]
    table = pandas.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=list(names))
    return table.astype(dict.fromkeys(_TIMES[kind], "datetime64[us, UTC]"))
