"""The settings: one frozen object, read from the environment by this module alone.

Every name, its meaning and its default stand in `.env.example` too. A wrong or missing value stops the
start with one line for each setting that names it.
"""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Seconds = Annotated[float, Field(gt=0)]
Milliseconds = Annotated[int, Field(gt=0)]


class SettingsError(Exception):
    """The environment does not describe a service that can start; the message names each setting."""


class Settings(BaseSettings):
    """What the listener needs, and every worker too. Secrets are masked in `repr`."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    mqtt_host: Text
    mqtt_port: int = Field(default=8883, ge=1, le=65535)
    mqtt_tls: bool = True
    mqtt_ca_cert: Path | None = None
    mqtt_username: Text | None = None
    mqtt_password: SecretStr | None = None
    mqtt_version: Literal["5", "3.1.1"] = "5"
    mqtt_client_id: str = Field(default="fleet", pattern=r"^[A-Za-z0-9]{1,16}$")
    mqtt_shared_group: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,32}$")
    mqtt_keepalive_s: int = Field(default=30, ge=5, le=600)
    mqtt_deaf_after_s: int = Field(default=90, ge=10, le=3600)
    mqtt_receive_maximum: int = Field(default=1000, ge=1, le=65535)
    mqtt_nack_topic: Literal["ack", "cmd"] = "ack"
    mqtt_next_wake_format: Literal["iso", "clock"] = "iso"
    default_wake_minutes: int = Field(default=60, ge=1, le=7 * 24 * 60)

    redis_url: Text = "redis://127.0.0.1:6379/0"
    celery_broker_url: str = ""

    capture_timeout_ms: Milliseconds = 60_000
    retransmit_delay_ms: Milliseconds = 3_000
    retransmit_max: int = Field(default=3, ge=0, le=100)
    capture_ttl_s: int = Field(default=6 * 3600, gt=0)
    tombstone_ttl_s: int = Field(default=24 * 3600, gt=0)

    max_image_bytes: int = Field(default=8 * 2**20, ge=1024, le=64 * 2**20)
    max_chunk_bytes: int = Field(default=64 * 2**10, ge=64, le=2**20)
    max_captures_per_device: int = Field(default=32, ge=1)
    max_captures: int = Field(default=100_000, ge=16)
    errors_per_minute: int = Field(default=20, ge=1)
    messages_per_minute: int = Field(default=60_000, ge=60)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    metrics_port: int = Field(default=0, ge=0, le=65535)
    metrics_address: Text = "127.0.0.1"

    @field_validator("redis_url", "celery_broker_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if url and urlsplit(url).scheme not in ("redis", "rediss", "unix", "sentinel"):
            raise ValueError("must begin with redis://, rediss://, unix:// or sentinel://")
        return url

    @field_validator("mqtt_ca_cert")
    @classmethod
    def _exists(cls, path: Path | None) -> Path | None:
        if path and not path.is_file():
            raise ValueError(f"no such file: {path}")
        return path

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.mqtt_username is None) != (self.mqtt_password is None):
            raise ValueError("MQTT_USERNAME and MQTT_PASSWORD belong together")
        if self.mqtt_ca_cert and not self.mqtt_tls:
            raise ValueError("MQTT_CA_CERT needs MQTT_TLS=true")
        if self.retransmit_delay_ms >= self.capture_timeout_ms:
            raise ValueError("RETRANSMIT_DELAY_MS must be below CAPTURE_TIMEOUT_MS")
        return self

    @property
    def broker_url(self) -> str:
        """The URL of Celery's broker: CELERY_BROKER_URL, or the database after the one of REDIS_URL."""
        if self.celery_broker_url:
            return self.celery_broker_url
        parts = urlsplit(self.redis_url)
        database = parts.path.strip("/")
        return urlunsplit(parts._replace(path=f"/{int(database) + 1 if database.isdigit() else 1}"))


class WorkerSettings(Settings):
    """What a worker needs beyond that: the owner's Supabase project."""

    supabase_url: Text
    supabase_service_role: SecretStr
    supabase_storage_bucket: str = Field(default="gxp-captures", pattern=r"^[a-z0-9][a-z0-9.-]{1,62}$")
    supabase_timeout_s: Seconds = 10.0
    hello_timeout_s: Seconds = 2.5

    @field_validator("supabase_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("must be the project's address, https://….supabase.co")
        return url.rstrip("/")


class DatabaseSettings(BaseSettings):
    """What the step before a deployment needs: the database itself, which the service never talks to."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr | None = None


Kind = TypeVar("Kind", bound=BaseSettings)


def load(kind: type[Kind]) -> Kind:
    """Read the settings of `kind` from the environment; raise SettingsError that names each bad one."""
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
