"""Loopback ports: which are free, and who asked for one that is not."""

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections: a client
# that keeps trying to reach a stopped server on a port of that range can end up connected to itself.
_CHOICE = range(20_000, 32_000)


class StackError(Exception):
    """Something of the embedded stack does not work; the message says what, for a person to read."""


class PortInUseError(StackError):
    """A port that was asked for is taken by another process."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(
            f"{name}: port {port} on {LOOPBACK} is already in use; stop its owner or choose another"
        )
        self.name = name
        self.port = port


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do, so that connections of an earlier one in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def check_free(name: str, port: int) -> None:
    """Raise PortInUseError, which names the server that wants the port, if the port is taken."""
    if not is_free(port):
        raise PortInUseError(name, port)


def free_port() -> int:
    """A loopback port on which nobody listens, chosen at random so that parallel stacks seldom meet."""
    for port in random.SystemRandom().sample(_CHOICE, k=200):
        if is_free(port):
            return port
    raise StackError("no free port between 20000 and 32000 on the loopback interface")


def accepts(port: int) -> bool:
    """Whether somebody accepts connections on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
