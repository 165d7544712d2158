"""Write pictures and readings of a range of time: `fleet export --from 2026-01-01 --to 2026-02-01 FOLDER`.

    manifest.json                 what was asked for; when all was there, and how much
    captures.csv, readings.csv    a row for each; or captures.parquet, readings.parquet
    pictures/COMPANY/SITE/DEVICE ID/DAY/TIME CAPTURE.jpg    as captures.csv names it under `file`

It signs in as a user, by SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, FLEET_EMAIL and FLEET_PASSWORD (asked for if
it is not set) or FLEET_TOKEN, and writes what that user may see. One that was cut off goes on when it is
called again: rows are written anew, and pictures that are there whole are not fetched again.

Exit status: 0, 1 if something failed or a picture is damaged, 2 for wrong usage, 130 after Ctrl-C.
"""

import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from core.text import printable
from fleet import tables
from fleet.client import Capture, Client, ClientError, Damaged, Device, NotFound, Reading
from fleet.names import safe_name
from fleet.tables import Column
from operate.command import EnvFile, console_on, end, read_settings_from
from operate.export_folder import ExportFolder
from operate.whole_files import sha256_of

STATUSES: Final = ("stored", "partial", "failed", "expired")
CAPTURES: Final = (
    Column("captured_at", "time"), Column("captured_at_source", "text"), Column("company", "text"),
    Column("site", "text"), Column("device_id", "text"), Column("device", "text"),
    Column("capture_id", "text"), Column("device_capture_id", "text"), Column("ingest_status", "text"),
    Column("file", "text"),
    Column("sha256", "text"), Column("image_bytes", "integer"), Column("width", "integer"),
    Column("height", "integer"), Column("partial_rows", "integer"), Column("damaged", "boolean"),
    Column("health", "text"), Column("health_reason", "text"), Column("pinned", "boolean"),
    Column("error_code", "integer"), Column("firmware_version", "text"), Column("location", "text"),
    Column("stored_at", "time"),
)  # fmt: skip
READINGS: Final = (
    Column("measured_at", "time"), Column("device_id", "text"), Column("device", "text"),
    Column("capture_id", "text"), Column("temperature_c", "number"), Column("humidity_pct", "number"),
    Column("pressure_hpa", "number"), Column("gas_kohm", "number"),
)  # fmt: skip
_AT_ONCE: Final = 8
# How many pictures are under way or wait for one before them.
_AHEAD: Final = 64

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(help="the folder to write to: a new one", file_okay=False)],
    *,
    since: Annotated[str, typer.Option("--from", help="a day or a time in ISO 8601")],
    until: Annotated[str, typer.Option("--to", help="likewise; not included")],
    device: Annotated[list[str] | None, typer.Option(help="the id of a device; may be repeated")] = None,
    form: Annotated[tables.Format, typer.Option("--format", help="of the tables")] = "csv",
    zone: Annotated[str, typer.Option(help="the time zone of days and times")] = "UTC",
    env_file: EnvFile = None,
) -> None:
    """Write pictures and readings of a range of time to a folder, as far as a user may see them."""
    read_settings_from(env_file)
    try:
        tables.check(form)
        range_ = Range.of(since, until, zone)
        with _signed_in() as client:
            Export(client, directory, range_, sorted(set(device or [])), form).run()
    except tables.NoParquet as error:
        end(str(error), 2)
    except ClientError as error:
        end(printable(str(error)), 1)
    except OSError as error:
        end(f"cannot write: {error}", 1)
    except KeyboardInterrupt:
        # Not by `end`: fetches that are under way may wait for minutes, and each file is whole or none.
        print("cut off: the same command goes on from here", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(130)


class Range(NamedTuple):
    """A range of time, its end not included, and the zone in which days and times are told."""

    since: datetime
    until: datetime
    zone: ZoneInfo

    @classmethod
    def of(cls, since: str, until: str, zone: str) -> "Range":
        """Read what was given; end the command where it is no range."""
        try:
            place = ZoneInfo(zone)
        except (KeyError, OSError, ValueError):
            end(f"--zone: there is no time zone {zone!r}", 2)
        read = cls(_time("--from", since, place), _time("--to", until, place), place)
        if read.since >= read.until:
            end(f"--from {since} is not before --to {until}", 2)
        return read


def _time(option: str, text: str, zone: ZoneInfo) -> datetime:
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):
        end(f"{option}: {text!r} is no day or time, as 2026-01-31 or 2026-01-31T12:00+01:00", 2)


@contextmanager
def _signed_in() -> Iterator[Client]:
    said = dict(os.environ)
    asks = said.get("FLEET_EMAIL") and not (said.get("FLEET_PASSWORD") or said.get("FLEET_TOKEN"))
    if asks and sys.stdin.isatty():
        said["FLEET_PASSWORD"] = typer.prompt(f"Password of {said['FLEET_EMAIL']}", hide_input=True)
    with Client.from_environment(said) as client:
        yield client


class Export:
    """One export: whose, to where, of when and of what."""

    def __init__(
        self, client: Client, directory: Path, range_: Range, devices: list[str], form: tables.Format
    ) -> None:
        self._client = client
        self._path = directory
        self._range = range_
        self._format: tables.Format = form
        self._of: list[str | None] = [*devices] or [None]
        self._counts = {"captures": 0, "readings": 0, "pictures": 0, "fetched": 0}
        self._missing: list[str] = []
        self._damaged: list[str] = []

    def run(self) -> None:
        """Write everything; end with 1 if a picture is damaged. Raises ClientError and OSError."""
        client, range_ = self._client, self._range
        company = client.company()
        places = Places.of(client, company.name)
        for name in self._of:
            if (
                name is not None
                and name not in places.devices
                and not client.count_captures(name, statuses=STATUSES)
            ):
                end(f"there is no device {printable(name)} in {printable(company.name)}", 1)
        said = {
            "kind": "pictures", "of": company.company_id, "name": company.name,
            "from": range_.since.isoformat(), "to": range_.until.isoformat(), "zone": str(range_.zone),
            "devices": [name for name in self._of if name is not None], "format": self._format,
        }  # fmt: skip
        console = console_on(sys.stderr)
        shown = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with ExportFolder(self._path, said) as folder:
            with Progress(*shown, console=console) as bar:
                self._write_readings(bar, places)
                self._write_captures(bar, places)
            folder.finish({**self._counts, "missing": self._missing, "damaged": self._damaged})
        self._tell()

    def _table(self, name: str, columns: tuple[Column, ...]) -> Any:
        return tables.table(self._path, name, self._format, columns, self._range.zone)

    def _write_readings(self, bar: Progress, places: "Places") -> None:
        task = bar.add_task("readings", total=None)
        with self._table("readings", READINGS) as write:
            for name in self._of:
                for reading in self._client.readings(name, *self._range[:2], oldest_first=True):
                    write(_reading_row(reading, places))
                    self._counts["readings"] += 1
                    bar.advance(task)
        bar.update(task, total=self._counts["readings"])

    def _write_captures(self, bar: Progress, places: "Places") -> None:
        client, (since, until, zone) = self._client, self._range
        counts = [client.count_captures(name, since, until, statuses=STATUSES) for name in self._of]
        task = bar.add_task("pictures", total=sum(counts))
        waiting: deque[tuple[Capture, Path | None, Future[str]]] = deque()
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            with self._table("captures", CAPTURES) as write:

                def finish_one() -> None:
                    capture, file, outcome = waiting.popleft()
                    there = self._note(capture, outcome.result()) if file else False
                    write(_capture_row(capture, places, file if there else None))
                    self._counts["captures"] += 1
                    bar.advance(task)

                for name in self._of:
                    for capture in client.captures(name, since, until, statuses=STATUSES, oldest_first=True):
                        file = places.file_of(capture, zone) if capture.has_picture else None
                        waiting.append((capture, file, pool.submit(self._fetch, capture, file)))
                        if len(waiting) >= _AHEAD:
                            finish_one()
                while waiting:
                    finish_one()
        finally:
            # After Ctrl-C the process ends with all that is under way.
            pool.shutdown(wait=not isinstance(sys.exception(), KeyboardInterrupt), cancel_futures=True)

    def _fetch(self, capture: Capture, file: Path | None) -> str:
        """Fetch a picture unless it is there whole; say what came of it."""
        if file is None:
            return "none"
        path = self._path / file
        if path.exists() and capture.sha256 in (None, sha256_of(path)):
            return "there"
        try:
            self._client.download(capture, path)
        except NotFound:
            return "missing"
        except Damaged:
            return "damaged"
        return "fetched"

    def _note(self, capture: Capture, outcome: str) -> bool:
        if outcome in ("missing", "damaged"):
            (self._missing if outcome == "missing" else self._damaged).append(capture.capture_id)
            return False
        self._counts["pictures"] += 1
        self._counts["fetched"] += outcome == "fetched"
        return True

    def _tell(self) -> None:
        counts, console = self._counts, console_on(sys.stdout)
        console.print(
            f"✓ {counts['captures']} captures with {counts['pictures']} pictures, {counts['fetched']} of "
            f"them fetched now, and {counts['readings']} readings in {printable(str(self._path))}"
        )
        for capture in self._missing:
            console.print(f"– the picture of {capture} is not there any more")
        for capture in self._damaged:
            console.print(f"✗ the picture of {capture} has another SHA-256 than its row says: left out")
        if self._damaged:
            raise typer.Exit(1)


class Places(NamedTuple):
    """How company, sites and devices are called."""

    company: str
    sites: Mapping[str, str]
    devices: Mapping[str, Device]

    @classmethod
    def of(cls, client: Client, company: str) -> "Places":
        """Ask for sites and devices."""
        sites = {site.site_id: site.name for site in client.sites()}
        return cls(company, sites, {device.device_id: device for device in client.devices()})

    def name_of(self, device_id: str) -> str | None:
        """Return what a device is called; None for one that the company does not have any more."""
        return self.devices[device_id].name if device_id in self.devices else None

    def site_of(self, device_id: str) -> str | None:
        """Return the site where a device is now."""
        device = self.devices.get(device_id)
        return self.sites.get(device.site_id) if device and device.site_id else None

    def file_of(self, capture: Capture, zone: ZoneInfo) -> Path:
        """Return where a picture is, in the folder: no two have the same place, and none is outside."""
        at, device = capture.captured_at.astimezone(zone), capture.device_id
        partial = f" partial {capture.partial_rows}" if capture.ingest_status == "partial" else ""
        return Path(
            "pictures",
            safe_name(self.company),
            safe_name(self.site_of(device) or "no site"),
            f"{safe_name(self.name_of(device) or 'device')} {safe_name(device)}",
            f"{at:%Y-%m-%d}",
            f"{at:%H.%M.%S} {safe_name(capture.capture_id)}{partial}.jpg",
        )


def _capture_row(capture: Capture, places: Places, file: Path | None) -> list[Any]:
    device = capture.device_id
    beside = {
        "company": places.company, "site": places.site_of(device), "device": places.name_of(device),
        "file": file and file.as_posix(),
    }  # fmt: skip
    return [
        beside[name] if name in beside else getattr(capture, name)
        for name in (each.name for each in CAPTURES)
    ]


def _reading_row(reading: Reading, places: Places) -> list[Any]:
    name = places.name_of(reading.device_id)
    return [name if each.name == "device" else getattr(reading, each.name) for each in READINGS]


if __name__ == "__main__":
    app()
