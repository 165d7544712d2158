"""The options of a fleet: one frozen object that checks its values when it is created."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from simulator.dialects import DIALECTS, MIXED

DEVICE_ID = re.compile(r"[A-Za-z0-9]{1,64}")
SENSORS = ("temperature", "humidity", "pressure", "gas_resistance")
# What is wrong with a picture; a picture has one of these at most.
DEFECTS = (
    *("corrupt", "truncate", "wrong_size", "wrong_sha256", "device_error"),
    *("covered", "frozen", "blurred", "dark", "white", "shifted", "damaged", "partial"),
)
# Those that are seen only beside other pictures of the same scene.
_NEED_SCENE = ("covered", "frozen", "blurred", "dark", "white", "shifted")
# Everything that `affected` confines to some devices.
TROUBLE = (
    *("loss", "loss_to", "duplicates", "reorder", "lost_link", "offline", "wrong_clock", "silent_after"),
    *("battery_from", "battery_to", "rssi_from", "rssi_to", "drift", *DEFECTS),
)


class OptionError(ValueError):
    """An option has a value that cannot work; the message names it in one line."""


@dataclass(frozen=True)
class FleetOptions:
    """Everything that decides how a fleet behaves.

    Shares (`loss`, `duplicates`, `reorder`, `corrupt`, …) are from 0 to 1. Durations are in seconds: in
    real seconds while a device is awake, and in seconds of the device clock, which runs `time_scale` times
    faster, while it sleeps. `chunk_size` is in bytes. What has an option in `_to` changes evenly over the
    run, from the first wake to the last. Raises `OptionError` for values that cannot work.
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
    loss_to: float | None = None
    lost_link: float = 0.0  # the link is lost once in each picture, for this share of its chunks
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
    fixed_scene: bool = False  # each device always sees the same, in changing light
    covered: float = 0.0
    frozen: float = 0.0  # the same bytes as the picture before
    blurred: float = 0.0
    dark: float = 0.0
    white: float = 0.0
    shifted: float = 0.0  # the camera was turned
    damaged: float = 0.0  # a hole in the JPEG's stream
    partial: float = 0.0  # the device goes after its first chunks, and offers it again at its next wake
    good_first: int = 0  # nothing is wrong with the first pictures of each device

    # Condition of the devices
    affected: int = 0  # everything that goes wrong does so for the first devices only; 0: for all
    silent_after: int = 0  # wakes after which a device is never heard again; 0: it goes on
    battery_from: float | None = None  # percent; None: only the time awake counts
    battery_to: float | None = None
    rssi_from: float | None = None  # dBm; None: drawn for each wake
    rssi_to: float | None = None
    drift: Mapping[str, float] = field(default_factory=dict)  # step of a sensor from picture to picture

    def __post_init__(self) -> None:
        self._check_shares()
        self._check_numbers()
        self._check_names()
        self._check_courses()
        if self.ca_cert is not None and not self.tls:
            raise OptionError("ca_cert needs tls")
        if self.clock_start is not None and self.clock_start.tzinfo is None:
            raise OptionError("clock_start needs a time zone")
        if self.affected > self.device_count:
            raise OptionError(f"affected must not exceed the number of devices, {self.device_count}")

    def _check_shares(self) -> None:
        for name in (
            "loss",
            "loss_to",
            "lost_link",
            "duplicates",
            "reorder",
            "wrong_clock",
            "offline",
            *DEFECTS,
        ):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise OptionError(f"{name} is a share from 0 to 1, not {value}")
        if sum(getattr(self, name) for name in DEFECTS) > 1:
            raise OptionError(f"{', '.join(DEFECTS)} together must not exceed 1")

    def _check_numbers(self) -> None:
        limits = {"port": 65535, "devices": 100_000, "chunk_size": 1_000_000, "wakes": 10_000}
        for name, most in limits.items():
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise OptionError(f"{name} must be from 1 to {most}, not {value}")
        for name in (
            *("images", "backlog", "metadata_repeats", "metadata_late", "shared_connections"),
            *("good_first", "affected", "silent_after"),
            *("spread", "pace", "linger", "days", "offline_hours", "image_seconds", "sleep"),
        ):
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

    def _check_names(self) -> None:
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
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise OptionError(f"time_zone is not known: {self.time_zone!r}") from error

    def _check_courses(self) -> None:
        """Check what changes over a run, and that the firmware can report it."""
        for option, least, most in (("battery", 0, 100), ("rssi", -120, 0)):
            start, end = getattr(self, f"{option}_from"), getattr(self, f"{option}_to")
            for name, value in ((f"{option}_from", start), (f"{option}_to", end)):
                if value is not None and not least <= value <= most:
                    raise OptionError(f"{name} must be from {least} to {most}, not {value}")
            if end is not None and start is None:
                raise OptionError(f"{option}_to needs {option}_from")
            able = [name for name, dialect in DIALECTS.items() if dialect.reports(option)]
            if start is not None and self.dialect not in (*able, MIXED):
                raise OptionError(
                    f"{option}_from needs a dialect that reports it: {', '.join([*able, MIXED])}"
                )
        for name in ("battery_to", "rssi_to", "loss_to"):
            if getattr(self, name) is not None and self.images < 2 and not self.days:
                raise OptionError(f"{name} needs two images or more, or days: it is reached at the last wake")
        for name, step in self.drift.items():
            if name not in SENSORS:
                raise OptionError(f"drift: a sensor is one of {', '.join(SENSORS)}, not {name!r}")
            if not isfinite(step):
                raise OptionError(f"drift: the step of {name} is a number, not {step}")

    def of_device(self, number: int) -> "FleetOptions":
        """Return the options of one device, numbered from 0: beyond the affected ones, without trouble."""
        if not self.affected or number < self.affected:
            return self
        healthy: dict[str, Any] = {f.name: f.default for f in fields(self) if f.name in TROUBLE}
        healthy["drift"] = {}
        # A device without trouble still sees one scene, as the others do before their trouble begins.
        healthy["fixed_scene"] = self.sees_one_scene
        return replace(self, **healthy, affected=0)

    @property
    def sees_one_scene(self) -> bool:
        """Whether each device always sees the same scene."""
        return self.fixed_scene or any(getattr(self, name) for name in _NEED_SCENE)

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
