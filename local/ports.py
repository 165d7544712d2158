"""Loopback ports: finds free ones, and reports a requested port that is taken."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the ports of outgoing connections, which start at 32768 on Linux and at 49152 on macOS. A client that
# keeps trying to reach a stopped server on a port in that range can end up connected to itself.
_CHOICE = range(20_000, 32_000)


class StackError(Exception):
    """A part of the embedded stack does not work; the message tells a person what is wrong."""


class PortInUseError(StackError):
    """Another process uses a requested port."""

    def __init__(self, name: str, port: int, host: str = LOOPBACK) -> None:
        super().__init__(f"{name}: port {port} on {host} is already in use; stop its owner or choose another")
        self.name = name
        self.port = port


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on this port of an address of this machine now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this option too; with it, TIME_WAIT connections of an earlier server do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def check_free(name: str, port: int, host: str = LOOPBACK) -> None:
    """Raise PortInUseError if the port is taken; `name` is the server that needs it, for the message."""
    if not is_free(port, host):
        raise PortInUseError(name, port, host)


def free_port() -> int:
    """Return a free loopback port, chosen at random so that parallel stacks rarely pick the same one.

    Raises StackError if 200 random ports between 20000 and 32000 are all taken.
    """
    for port in random.SystemRandom().sample(_CHOICE, k=200):
        if is_free(port):
            return port
    raise StackError("no free port between 20000 and 32000 on the loopback interface")


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server accepts connections on this port."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
