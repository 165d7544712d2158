"""The socket that paho gets: it takes the messages out of the stream and leaves all the rest to paho.

paho reads a PUBLISH with four calls of recv, builds some twenty objects for its properties and sends each
PUBACK separately: that is most of the cost of a chunk. Here one read is cut into messages, and the PUBACKs of
a batch leave in one write. paho still handles connecting, subscribing, keepalive and every packet that is not
a PUBLISH at QoS 0 or 1; it reads them from here as from any socket. See docs/performance.md.

Only one private part of paho is overridden: `_create_socket`, where paho itself puts its websocket wrapper
between client and socket. A test fails if it goes away.
"""

import socket
import ssl
from typing import Final, NamedTuple

from paho.mqtt.client import Client, MQTTv5

from core.mqtt import MAX_PACKET_BYTES

READ_BYTES: Final = 262_144
# MQTT encodes a remaining length in at most four bytes, of seven bits each.
MAX_LENGTH_BYTES: Final = 4
_PUBLISH: Final = 3
_QOS_2: Final = 4
_WOULD_BLOCK: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Published(NamedTuple):
    """A message as it arrived; `mid` is the packet identifier, 0 at QoS 0."""

    topic: bytes
    payload: bytes
    mid: int
    qos: int


class Intake:
    """Wraps a connected socket; paho's calls see only what is left of the stream."""

    def __init__(self, sock: socket.socket, *, version5: bool) -> None:
        self._socket = sock
        self._version5 = version5
        # A packet whose end has not come yet: what one read left of it, the reads since, and what it lacks.
        self._stream = b""
        self._more = bytearray()
        self._lacking = 0
        self._passing_by = 0
        self._for_paho = bytearray()
        self._for_broker = bytearray()
        self._end: OSError | None = None
        self._ended = False

    def take(self, at_most: int) -> list[Published]:
        """Read what has arrived and return its messages, not many more than `at_most`."""
        messages: list[Published] = []
        while len(messages) < at_most and not self._ended:
            try:
                data = self._socket.recv(READ_BYTES)
            except _WOULD_BLOCK:
                break
            except OSError as error:
                self._end, self._ended = error, True
                break
            if not data:
                self._ended = True
                break
            if len(data) < self._lacking:
                self._lacking -= len(data)
                self._more += data
                continue
            if self._more:
                data = bytes(self._more + data)
                self._more.clear()
            self._cut(self._stream + data if self._stream else data, messages)
        return messages

    @property
    def leftovers(self) -> bool:
        """Whether paho has something to read: packets of its own, or the end of the connection."""
        return self._ended or bool(self._for_paho)

    def puback(self, mids: list[int]) -> None:
        """Send PUBACKs, all in one write."""
        self.send(b"".join([b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids]))

    def flush(self) -> None:
        """Write the bytes that the socket did not take earlier."""
        try:
            while self._for_broker:
                del self._for_broker[: self._socket.send(self._for_broker)]
        except _WOULD_BLOCK:
            return
        except OSError as error:
            self._end, self._ended = error, True

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait until the socket takes them."""
        return bool(self._for_broker)

    def pending(self) -> int:
        """Return how many bytes TLS has already read; `select` does not report them."""
        return self._socket.pending() if isinstance(self._socket, ssl.SSLSocket) else 0

    def recv(self, size: int) -> bytes:
        """Return bytes for paho.

        When all are read, raise BlockingIOError, or end or fail as the socket did.
        """
        if self._for_paho:
            data = bytes(self._for_paho[:size])
            del self._for_paho[:size]
            return data
        if self._end:
            raise self._end
        if self._ended:
            return b""
        raise BlockingIOError

    def send(self, data: bytes | bytearray) -> int:
        """Accept all bytes; those that the socket does not take at once wait, in order, for `flush`."""
        self._for_broker += data
        self.flush()
        return len(data)

    def fileno(self) -> int:
        """Return the file descriptor to wait for."""
        return self._socket.fileno()

    def setblocking(self, flag: bool) -> None:
        """Pass the call on to the socket."""
        self._socket.setblocking(flag)

    def close(self) -> None:
        """Close the socket; a DISCONNECT has been written just before."""
        self.flush()
        self._socket.close()

    def _cut(self, stream: bytes, messages: list[Published]) -> None:
        """Cut whole packets off the stream: a PUBLISH into `messages`, any other for paho."""
        start, end = min(self._passing_by, len(stream)), len(stream)
        self._passing_by -= start
        self._lacking = 0
        while start + 2 <= end:
            length, body = stream[start + 1], start + 2
            if length > 127:
                length &= 127
                for shift in range(7, 7 * MAX_LENGTH_BYTES, 7):
                    if body == end:
                        self._stream = stream[start:]
                        return
                    digit = stream[body]
                    body += 1
                    length |= (digit & 127) << shift
                    if digit < 128:
                        break
                else:
                    self._fail("a packet without length")
                    return
            stop = body + length
            head = stream[start]
            if stop > end:
                if end - start <= MAX_PACKET_BYTES:
                    # A look at each piece of a large packet would copy what has come again and again.
                    self._lacking = (
                        stop if stop - start <= MAX_PACKET_BYTES else start + MAX_PACKET_BYTES + 1
                    ) - end
                    break
                # An MQTT 5 broker drops such a message before it reaches us; any other would send it again
                # and again. So the part that has come is taken as the message, and the rest is skipped.
                self._passing_by = stop - end
                stop = end
            if head >> 4 == _PUBLISH and not head & _QOS_2:
                try:
                    messages.append(self._message(stream[body:stop], head))
                except IndexError:
                    self._fail("a message shorter than its own fields")
                    return
            else:
                self._for_paho += stream[start:stop]
            start = stop
        self._stream = stream[start:]

    def _message(self, packet: bytes, head: int) -> Published:
        end = 2 + (packet[0] << 8 | packet[1])
        topic, qos, mid = packet[2:end], head >> 1 & 1, 0
        if qos:
            mid = packet[end] << 8 | packet[end + 1]
            end += 2
        if self._version5:
            end = _after_properties(packet, end)
        return Published(topic, packet[end:], mid, qos)

    def _fail(self, reason: str) -> None:
        self._end, self._ended = ConnectionError(f"the broker sent {reason}"), True


def _after_properties(packet: bytes, start: int) -> int:
    """Return where the properties of a message end; the service uses none of them."""
    length, shift = 0, 0
    while True:
        digit = packet[start]
        start += 1
        length |= (digit & 127) << shift
        if digit < 128:
            return start + length
        shift += 7


class IntakeClient(Client):
    """paho's client on top of an Intake."""

    def _create_socket(self) -> Intake:
        return Intake(super()._create_socket(), version5=self._protocol == MQTTv5)  # type: ignore[arg-type]
