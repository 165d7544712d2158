"""A server for a block, whatever its kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar


class _Server(Protocol):
    def start(self) -> object:
        """Start it."""

    def stop(self) -> None:
        """Stop what has been started, also where that failed half-way."""


Server = TypeVar("Server", bound=_Server)


@contextmanager
def started(server: Server) -> Iterator[Server]:
    """Start a server, and stop it at the end of the block or if it does not start."""
    try:
        server.start()
        yield server
    finally:
        server.stop()
