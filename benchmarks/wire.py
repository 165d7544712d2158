"""Minimal MQTT packets for the load generator and the feeder.

A client library would itself be the bottleneck; these packets are encoded once and sent many times. The
formats are those of MQTT 3.1.1 and MQTT 5.0, chapters 2 and 3.
"""

from collections.abc import Iterator
from typing import Final

PUBLISH: Final = 3
PUBACK: Final = 4
CONNECT: Final = 1
SUBSCRIBE: Final = 8
PINGREQ: Final = 12
DISCONNECT: Final = 14

PINGRESP: Final = b"\xd0\x00"


def _text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


def packet(kind: int, flags: int, body: bytes) -> bytes:
    """Put the fixed header before a body: type, flags and length.

    The length has 7 bits per byte, lowest first, and bit 7 says that another byte follows (MQTT 3.1.1,
    section 2.2.3).
    """
    head, length = bytearray([kind << 4 | flags]), len(body)
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (128 if length else 0))
        if not length:
            return bytes(head) + body


def connect(client_id: str) -> bytes:
    """Encode a CONNECT of MQTT 3.1.1 with a clean session and a keep-alive of ten minutes."""
    return packet(CONNECT, 0, _text("MQTT") + b"\x04\x02" + (600).to_bytes(2, "big") + _text(client_id))


def subscribe(topic: str, message_id: int) -> bytes:
    """Encode a SUBSCRIBE of MQTT 3.1.1 at QoS 1."""
    return packet(SUBSCRIBE, 2, message_id.to_bytes(2, "big") + _text(topic) + b"\x01")


def publish(topic: str, payload: bytes, message_id: int, *, version5: bool = False) -> bytes:
    """Encode a PUBLISH at QoS 1; version 5 adds one byte, an empty list of properties."""
    properties = b"\0" if version5 else b""
    return packet(PUBLISH, 2, _text(topic) + message_id.to_bytes(2, "big") + properties + payload)


def puback(message_id: bytes) -> bytes:
    """Encode a PUBACK for the two bytes of a packet id; both versions have the same form."""
    return b"\x40\x02" + message_id


class Splitter:
    """Cuts a stream of bytes into packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, memoryview]]:
        """Yield (first byte: type and flags, body) of each packet that is complete so far."""
        data = self._rest + data if self._rest else data
        view, position, end = memoryview(data), 0, len(data)
        while position + 2 <= end:
            length, shift, body = 0, 0, position + 1
            while body < end:
                digit = data[body]
                length |= (digit & 127) << shift
                shift += 7
                body += 1
                if digit < 128:
                    break
            else:
                break
            if body + length > end:
                break
            yield data[position], view[body : body + length]
            position = body + length
        self._rest = data[position:]
