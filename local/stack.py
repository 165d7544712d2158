"""The embedded stack: Redis, an MQTT broker and Supabase on loopback; needs no Docker, root or account."""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import guard
from local.entry import OPEN, SERVICE, Entry
from local.inbox import Inbox
from local.mqtt_broker import make_broker
from local.part import REPOSITORY, Part
from local.redis_server import RedisServer
from local.supabase_lite import SupabaseLite

BUCKET = "gxp-captures"
# The domain is reserved for examples. The inbox keeps mail for anybody.
SENDER, OPERATOR = "fleet@fleet.example", "operator@fleet.example"


def temporary_directory() -> Path:
    """Create a directory under .local/ that the guard removes if this process dies, and return its path."""
    parent = REPOSITORY / ".local"
    parent.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=parent, prefix=f"stack-{os.getpid()}-"))
    guard.watch_directory(directory)
    return directory


def remove_directory(directory: Path) -> None:
    """Remove a directory that temporary_directory() has created."""
    shutil.rmtree(directory, ignore_errors=True)
    guard.release_directory(directory)


class Stack:
    """The servers, started together and stopped together; also a context manager.

    `directory` holds data and logs and is kept; without it, `stop` removes the temporary directory that the
    stack creates. A port that is not given is chosen among the free ones. `broker` is `aedes` or
    `mosquitto`; the default is the value of MQTT_BROKER, or else aedes; `entry` is how clients come to it.
    With `redis_appendonly` the data of Redis survives SIGKILL. Each server can be killed and restarted
    alone: `stack.redis.kill()`, `stack.broker.restart()`, `stack.supabase.stop()`. Raises StackError for an
    unknown broker.
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
        entry: Entry = OPEN,
    ) -> None:
        self._temporary = directory is None
        self.directory = directory.resolve() if directory else temporary_directory()
        kind = broker or os.environ.get("MQTT_BROKER") or "aedes"
        self.redis = RedisServer(self.directory, redis_port, appendonly=redis_appendonly)
        self.broker = make_broker(kind, self.directory, mqtt_port, entry)
        self.supabase = SupabaseLite(self.directory, supabase_port)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The servers; the one that starts slowest comes first."""
        return self.supabase, self.redis, self.broker

    @property
    def is_kept(self) -> bool:
        """Whether the data is there after `stop`."""
        return not self._temporary

    @property
    def redis_url(self) -> str:
        """The URL of the Redis database for chunks, number 0."""
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
        """The URL for Supabase clients."""
        return self.supabase.url

    @property
    def supabase_secret_key(self) -> str:
        """The key for the role `service_role`."""
        return self.supabase.secret_key

    @property
    def supabase_publishable_key(self) -> str:
        """The key for the role `anon`; a signed-in user sends it together with their token."""
        return self.supabase.publishable_key

    @property
    def logs(self) -> Path:
        """The folder with the logs of all processes."""
        return self.directory / "logs"

    def environment(self) -> dict[str, str]:
        """Return the settings that make the service's processes use this stack."""
        password = self.broker.entry.logins.get(SERVICE)
        return {
            **({"MQTT_USERNAME": SERVICE, "MQTT_PASSWORD": password} if password else {}),
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
        """Start all servers in parallel and wait until they answer.

        Raises PortInUseError if a requested port is taken, and StartError if a server does not become
        ready; all servers are stopped first.
        """
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
        """Stop all servers, and remove the directory if it is temporary."""
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


class MailStack(Stack):
    """A stack with an inbox for what the service sends by mail; `options` are those of a stack."""

    def __init__(self, *, mailbox: Path, smtp_port: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.inbox = Inbox(self.directory, smtp_port, mailbox=mailbox)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The servers, the inbox last."""
        return *super().parts, self.inbox

    def environment(self) -> dict[str, str]:
        """Return the settings of a stack, and those by which members and the operator get their mail."""
        return {
            **super().environment(),
            "ALERT_SMTP_URL": f"smtp://{self.inbox.address}",
            "ALERT_FROM": SENDER,
            "ALERT_URLS": f"mailto://{self.inbox.address}/{OPERATOR}?from={SENDER}&format=text",
            "ALERT_SCOPE": "service",
        }
