"""The settings, read from the environment by this module alone: one frozen object for each kind of process.

A process loads the class with exactly the settings that it uses: beat and Flower start without an MQTT
broker, the listener without a Supabase project. `.env.example` lists every name, its meaning and its default.
A wrong or missing value stops the start, with one line for each such setting.

    LogSettings          every process
    RedisSettings        every process that enqueues or consumes tasks, also beat and Flower
    ListenerSettings     the listener
    WorkerSettings       the workers
    EverySetting         the doctor, which checks all of them
"""

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis import ConnectionPool, RedisError

from core.home_assistant import ROOT
from core.redis_url import is_cluster, node_urls
from core.wire import TOPIC_ROOT

# What .env.example and the documents show where a value of one's own belongs: <cluster>.hivemq.cloud.
PLACEHOLDER = re.compile(r"(?:\w+://)?(<[\w: ]+>)")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Seconds = Annotated[float, Field(gt=0)]
Milliseconds = Annotated[int, Field(gt=0)]
Bucket = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,62}$")]
Days = Annotated[int, Field(ge=1, le=3660)]


class SettingsError(Exception):
    """Settings are wrong or missing; the message has one line for each of them."""


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_filled_in(cls, value: object) -> object:
        if isinstance(value, str) and (found := PLACEHOLDER.match(value)):
            raise ValueError(f"{found[1]} stands for a value of your own")
        return value


def _is_url(text: str, *schemes: str) -> bool:
    """Whether this is an address of one of the schemes, with a host, and a port that there can be.

    What is wrong with it is never quoted: where a password has a slash, part of it would stand for the port.
    """
    parts = urlsplit(text)
    try:
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _has_options_of_redis(url: str) -> bool:
    """Whether a connection can be made of what stands after the ?; nothing connects."""
    try:
        pool = ConnectionPool.from_url(url)
        pool.connection_class(**pool.connection_kwargs)
    except (TypeError, ValueError, RedisError):
        return False
    authority = pool.connection_kwargs.get("ssl_ca_certs")
    return authority is None or Path(authority).is_file()


class LogSettings(_Settings):
    """How log lines are written."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"


class RedisSettings(_Settings):
    """Where Redis is. Both URLs may contain a password, so `repr` masks them.

    REDIS_URL may be that of a Redis Cluster; then Celery's messages need a Redis of their own.
    """

    redis_url: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    celery_broker_url: SecretStr = SecretStr("")
    redis_memory_mb: int = Field(default=0, ge=0)

    @field_validator("redis_url", "celery_broker_url")
    @classmethod
    def _is_redis(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        text = url.get_secret_value()
        cluster = "+cluster" if is_cluster(text) else ""
        if cluster and info.field_name == "celery_broker_url":
            raise ValueError("must be one Redis, redis:// or rediss://: Celery knows no cluster")
        for one in filter(None, node_urls(text)):
            if not _is_url(one, "redis", "rediss"):
                address = "host:port,host:port" if cluster else "host:port/database"
                raise ValueError(f"must be redis{cluster}://{address}, or rediss{cluster}:// for TLS")
            if cluster and urlsplit(one).path.strip("/") not in ("", "0"):
                raise ValueError("must end in no other number than /0: a cluster has one database")
            if not re.fullmatch(r"/?|/[0-9]+/?", urlsplit(one).path):
                raise ValueError("must end in the number of a database, as redis://host:port/0")
            if not _has_options_of_redis(one):
                raise ValueError(
                    "has an option after ? that there is not, or with a value that it cannot have"
                )
        return url

    @model_validator(mode="after")
    def _messages_have_a_redis(self) -> Self:
        if is_cluster(self.redis_url.get_secret_value()) and not self.celery_broker_url.get_secret_value():
            raise ValueError(
                "CELERY_BROKER_URL is needed where REDIS_URL is a cluster, and must be a Redis of its own: "
                "Celery knows no cluster"
            )
        return self

    @property
    def queue_url(self) -> SecretStr:
        """The URL of Celery's broker: CELERY_BROKER_URL, or REDIS_URL with the next database number."""
        if self.celery_broker_url.get_secret_value():
            return self.celery_broker_url
        parts = urlsplit(self.redis_url.get_secret_value())
        database = parts.path.strip("/")
        following = int(database) + 1 if database.isdigit() else 1
        return SecretStr(urlunsplit(parts._replace(path=f"/{following}")))


class MqttSettings(_Settings):
    """How a process reaches the MQTT broker."""

    mqtt_host: Text
    mqtt_port: int = Field(default=8883, ge=1, le=65535)
    mqtt_tls: bool = True
    mqtt_ca_cert: Path | None = None
    mqtt_username: Text | None = None
    mqtt_password: SecretStr | None = None
    mqtt_version: Literal["5", "3.1.1"] = "5"
    mqtt_topic_root: str = Field(default=TOPIC_ROOT, pattern=r"^[A-Za-z0-9_-]{1,32}$")
    mqtt_client_id: str = Field(default="fleet", pattern=r"^[A-Za-z0-9]{1,16}$")
    mqtt_keepalive_s: int = Field(default=30, ge=5, le=600)
    mqtt_deaf_after_s: int = Field(default=90, ge=10, le=3600)

    @field_validator("mqtt_topic_root")
    @classmethod
    def _is_no_other(cls, root: str) -> str:
        if root == ROOT:
            raise ValueError(f"{ROOT} is what Home Assistant reads")
        return root

    @field_validator("mqtt_ca_cert")
    @classmethod
    def _exists(cls, path: Path | None) -> Path | None:
        if path and not path.is_file():
            raise ValueError(f"no such file: {path}")
        return path

    @model_validator(mode="after")
    def _logs_in_and_trusts(self) -> Self:
        if (self.mqtt_username is None) != (self.mqtt_password is None):
            raise ValueError("MQTT_USERNAME and MQTT_PASSWORD belong together")
        if self.mqtt_ca_cert and not self.mqtt_tls:
            raise ValueError("MQTT_CA_CERT needs MQTT_TLS=true")
        return self


class HomeAssistantSettings(_Settings):
    """Whether Home Assistant is told of the devices: below this topic, and not at all if it is empty."""

    home_assistant_prefix: str = Field(
        default="", max_length=64, pattern=r"^([A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*)?$"
    )

    @field_validator("home_assistant_prefix")
    @classmethod
    def _is_free(cls, prefix: str) -> str:
        if prefix.split("/", maxsplit=1)[0] in (TOPIC_ROOT, ROOT):
            raise ValueError(
                f"{TOPIC_ROOT} and {ROOT} are used already; Home Assistant looks below homeassistant"
            )
        return prefix


class BrokerSettings(MqttSettings, HomeAssistantSettings):
    """All that a process does at the broker."""

    @model_validator(mode="after")
    def _tells_home_assistant_alone(self) -> Self:
        # What Home Assistant reads has one root. Two fleets there would forget each other's devices.
        if self.home_assistant_prefix and self.mqtt_topic_root != TOPIC_ROOT:
            raise ValueError(f"HOME_ASSISTANT_PREFIX needs MQTT_TOPIC_ROOT={TOPIC_ROOT}")
        return self


class SubscriberSettings(BrokerSettings):
    """How a process receives what devices send."""

    mqtt_shared_group: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,32}$")
    mqtt_receive_maximum: int = Field(default=1000, ge=1, le=65535)


class WakeSettings(_Settings):
    """What a device is told that has no schedule, and in which form."""

    mqtt_next_wake_format: Literal["iso", "clock"] = "iso"
    default_wake_minutes: int = Field(default=60, ge=1, le=7 * 24 * 60)


class CaptureTimes(_Settings):
    """How long a capture may take; the listener's scripts and the sweep use the same times."""

    capture_timeout_ms: Milliseconds = 60_000
    retransmit_delay_ms: Milliseconds = 3_000
    capture_ttl_s: int = Field(default=6 * 3600, gt=0)

    @model_validator(mode="after")
    def _asks_before_it_gives_up(self) -> Self:
        if self.retransmit_delay_ms >= self.capture_timeout_ms:
            raise ValueError("RETRANSMIT_DELAY_MS must be below CAPTURE_TIMEOUT_MS")
        return self


class ArrivalSettings(CaptureTimes):
    """The settings of the scripts that store arriving messages."""

    max_image_bytes: int = Field(default=8 * 2**20, ge=1024, le=64 * 2**20)
    max_captures_per_device: int = Field(default=32, ge=1)
    max_captures: int = Field(default=100_000, ge=16)


class IntakeSettings(ArrivalSettings):
    """What a device may send, and how much of it in a minute."""

    max_chunk_bytes: int = Field(default=64 * 2**10, ge=64, le=2**20)
    errors_per_minute: int = Field(default=20, ge=1)
    messages_per_minute: int = Field(default=60_000, ge=60)
    bytes_per_minute: int = Field(default=32 * 2**20, ge=2**20)
    captures_per_minute: int = Field(default=300, ge=1)


class SweepSettings(CaptureTimes):
    """The settings of the scripts of the workers and the sweep."""

    retransmit_max: int = Field(default=3, ge=0, le=100)


class HealthSettings(_Settings):
    """The file that a process touches to show that it works."""

    health_file: Path | None = None


class WatchedSettings(LogSettings, RedisSettings, HealthSettings):
    """The settings by which the listener and the workers are monitored."""

    metrics_port: int = Field(default=0, ge=0, le=65535)
    metrics_address: Text = "127.0.0.1"
    metrics_push_url: SecretStr = SecretStr("")

    @field_validator("metrics_push_url")
    @classmethod
    def _is_a_gateway(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if text and (not _is_url(text, "http", "https") or "?" in text or "#" in text):
            raise ValueError("must be https://user:password@host/path, without ? and #")
        return url


class ListenerSettings(IntakeSettings, SubscriberSettings, WakeSettings, WatchedSettings):
    """The settings of the listener."""


class SupabaseSettings(_Settings):
    """How to reach the owner's Supabase project."""

    supabase_url: Text
    supabase_service_role: SecretStr
    supabase_storage_bucket: Bucket = "gxp-captures"
    supabase_timeout_s: Seconds = 10.0

    @field_validator("supabase_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not _is_url(url, "http", "https") or re.search(r"[?#@\s]", url):
            raise ValueError("must be the project's address, https://….supabase.co")
        return url.rstrip("/")

    @field_validator("supabase_service_role")
    @classmethod
    def _is_a_key(cls, key: SecretStr) -> SecretStr:
        # A dashboard shows keys with an ellipsis or dots in them, and a file ends with a new line.
        text = key.get_secret_value().strip()
        if not re.fullmatch(r"[!-~]+", text):
            raise ValueError("is no key: it has other signs than ASCII, or spaces; copy the whole of it")
        return SecretStr(text)


class KeepSettings(_Settings):
    """How many days rows stay in the database that only diagnosis needs."""

    keep_log_days: Days = 30
    keep_status_days: Days = 90
    keep_errors_days: Days = 90
    keep_commands_days: Days = 90
    keep_audit_days: Days = 730
    keep_alerts_days: Days = 365
    keep_timelapses_days: Days = 30


class TimelapseSettings(_Settings):
    """The bounds of a time-lapse."""

    timelapse_frames: int = Field(default=3000, ge=1, le=20_000)
    timelapse_mb: int = Field(default=45, ge=1, le=50)
    timelapse_s: float = Field(default=900, ge=1, le=7200)


class AlertSettings(_Settings):
    """When the service itself is in trouble."""

    silence_minutes: int = Field(default=30, ge=5, le=24 * 60)
    storage_quota_gb: int = Field(default=0, ge=0, le=10**6)


def _networks(text: object) -> object:
    return text.replace(",", " ").split() if isinstance(text, str) else text


class DeliverySettings(_Settings):
    """How events are delivered, and where the operator gets those that are the operator's."""

    alert_urls: SecretStr = SecretStr("")
    alert_scope: Literal["all", "service"] = "all"
    alert_smtp_url: SecretStr = SecretStr("")
    alert_from: str = ""
    webhook_allow_http: bool = False
    webhook_private_networks: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)
    ] = ()

    @field_validator("alert_urls")
    @classmethod
    def _are_urls(cls, urls: SecretStr) -> SecretStr:
        if not all(re.match(r"[a-z0-9]+://.", url) for url in split_urls(urls)):
            raise ValueError("must be addresses of apprise, with spaces between them")
        return urls

    @field_validator("alert_smtp_url")
    @classmethod
    def _is_smtp(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if text and not _is_url(text, "smtp", "smtps"):
            raise ValueError("must be smtp://user:password@host:587, or smtps:// for TLS from the start")
        return url

    @model_validator(mode="after")
    def _mail_has_a_sender(self) -> Self:
        if self.alert_smtp_url.get_secret_value() and "@" not in self.alert_from:
            raise ValueError("ALERT_SMTP_URL needs ALERT_FROM, the address that e-mail comes from")
        return self


def split_urls(urls: SecretStr) -> list[str]:
    """Return the addresses of ALERT_URLS, in order; each has secrets in it."""
    return [url for url in re.split(r"[\s,]+(?=[a-z0-9]+://)|\s+", urls.get_secret_value()) if url]


class WorkerSettings(
    SupabaseSettings,
    SweepSettings,
    BrokerSettings,
    WakeSettings,
    KeepSettings,
    TimelapseSettings,
    AlertSettings,
    DeliverySettings,
    WatchedSettings,
):
    """The settings of a worker."""

    mqtt_nack_topic: Literal["ack", "cmd"] = "ack"
    tombstone_ttl_s: int = Field(default=24 * 3600, gt=0)
    hello_timeout_s: Seconds = 2.5
    max_image_pixels: int = Field(default=6_000_000, ge=1, le=100_000_000)
    decode_progressive: bool = False
    decoders: int = Field(default=2, ge=1, le=64)
    decode_cpu_s: float = Field(default=1.0, ge=0.01, le=20)
    home_assistant_picture_kb: int = Field(default=256, ge=0, le=8192)


class EverySetting(WorkerSettings, ListenerSettings):  # type: ignore[misc] # the two bases differ in pydantic's own signatures
    """All settings of the service, for a host that runs every process."""


class DatabaseSettings(_Settings):
    """The settings of the step before a deployment: the Postgres URL, which the service never uses, and the
    bucket that users may read, None for the one that they may.
    """

    database_url: SecretStr | None = None
    supabase_storage_bucket: Bucket | None = None


Kind = TypeVar("Kind", bound=BaseSettings)


def load(kind: type[Kind]) -> Kind:
    """Read the settings of `kind` from the environment; raise SettingsError, which names each bad one."""
    try:
        return kind()
    except ValidationError as error:
        lines = [_line(list(map(str, problem["loc"])), problem["msg"]) for problem in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _line(location: list[str], message: str) -> str:
    message = message.removeprefix("Value error, ")
    if not location:
        return f"settings: {message}"
    name = location[0].upper()
    return f"settings: {name} is missing" if message == "Field required" else f"settings: {name}: {message}"
