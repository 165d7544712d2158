"""The embedded stack: Redis, an MQTT broker and Supabase on loopback, without Docker, root or account."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from local import guard
from local.mqtt_broker import make_broker
from local.part import REPOSITORY, Part
from local.redis_server import RedisServer
from local.supabase_lite import SupabaseLite

BUCKET = "gxp-captures"


def temporary_directory() -> Path:
    """A new directory under .local/, which goes with this process whatever happens to it."""
    parent = REPOSITORY / ".local"
    parent.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=parent, prefix=f"stack-{os.getpid()}-"))
    guard.watch_directory(directory)
    return directory


def remove_directory(directory: Path) -> None:
    """Remove a directory that temporary_directory() has made."""
    shutil.rmtree(directory, ignore_errors=True)
    guard.release_directory(directory)


class Stack:
    """The three servers, started together and stopped together; also a context manager.

    `directory` holds data and logs and stays; without it a temporary one is made, and removed by `stop`.
    Ports are chosen free unless given. `broker` is `aedes` or `mosquitto`, by default what MQTT_BROKER says,
    or aedes. With `redis_appendonly` the data of Redis outlives SIGKILL. Each server can be killed and
    restarted on its own: `stack.redis.kill()`, `stack.broker.restart()`, `stack.supabase.stop()`.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        broker: str | None = None,
        redis_appendonly: bool = False,
        redis_port: int | None = None,
        mqtt_port: int | None = None,
        supabase_port: int | None = None,
    ) -> None:
        self._temporary = directory is None
        self.directory = directory.resolve() if directory else temporary_directory()
        kind = broker or os.environ.get("MQTT_BROKER") or "aedes"
        self.redis = RedisServer(self.directory, redis_port, appendonly=redis_appendonly)
        self.broker = make_broker(kind, self.directory, mqtt_port)
        self.supabase = SupabaseLite(self.directory, supabase_port)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The servers, the slowest first."""
        return self.supabase, self.redis, self.broker

    @property
    def redis_url(self) -> str:
        """The URL of the database for chunks."""
        return self.redis.url

    @property
    def mqtt_host(self) -> str:
        """The host on which the broker listens."""
        return self.broker.host

    @property
    def mqtt_port(self) -> int:
        """The port on which the broker listens, without TLS."""
        return self.broker.port

    @property
    def supabase_url(self) -> str:
        """The address that a Supabase client is given."""
        return self.supabase.url

    @property
    def supabase_secret_key(self) -> str:
        """The key of `service_role`."""
        return self.supabase.secret_key

    @property
    def supabase_publishable_key(self) -> str:
        """The key of `anon`, and of users together with their token."""
        return self.supabase.publishable_key

    @property
    def logs(self) -> Path:
        """The folder of everybody's logs."""
        return self.directory / "logs"

    def environment(self) -> dict[str, str]:
        """The settings with which the service's processes use this stack."""
        return {
            "MQTT_HOST": self.mqtt_host,
            "MQTT_PORT": str(self.mqtt_port),
            "MQTT_TLS": "false",
            "MQTT_VERSION": self.broker.mqtt_version,
            "REDIS_URL": self.redis_url,
            "CELERY_BROKER_URL": self.redis.database_url(1),
            "SUPABASE_URL": self.supabase_url,
            "SUPABASE_SERVICE_ROLE": self.supabase_secret_key,
            "SUPABASE_STORAGE_BUCKET": BUCKET,
        }

    def start(self) -> Self:
        """Start all servers side by side and wait for them; what was started is stopped if one fails."""
        try:
            for part in self.parts:
                part.check_port()
            for part in self.parts:
                part.launch()
            for part in self.parts:
                part.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all servers, and remove the directory if it is a temporary one."""
        try:
            for part in self.parts:
                part.stop()
        finally:
            if self._temporary:
                remove_directory(self.directory)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
