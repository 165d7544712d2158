"""How clients come to the stack's broker: the address on which it listens, and their logins."""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from local.ports import LOOPBACK, StackError, is_free

# The names of the logins: that of the service, and that which all cameras share.
SERVICE, CAMERA = "service", "camera"
_ANY: Final = "0.0.0.0"  # noqa: S104
# An address for examples. Nothing is sent there: the machine only says from which of its own it would be.
_ELSEWHERE: Final = "192.0.2.1", 9


@dataclass(frozen=True)
class Entry:
    """An IPv4 address of this machine, 0.0.0.0 for all, and passwords by user; without them anybody may."""

    host: str = LOOPBACK
    logins: Mapping[str, str] = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """Raise StackError unless a server can listen there."""
        try:
            ipaddress.IPv4Address(self.host)
        except ValueError:
            raise StackError(f"host: {self.host!r} is no IPv4 address; 0.0.0.0 stands for all") from None
        if not is_free(0, self.host):
            raise StackError(f"host: this machine has no address {self.host}; 0.0.0.0 stands for all")

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it."""
        return not ipaddress.IPv4Address(self.host).is_loopback

    @property
    def near(self) -> str:
        """The address for clients on this machine."""
        return LOOPBACK if self.host == _ANY else self.host

    @property
    def far(self) -> str:
        """The address for clients in the local network; that of this machine where it is the only one."""
        if self.host != _ANY:
            return self.host
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.connect(_ELSEWHERE)
                return str(probe.getsockname()[0])
        except OSError:
            return LOOPBACK


OPEN: Final = Entry()
