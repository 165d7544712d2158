"""What `capture_days` has to hold, counted from the raw tables in another way: row by row, in Python."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]
Key = tuple[date, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVER = datetime(9000, 1, 1, tzinfo=UTC)
SETTLED = timedelta(minutes=10)
TRANSFER = {2201, 2202, 2203, 2207, 2208}
SENSORS = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "pressure": "pressure_hpa",
    "gas": "gas_kohm",
}


@dataclass(frozen=True)
class Stretch:
    """A time in which nothing changed for a device: `schedule` is (times, minutes) or None."""

    since: datetime
    until: datetime
    owner: Any
    zone: ZoneInfo
    schedule: tuple[tuple[time, ...], int | None] | None
    offset: timedelta

    @property
    def effect(self) -> tuple[Any, ...]:
        """What has to differ for a stretch to be another one."""
        return (self.owner, self.zone.key, self.schedule, self.offset)

    @property
    def grace(self) -> timedelta:
        """How early a device may wake."""
        minutes = self.schedule and self.schedule[1]
        return min(timedelta(minutes=1), timedelta(minutes=minutes or 2) / 2)

    def wakes(self, since: datetime, until: datetime) -> list[datetime]:
        """The wakes of its schedule from `since` to `until`, also beyond its own end."""
        if self.schedule is None:
            return []
        times, minutes = self.schedule
        if minutes is not None:
            step, first = timedelta(minutes=minutes), EPOCH + self.offset
            number = -((first - since) // step)
            found = []
            while (wake := first + number * step) < until:
                found.append(wake)
                number += 1
            return [wake for wake in found if wake >= since]
        days = range((since - self.offset).toordinal() - 2, (until - self.offset).toordinal() + 3)
        wakes = {self._instant(date.fromordinal(day), at) + self.offset for day in days for at in times}
        return sorted(wake for wake in wakes if since <= wake < until)

    def _instant(self, day: date, at: time) -> datetime:
        """A local time; the second of two, and an hour later where there is none."""
        for fold in (1, 0):
            instant = datetime.combine(day, at, self.zone).replace(fold=fold).astimezone(UTC)
            if instant.astimezone(self.zone).replace(tzinfo=None) == datetime.combine(day, at):
                return instant
        return datetime.combine(day, at, self.zone).replace(fold=0).astimezone(UTC)

    def end_of(self, day: date) -> datetime:
        """The end of a local day."""
        return datetime.combine(day + timedelta(days=1), time(), self.zone).astimezone(UTC)


@dataclass
class Day:
    """The figures of one day and company, but those of the schedule."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


class Recount:
    """The raw rows of one device."""

    def __init__(self, connection: psycopg.Connection[Any], device: str) -> None:
        def rows(query: str) -> list[Row]:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(query.encode(), {"device": device}).fetchall()

        self.device = device
        [self._now] = rows("select * from public.devices where device_id = %(device)s")
        self._then = rows(
            "select * from fleet_private.former_devices where device_id = %(device)s order by former_id"
        )
        self._configs = rows(
            "select c.*, coalesce((select max(until) from fleet_private.former_configs f"
            " where f.config_id = c.config_id), created_at) as since, null as until from public.device_configs c"
        )
        self._configs += rows("select * from fleet_private.former_configs")
        self._captures = rows("select * from public.captures where device_id = %(device)s")
        self._readings = rows("select * from public.sensor_readings where device_id = %(device)s")
        self._hellos = rows("select * from public.device_status where device_id = %(device)s")
        clocks = rows("select heard_since from fleet_private.day_clocks where device_id = %(device)s")
        self._heard_since = clocks[0]["heard_since"] if clocks else EVER

    def _version(self, at: datetime) -> tuple[Any, Any, Any]:
        """The company whose schedule holds, the owner of the rows, and the zone."""
        for former in self._then:
            if at < former["until"]:
                return former["company_id"], former["owner_id"], former["timezone"]
        return self._now["company_id"], self._now["company_id"], self._now["timezone"]

    def stretch_at(self, at: datetime, until: datetime = EVER) -> Stretch:
        """What is in force at a moment."""
        company, owner, zone = self._version(at)
        scopes: list[Row] = []
        for own in (
            lambda c: c["device_id"] == self.device,
            lambda c: company is not None and c["company_id"] == company,
            lambda c: c["device_id"] is None and c["company_id"] is None,
        ):
            scopes += [
                c
                for c in self._configs
                if own(c) and c["since"] <= at and (c["until"] is None or at < c["until"])
            ]
        zones = [zone, *(c["timezone"] for c in scopes), "UTC"]
        spread = next((c["wake_spread_s"] for c in scopes if c["wake_spread_s"] is not None), 300)
        offset = 0
        if spread:
            offset = int.from_bytes(hashlib.sha256(self.device.encode()).digest()[:4]) % spread
        schedule = None
        for c in scopes:
            if n := c["captures_per_day"]:
                seconds = [int(86_400 * (i + 0.5) / n * 10**6) for i in range(n)]
                times = [(datetime.min + timedelta(microseconds=us)).time() for us in seconds]
                schedule = (tuple(times), None)
            elif c["times_of_day"]:
                schedule = (tuple(c["times_of_day"]), None)
            elif c["interval_minutes"]:
                schedule = ((), c["interval_minutes"])
            if schedule:
                break
        return Stretch(
            at, until, owner, ZoneInfo(next(z for z in zones if z)), schedule, timedelta(seconds=offset)
        )

    def stretches(self, until: datetime) -> list[Stretch]:
        """The stretches since the device was first heard."""
        moments = {row["until"] for row in self._then} | {self._heard_since}
        moments |= {c[name] for c in self._configs for name in ("since", "until") if c[name]}
        inside = sorted(m for m in moments if self._heard_since <= m < until)
        merged: list[Stretch] = []
        for since, end in pairwise([*inside, until]):
            stretch = self.stretch_at(since, end)
            if merged and merged[-1].effect == stretch.effect:
                merged[-1] = Stretch(merged[-1].since, end, *self._rest(stretch))
            else:
                merged.append(stretch)
        return merged

    @staticmethod
    def _rest(stretch: Stretch) -> tuple[Any, ...]:
        return (stretch.owner, stretch.zone, stretch.schedule, stretch.offset)

    def day_of(self, at: datetime) -> date:
        """The local day of a moment."""
        return at.astimezone(self.stretch_at(at).zone).date()

    def wakes(self, at: datetime) -> dict[Key, tuple[int, int]]:
        """Per day and owner: how many wakes there were until `at`, and how many of them were silent."""
        signs = [c["captured_at"] for c in self._captures]
        signs += [h["received_at"] or h["created_at"] for h in self._hellos]
        found: dict[Key, list[int]] = defaultdict(lambda: [0, 0])
        # The last stretch goes on after `at`.
        for s in self.stretches(at + timedelta(days=2)):
            for wake in s.wakes(s.since, min(s.until, at + timedelta(microseconds=1))):
                day = wake.astimezone(s.zone).date()
                part_ends = min(s.until, s.end_of(day))
                later = s.wakes(wake + timedelta(microseconds=1), part_ends + SETTLED)
                window_ends = min([part_ends + SETTLED, *(w - s.grace for w in later)])
                heard = any(wake - s.grace <= sign < window_ends for sign in signs)
                found[day, s.owner][0] += 1
                found[day, s.owner][1] += not heard and wake <= at - SETTLED
        return {key: (expected, silent) for key, (expected, silent) in found.items()}

    def events(self) -> dict[Key, Row]:
        """Per day and company: what came."""
        days: dict[Key, Day] = defaultdict(Day)
        for c in self._captures:
            day = days[self.day_of(c["captured_at"]), c["company_id"]]
            day.counts["nacks"] += c["nacks_sent"] or 0
            match c["ingest_status"], c["error_code"]:
                case ("stored", _):
                    day.counts["stored"] += 1
                    day.counts["bytes"] += c["image_bytes"] or 0
                case ("failed", int(code)) if 1000 <= code < 2000:
                    day.counts["failed_device"] += 1
                case ("failed", code) if code in TRANSFER:
                    day.counts["failed_transfer"] += 1
                case ("failed", _):
                    day.counts["failed_service"] += 1
        for r in self._readings:
            day = days[self.day_of(r["measured_at"]), r["company_id"]]
            for name, column in SENSORS.items():
                if r[column] is not None:
                    day.values[name].append(r[column])
        for h in self._hellos:
            day = days[self.day_of(h["received_at"] or h["created_at"]), h["company_id"]]
            day.counts["hellos"] += 1
            for name, column in (
                ("battery_percent", "battery_percent"),
                ("battery_mv", "battery_mv"),
                ("rssi", "wifi_rssi_dbm"),
            ):
                if h[column] is not None:
                    day.values[name].append(h[column])
        return {key: self._row(day) for key, day in days.items()}

    @staticmethod
    def _row(day: Day) -> Row:
        names = ("stored", "failed_device", "failed_transfer", "failed_service", "bytes", "nacks", "hellos")
        row: Row = {name: day.counts[name] for name in names} | {"partial": 0}
        for name in (*SENSORS, "battery_percent", "battery_mv", "rssi"):
            values = day.values[name]
            row |= {f"{name}_min": min(values, default=None), f"{name}_max": max(values, default=None)}
            if not name.startswith("battery"):
                row[f"{name}_readings"] = len(values)
                row[f"{name}_mean"] = sum(values) / len(values) if values else None
        return row
