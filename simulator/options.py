"""The options of a fleet: one frozen object that checks its values when it is created."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from simulator.dialects import DIALECTS, MIXED

DEVICE_ID = re.compile(r"[A-Za-z0-9]{1,64}")


class OptionError(ValueError):
    """An option has a value that cannot work; the message names it in one line."""


@dataclass(frozen=True)
class FleetOptions:
    """Everything that decides how a fleet behaves.

    Shares (`loss`, `duplicates`, `reorder`, `corrupt`, …) are from 0 to 1. Durations are in seconds: in
    real seconds while a device is awake, and in seconds of the device clock, which runs `time_scale` times
    faster, while it sleeps. `chunk_size` is in bytes. Raises `OptionError` for values that cannot work.
    """

    # Broker
    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    ca_cert: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive: int = 60
    shared_connections: int = 0  # 0: one connection per device, closed while it sleeps
    persistent_session: bool = False  # the broker keeps answers for a device that is away

    # Fleet
    devices: int = 1
    images: int = 1  # pictures each device takes
    backlog: int = 0  # old pictures on each SD card at the start
    device_ids: tuple[str, ...] = ()  # default: MAC addresses drawn from the seed
    names_prefix: str = ""  # device ids PREFIX001, PREFIX002, …
    spread: float = 0.0  # the first wakes are spread over this many seconds
    seed: int | None = None  # None: a new seed is drawn; the report contains it

    # Wire
    dialect: str = "standard"
    nack_topic: Literal["ack", "cmd"] = "ack"
    wake_form: Literal["iso", "12h"] = "iso"
    time_zone: str = "UTC"
    chunk_size: int = 1024
    sha256: bool = False
    metadata_repeats: int = 3
    metadata_late: int = 0  # number of chunks sent before the metadata
    reuse_names: bool = False

    # Line and time
    loss: float = 0.0
    duplicates: float = 0.0
    reorder: float = 0.0
    pace: float = 0.0  # seconds between two chunks
    image_seconds: float | None = None  # seconds for all chunks of an image; instead of `pace`
    timeout: float = 60.0  # seconds that a device waits for an answer
    wakes: int = 3  # an image is offered at most this many times
    sleep: float | None = None  # seconds between wakes without a schedule; default 1, in conversation 3600

    # Conversation
    conversation: bool = False
    days: float = 0.0  # length of the run in days of the device clock; replaces `images`
    time_scale: float = 1.0
    clock_start: datetime | None = None  # default: now
    wake_clock: Literal["device", "service"] = "device"
    linger: float = 2.0  # seconds awake after an answer, for one more command
    offline: float = 0.0  # share of wakes that begin an outage
    offline_hours: float = 48.0

    # Pictures
    photos: Path | None = None
    corrupt: float = 0.0  # without SOI or EOI marker
    truncate: float = 0.0  # cut short
    wrong_size: float = 0.0  # the metadata has a wrong image_size
    wrong_sha256: float = 0.0  # the metadata has a wrong image_sha256
    device_error: float = 0.0  # error ≠ 0 and no chunks
    wrong_clock: float = 0.0  # capture time in 1970

    def __post_init__(self) -> None:
        self._check_shares()
        self._check_numbers()
        if self.dialect != MIXED and self.dialect not in DIALECTS:
            raise OptionError(f"dialect must be one of {', '.join([*DIALECTS, MIXED])}, not {self.dialect!r}")
        if self.names_prefix and self.device_ids:
            raise OptionError("names_prefix and device_ids exclude each other")
        if len(set(self.device_ids)) != len(self.device_ids):
            raise OptionError("device_ids must differ from each other")
        given = [("device_ids", name) for name in self.device_ids]
        given += [("names_prefix", self.names_prefix)] if self.names_prefix else []
        for option, name in given:
            if not DEVICE_ID.fullmatch(name):
                raise OptionError(f"{option}: a device id is made of letters and digits, not {name!r}")
        if self.ca_cert is not None and not self.tls:
            raise OptionError("ca_cert needs tls")
        if self.clock_start is not None and self.clock_start.tzinfo is None:
            raise OptionError("clock_start needs a time zone")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise OptionError(f"time_zone is not known: {self.time_zone!r}") from error

    def _check_shares(self) -> None:
        damage = ("corrupt", "truncate", "wrong_size", "wrong_sha256", "device_error")
        for name in ("loss", "duplicates", "reorder", "wrong_clock", "offline", *damage):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise OptionError(f"{name} is a share from 0 to 1, not {value}")
        if sum(getattr(self, name) for name in damage) > 1:
            raise OptionError(f"{', '.join(damage)} together must not exceed 1")

    def _check_numbers(self) -> None:
        limits = {"port": 65535, "devices": 100_000, "chunk_size": 1_000_000, "wakes": 10_000}
        for name, most in limits.items():
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise OptionError(f"{name} must be from 1 to {most}, not {value}")
        for name in ("images", "backlog", "metadata_repeats", "metadata_late", "shared_connections"):
            if getattr(self, name) < 0:
                raise OptionError(f"{name} must not be negative")
        for name in ("spread", "pace", "linger", "days", "offline_hours", "image_seconds", "sleep"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise OptionError(f"{name} must not be negative")
        for name in ("timeout", "time_scale", "keepalive"):
            if getattr(self, name) <= 0:
                raise OptionError(f"{name} must be greater than 0")
        if self.pace and self.image_seconds is not None:
            raise OptionError("pace and image_seconds exclude each other")
        if self.days and not self.conversation:
            raise OptionError("days needs conversation")

    @property
    def device_count(self) -> int:
        """The number of devices: the number of `device_ids` if given, otherwise `devices`."""
        return len(self.device_ids) or self.devices

    @property
    def sleep_seconds(self) -> float:
        """How long a device without a wake time sleeps, in seconds of the device clock."""
        if self.sleep is not None:
            return self.sleep
        return 3600.0 if self.conversation else 1.0
