"""A broker that only feeds one client: it measures a receiver alone, faster than any real broker could.

All packets are encoded before the clock starts. The feeder keeps 1,000 messages in flight, the default
receive maximum of the listener (`mqtt_receive_maximum`), and acknowledges what the client publishes. It
prints `begin` and `end` around the feeding, then one line of JSON.

    python -m benchmarks.feeder PORT CAPTURES [--devices N] [--number N] [--tls FOLDER]
"""

import argparse
import json
import random
import socket
import ssl
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Final

from benchmarks import wire
from benchmarks.photograph import CaptureTemplate, device_ids

WINDOW: Final = 1000
MESSAGE_IDS: Final = 60_000
VERSION_5: Final = 5


def interleaved(captures: int, devices: int, number: int, *, version5: bool) -> list[bytes]:
    """Return the PUBLISH packets of `captures` captures, mixed as if `devices` devices sent at once.

    `number` is the number of the last capture sent earlier.
    """
    rng = random.Random(6)  # noqa: S311 - the same order in every round
    templates = [CaptureTemplate(device_id) for device_id in device_ids(devices)]
    packets: list[bytes] = []
    for first in range(0, captures, devices):
        number += 1
        queues = [iter(template.payload_list(number)) for template in templates[: captures - first]]
        turns = [place for place in range(len(queues)) for _ in templates[place].payload_list(0)]
        rng.shuffle(turns)
        for place in turns:
            message_id = 1 + len(packets) % MESSAGE_IDS
            packets.append(
                wire.publish(templates[place].topic, next(queues[place]), message_id, version5=version5)
            )
    return packets


class Feeder:
    """The broker's side of the only connection."""

    def __init__(self, connection: socket.socket, captures: int, devices: int, number: int) -> None:
        self._socket = connection
        self._splitter = wire.Splitter()
        self._subscribed = False
        self._acknowledged = 0
        self._version5 = self._await_connect()
        self._packets = interleaved(captures, devices, number, version5=self._version5)
        connection.sendall(wire.packet(2, 0, b"\0\0\0" if self._version5 else b"\0\0"))

    def _await_connect(self) -> bool:
        data = self._socket.recv(65_536)
        _, body = next(iter(self._splitter.feed(data)))
        return body[6] == VERSION_5

    def feed(self) -> dict[str, float]:
        """Send all packets; return their count and size, the seconds to the last PUBACK, and own CPU seconds.

        Raises ConnectionError if the client closes the connection earlier.
        """
        self._until(lambda: self._subscribed)
        whole = memoryview(b"".join(self._packets))
        ends = [0, *accumulate(map(len, self._packets))]
        total, sent = len(self._packets), 0
        print("begin", flush=True)
        begun, cpu = time.perf_counter(), time.process_time()
        while self._acknowledged < total:
            until = min(total, self._acknowledged + WINDOW)
            if until > sent:
                self._socket.sendall(whole[ends[sent] : ends[until]])
                sent = until
            self._receive()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        print("end", flush=True)
        return {"messages": total, "seconds": seconds, "cpu_s": cpu, "bytes": len(whole)}

    def _until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._receive()

    def _receive(self) -> None:
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionError("the client has gone")
        for head, body in self._splitter.feed(data):
            kind = head >> 4
            if kind == wire.PUBACK:
                self._acknowledged += 1
            elif kind == wire.SUBSCRIBE:
                self._subscribe(bytes(body))
            elif kind == wire.PUBLISH:
                self._take(bytes(body))
            elif kind == wire.PINGREQ:
                self._socket.sendall(wire.PINGRESP)

    def _subscribe(self, body: bytes) -> None:
        position, count = (3 + body[2] if self._version5 else 2), 0
        while position < len(body):
            position += 3 + int.from_bytes(body[position : position + 2], "big")
            count += 1
        properties = b"\0" if self._version5 else b""
        self._socket.sendall(wire.packet(9, 0, body[:2] + properties + b"\1" * count))
        self._subscribed = True

    def _take(self, body: bytes) -> None:
        """Acknowledge the client's ping; do not send it back, as that would use a place in the window."""
        end = 2 + int.from_bytes(body[:2], "big")
        self._socket.sendall(wire.puback(body[end : end + 2]))


def main() -> None:
    """Accept one client, feed it, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("captures", type=int)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--number", type=int, default=0, help="of the last capture sent earlier")
    parser.add_argument("--tls", type=Path, help="folder with broker.pem and broker.key")
    asked = parser.parse_args()
    with socket.create_server(("127.0.0.1", asked.port)) as server:
        print("ready", flush=True)
        server.settimeout(30)
        connection, _ = server.accept()
    connection.settimeout(30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if asked.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(asked.tls / "broker.pem", asked.tls / "broker.key")
        connection = context.wrap_socket(connection, server_side=True)
    with connection:
        print(json.dumps(Feeder(connection, asked.captures, asked.devices, asked.number).feed()), flush=True)
        # The connection stays open so that the client's CPU time can be read while the client still runs.
        connection.settimeout(5)
        try:
            while connection.recv(65_536):
                pass
        except OSError:
            pass


if __name__ == "__main__":
    main()
