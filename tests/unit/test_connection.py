"""The connection to the broker, against a broker of a few lines."""

import socket
import threading
from collections.abc import Iterator

import pytest

from core.settings import ListenerSettings
from listener.connection import BrokerConnection, Received

CONNACK = b"\x20\x02\x01\x00"  # the session was kept
TOPIC = b"ESP32CAM/A/data"


def publish(mid: int) -> bytes:
    body = len(TOPIC).to_bytes(2, "big") + TOPIC + mid.to_bytes(2, "big") + b"{}"
    return bytes([0x32, len(body)]) + body


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


def connection_to(server: socket.socket) -> BrokerConnection:
    host, port = server.getsockname()
    settings = ListenerSettings(mqtt_host=host, mqtt_port=port, mqtt_tls=False, mqtt_version="3.1.1")
    return BrokerConnection(settings, "test")


def read_until(connection: BrokerConnection, count: int) -> list[Received]:
    messages: list[Received] = []
    while len(messages) < count:
        messages += connection.read(0.5)
    return messages


def accept(server: socket.socket, answer: bytes) -> socket.socket:
    broker, _ = server.accept()
    broker.settimeout(5)
    broker.recv(1000)  # CONNECT
    broker.sendall(answer)
    return broker


def pubacks(broker: socket.socket) -> list[int]:
    """What is acknowledged within the next packets; SUBSCRIBE and the ping are passed over."""
    data = b""
    while b"\x40\x02" not in data:
        data += broker.recv(1000)
    return [int.from_bytes(part[:2], "big") for part in data.split(b"\x40\x02")[1:]]


def test_what_comes_right_behind_the_connack_is_acknowledged(server: socket.socket) -> None:
    connection, found = connection_to(server), []
    answering = threading.Thread(
        target=lambda: found.append(accept(server, CONNACK + publish(7) + publish(8)))
    )
    answering.start()
    messages = read_until(connection, 2)
    answering.join()
    connection.puback(messages)
    with found[0] as broker:
        assert pubacks(broker) == [7, 8]
    connection.close()


def test_nothing_of_an_earlier_connection_is_acknowledged(server: socket.socket) -> None:
    connection, found = connection_to(server), []
    for mid in (7, 9):
        answering = threading.Thread(
            target=lambda mid=mid: found.append(accept(server, CONNACK + publish(mid)))
        )
        answering.start()
        messages = read_until(connection, 1)
        answering.join()
        if mid == 7:
            stale = messages
            found[0].close()
    connection.puback(stale + messages)
    with found[1] as broker:
        assert pubacks(broker) == [9]
    connection.close()
