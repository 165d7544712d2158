"""A PostgreSQL server of one's own in a directory, from the binaries on PATH, for tests and benchmarks."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

BINARIES: Final = ("initdb", "postgres", "psql")
# PostgreSQL refuses to run as root: it is then run as this account, which every Linux has.
UNPRIVILEGED: Final = "nobody"


def missing_binary() -> str | None:
    """Name the first binary that is not on PATH, setpriv included where it is needed."""
    wanted = (*BINARIES, "setpriv") if os.geteuid() == 0 else BINARIES
    return next((name for name in wanted if shutil.which(name) is None), None)


class Postgres:
    """A cluster in a directory, on a Unix socket in the same directory; `stop()` ends it by its process."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self._settings = {"listen_addresses": "", "unix_socket_directories": str(directory), "fsync": "off"}
        self._settings |= settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Make the cluster, unless the directory has one, and run it; it answers when this returns."""
        data, prefix = self.directory / "data", []
        if os.geteuid() == 0:
            shutil.chown(self.directory, UNPRIVILEGED)
            prefix = ["setpriv", f"--reuid={UNPRIVILEGED}", "--clear-groups", "--"]
        if not data.exists():
            subprocess.run(
                [*prefix, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd="/",
            )
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self.directory / "postgres.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*prefix, "postgres", "-D", data, *options], stdout=log, stderr=log, cwd="/"
            )
        refused = retry_if_exception_type(psycopg.OperationalError)
        for attempt in Retrying(
            retry=refused, stop=stop_after_delay(60), wait=wait_fixed(0.05), reraise=True
        ):
            with attempt:
                psycopg.connect(self.url()).close()
        return self

    def stop(self) -> None:
        """End the server, its connections with it."""
        if self._process is not None:
            self._process.send_signal(2)
            self._process.wait(30)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URL of a database of this server."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.directory))}"


@contextmanager
def postgres(**settings: str) -> Iterator[Postgres]:
    """Run a server in a folder of its own for a block; nothing of it stays."""
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder), **settings).start()
        try:
            yield server
        finally:
            server.stop()
