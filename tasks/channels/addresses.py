"""Which addresses a company's webhook may reach: those of the public internet, and what the operator permits.

The name in a URL says nothing: it may resolve to the loopback, to a metadata server of a cloud, or to one
address when it is checked and to another when it is used. So every address is judged, and the connection goes
to one of those judged.
"""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import httpcore

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
# Returns the addresses of a host name; raises OSError.
Resolve = Callable[[str, int], Sequence[str]]

_UNICAST: Final = IPv6Network("2000::/3")
# Addresses that stand for one of IPv4 somewhere else, by a relay that is not ours to trust.
_TUNNELS: Final = (IPv6Network("2002::/16"), IPv6Network("2001::/23"))
# What a network without IPv4 gives for a host that has nothing else; its last 32 bits are the host's address.
_NAT64: Final = IPv6Network("64:ff9b::/96")
# Looks public, and is the host that a machine at Azure runs on.
_WIRE_SERVER: Final = IPv4Address("168.63.129.16")
# The most that is sent between two looks at the deadline.
_PIECE: Final = 4096
# The most that is read of an answer: only its head matters, and to parse more costs others the processor.
_ANSWER_BYTES: Final = 128 * 1024


class Forbidden(httpcore.ConnectError):
    """The name resolves to an address that no webhook may reach."""


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public internet; what stands for another one is judged as that."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _UNICAST or any(address in tunnel for tunnel in _TUNNELS):
            return False
    return (
        address.is_global and not address.is_multicast and not address.is_reserved and address != _WIRE_SERVER
    )


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host name, as the system finds them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects to permitted addresses alone, and ends everything at `deadline` (s, of `time.monotonic`)."""

    def __init__(self, deadline: float, permitted: Iterable[Network], resolve: Resolve) -> None:
        self._deadline = deadline
        self._permitted = tuple(permitted)
        self._resolve = resolve
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers.

        Raises Forbidden if one of them is not permitted.
        """
        try:
            addresses = [ip_address(address) for address in self._resolve(host, port)]
        except (OSError, UnicodeError, ValueError):
            raise httpcore.ConnectError("the host name is unknown") from None
        if not all(self._may_reach(address) for address in addresses):
            raise Forbidden("the host is not on the public internet")
        error: Exception = httpcore.ConnectError("the host has no address")
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, _left(self._deadline, timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                return _BoundedStream(stream, self._deadline)
        raise error

    def _may_reach(self, address: Address) -> bool:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return is_public(address) or any((mapped or address) in network for network in self._permitted)


class _BoundedStream(httpcore.NetworkStream):
    """A connection that ends at the deadline, and of which no more is read than a head may have."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline
        self._left_to_read = _ANSWER_BYTES

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what there is."""
        data = self._stream.read(max_bytes, _left(self._deadline, timeout))
        self._left_to_read -= len(data)
        if self._left_to_read < 0:
            raise httpcore.ReadError("the answer is too long")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write everything."""
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], _left(self._deadline, timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on encrypted."""
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline, timeout))
        return _BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Tell what httpcore asks of the connection."""
        return self._stream.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the answer took too long")
    return left if timeout is None else min(left, timeout)
