"""A client for scripts of those who own devices: it sees and does what its user may, as the console does.

    from fleet.client import Client

    with Client.from_environment() as fleet:
        for capture in fleet.captures(device="GREENHOUSE1"):
            fleet.download(capture, f"{capture.capture_id}.jpg")

It speaks to Supabase alone, by supabase-py, and needs none of the service's settings: see docs/client.md.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from postgrest import CountMethod

from fleet.client.errors import (
    ClientError,
    Damaged,
    Invalid,
    NotAllowed,
    NotFound,
    SignInFailed,
    Unavailable,
)
from fleet.client.rows import (
    Capture,
    Command,
    Company,
    Device,
    Reading,
    SensorPoint,
    Site,
    Trend,
    row_of,
    to_pandas,
)
from fleet.client.session import PAGE, Session, iso
from operate.whole_files import OtherBytes, write_parts

__all__ = [
    "Capture", "Client", "ClientError", "Command", "Company", "Damaged", "Device", "Invalid", "NotAllowed",
    "NotFound", "Reading", "SensorPoint", "SignInFailed", "Site", "Trend", "Unavailable", "to_pandas",
]  # fmt: skip

BUCKET: Final = "gxp-captures"
CommandType = Literal["capture_image", "send_image", "next_wake", "custom"]
Sensor = Literal["temperature", "humidity", "pressure", "gas", "battery", "rssi"]
Step = Literal["day", "week", "month"]
# Of how many devices console_trends and console_trend_sensor tell at once.
_DEVICES_OF_TRENDS: Final = 40
_DEVICES_OF_SENSOR: Final = 8


class Client:
    """Somebody who is signed in; a context manager. Make it by `sign_in`, `with_token` or `from_environment`.

    Several threads may use it. What only reads is tried `tries` times while Supabase cannot be reached, with
    growing pauses; each wait for an answer lasts `timeout_s` (s) at most. All methods raise ClientError.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        token: str | None = None,
        bucket: str = BUCKET,
        timeout_s: float = 30.0,
        tries: int = 5,
    ) -> None:
        self._session = Session(url, key, token=token, bucket=bucket, timeout_s=timeout_s, tries=tries)

    @classmethod
    def sign_in(cls, url: str, anon_key: str, email: str, password: str, **options: Any) -> Self:
        """Sign in with e-mail and password; the session is renewed as long as the client is used.

        `url` and `anon_key` (the publishable key) are those of the Supabase project; `options` those of the
        class. Raises SignInFailed or Unavailable.
        """
        client = cls(url, anon_key, **options)
        try:
            client._session.sign_in(email, password)
        except ClientError:
            client.close()
            raise
        return client

    @classmethod
    def with_token(cls, url: str, anon_key: str, token: str, **options: Any) -> Self:
        """Take the access token of a session that somebody has; it ends after an hour, as a rule."""
        return cls(url, anon_key, token=token, **options)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **options: Any) -> Self:
        """Sign in as the environment says.

        SUPABASE_URL and SUPABASE_PUBLISHABLE_KEY are those of the project; FLEET_EMAIL and FLEET_PASSWORD
        sign in, or FLEET_TOKEN is an access token; SUPABASE_STORAGE_BUCKET is `gxp-captures` by default.
        Raises SignInFailed, which names what is missing, or Unavailable.
        """
        said = os.environ if environment is None else environment
        wanted = ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY"]
        wanted += ["FLEET_TOKEN"] if said.get("FLEET_TOKEN") else ["FLEET_EMAIL", "FLEET_PASSWORD"]
        if missing := [name for name in wanted if not said.get(name)]:
            raise SignInFailed(f"not set: {', '.join(missing)}")
        options.setdefault("bucket", said.get("SUPABASE_STORAGE_BUCKET") or BUCKET)
        make = cls.with_token if "FLEET_TOKEN" in wanted else cls.sign_in
        return make(*(said[name] for name in wanted), **options)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the session ends by itself."""
        self._session.close()

    def company(self) -> Company:
        """Return the company whose member the user is; raise NotAllowed for a member of none."""
        found = self._session.rows(Company, lambda: self._session.select("companies", Company))
        if not found:
            raise NotAllowed("this account is a member of no company")
        return found[0]

    def sites(self) -> list[Site]:
        """Return the places of the company, by name; it has 1,000 at most."""
        return self._session.rows(Site, lambda: self._session.select("sites", Site).order("name").limit(PAGE))

    def devices(self, site: str | None = None) -> Iterator[Device]:
        """Yield the devices of the company, or those at a site by its id, ordered by their ids."""

        def asked() -> Any:
            table = self._session.select("devices", Device)
            return table if site is None else table.eq("site_id", site)

        return self._session.paged(Device, asked, ("device_id",), descending=False)

    def captures(
        self,
        device: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        statuses: Sequence[str] = ("stored", "partial"),
        oldest_first: bool = False,
    ) -> Iterator[Capture]:
        """Yield captures taken from `since` up to, not including, `until`, the newest first.

        `statuses` are those of Capture; by default what has a picture. Pages are asked for as they are
        needed, each from where the last one ended: so none is given twice and none left out, whatever comes
        meanwhile.
        """

        def asked() -> Any:
            table = self._session.select("captures", Capture).in_("ingest_status", statuses)
            return _within(table, device, "captured_at", since, until)

        return self._session.paged(Capture, asked, ("captured_at", "capture_id"), descending=not oldest_first)

    def count_captures(
        self,
        device: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        statuses: Sequence[str] = ("stored", "partial"),
    ) -> int:
        """Return how many `captures` would give now."""

        def asked() -> Any:
            table = self._session.supabase.table("captures").select("capture_id", count=CountMethod.exact)
            table = table.in_("ingest_status", statuses).limit(1)
            return _within(table, device, "captured_at", since, until)

        return int(self._session.patiently(lambda: self._session.answer(asked)).count)

    def readings(
        self,
        device: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        oldest_first: bool = False,
    ) -> Iterator[Reading]:
        """Yield what sensors measured from `since` up to, not including, `until`, the newest first."""

        def asked() -> Any:
            # Rows of an older schema may not say when.
            table = self._session.select("sensor_readings", Reading).not_.is_("measured_at", "null")
            return _within(table, device, "measured_at", since, until)

        return self._session.paged(Reading, asked, ("measured_at", "reading_id"), descending=not oldest_first)

    def download(self, capture: Capture, path: Path | str) -> Path:
        """Write the picture of a capture to a file, which is there whole or not at all, and return its path.

        Raises NotFound if there is no picture (any more), Damaged if its SHA-256 is not that of the row, and
        OSError.
        """
        return self._fetch(capture.storage_path if capture.has_picture else None, Path(path), capture.sha256)

    def thumbnail(self, capture: Capture, path: Path | str) -> Path:
        """Write the thumbnail of a capture to a file, as `download` does; its SHA-256 is in no row."""
        return self._fetch(capture.thumbnail_path if not capture.shares_object else None, Path(path), None)

    def _fetch(self, name: str | None, path: Path, sha256: str | None) -> Path:
        if name is None:
            raise NotFound("this capture has no picture")
        try:
            self._session.patiently(lambda: write_parts(path, self._session.parts(name), sha256))
        except OtherBytes:
            raise Damaged(f"{name} has another SHA-256 than its row says") from None
        return path

    def queue(
        self,
        device: str,
        kind: CommandType,
        payload: Mapping[str, Any] | None = None,
        *,
        deadline: datetime | None = None,
    ) -> Command:
        """Queue a command, which goes out when the device wakes next; it expires at `deadline`.

        docs/devices.md tells kinds and payloads. For operators. It is tried once: asked for twice, it would
        be done twice. Raises NotAllowed, also for another's device, and Invalid.
        """
        row = {"device_id": device, "type": kind, "payload": dict(payload or {})}
        if deadline is not None:
            row["deadline"] = iso(deadline)
        session = self._session
        answer = session.signed_in(
            lambda: session.answer(lambda: session.supabase.table("device_commands").insert(row))
        )
        return row_of(Command, answer.data[0])

    def commands(self, device: str | None = None, statuses: Sequence[str] | None = None) -> Iterator[Command]:
        """Yield the commands of all devices or of one, of all statuses or some, the newest first."""

        def asked() -> Any:
            table = self._session.select("device_commands", Command)
            table = table.eq("device_id", device) if device is not None else table
            return table.in_("status", statuses) if statuses is not None else table

        return self._session.paged(Command, asked, ("queue_number",), descending=True)

    def cancel(self, command: Command | str) -> None:
        """End a command that is still queued or sent, given itself or its id; for operators.

        One that was sent may have been done already. Raises NotFound if there is no such open command, and
        NotAllowed.
        """
        number = command if isinstance(command, str) else command.command_id
        session, which = self._session, {"p_command": number}
        session.signed_in(lambda: session.answer(lambda: session.supabase.rpc("cancel_command", which)))

    def trends(
        self,
        since: date,
        until: date,
        *,
        step: Step = "day",
        site: str | None = None,
        devices: Sequence[str] | None = None,
        by_device: bool = False,
    ) -> list[Trend]:
        """Return what came from day to day, both included, in each day, week (its Monday) or month.

        Of the whole company, of a site by its id, or of some devices: together, or each by itself. Days are
        those of each device's time zone; 1,100 at most. Raises Invalid for what cannot be asked together.
        """
        asked = {"p_from": since.isoformat(), "p_to": until.isoformat(), "p_step": step}
        if not by_device:
            chosen = None if devices is None else list(devices)
            told = self._session.call("console_trends", **asked, p_site=site, p_devices=chosen)
            if told["since"] != since.isoformat():
                raise Invalid(f"so many devices: ask for the days from {told['since']} on, or by device")
            return [_trend(None, None, period) for period in told["periods"]]
        if devices is None:
            devices = [device.device_id for device in self.devices(site)]
        found = []
        for some in _in_portions(devices, _DEVICES_OF_TRENDS):
            told = self._session.call("console_trends", **asked, p_by="device", p_site=site, p_devices=some)
            groups = sorted(told["groups"], key=lambda group: str(group["id"]))
            found += [_trend(group["id"], group["name"], row) for group in groups for row in group["periods"]]
        return found

    def sensor_trends(
        self, sensor: Sensor, since: date, until: date, devices: Sequence[str], *, zone: str = "UTC"
    ) -> list[SensorPoint]:
        """Return what a sensor of some devices measured from day to day, both included.

        Up to 31 days are cut into 240 stretches; a longer time, and `battery` (%) and `rssi` (dBm), are told
        by day. Other units are those of Reading. `zone` is the time zone of the days.
        """
        asked = {"p_sensor": sensor, "p_from": since.isoformat(), "p_to": until.isoformat(), "p_zone": zone}
        found = []
        for some in _in_portions(devices, _DEVICES_OF_SENSOR):
            for told in self._session.call("console_trend_sensor", **asked, p_devices=some)["devices"]:
                device, name = told["device_id"], told["name"]
                found += [SensorPoint(device, name, _moment(at), *values) for at, *values in told["points"]]
        return found


def _within(table: Any, device: str | None, at: str, since: datetime | None, until: datetime | None) -> Any:
    if device is not None:
        table = table.eq("device_id", device)
    if since is not None:
        table = table.gte(at, iso(since))
    if until is not None:
        table = table.lt(at, iso(until))
    return table


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _trend(device_id: str | None, name: str | None, told: list[Any]) -> Trend:
    period, *numbers = told
    return Trend(device_id, name, date.fromisoformat(period), *numbers)


def _in_portions(devices: Sequence[str], most: int) -> Iterator[list[str]]:
    for start in range(0, len(devices), most):
        yield list(devices[start : start + most])
