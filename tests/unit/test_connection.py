"""The connection to the broker, against a broker of a few lines."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from core.clock import now_ms
from core.settings import ListenerSettings
from listener import connection as module
from listener.connection import BrokerConnection, Deaf, Received

CONNACK = b"\x20\x02\x01\x00"  # the session was kept
TOPIC = b"ESP32CAM/A/data"
SUBSCRIBE, PUBACK, PUBLISH = 8, 4, 3
GRANTED, REFUSED = b"\x01", b"\x80"


def publish(mid: int, topic: bytes = TOPIC, payload: bytes = b"{}") -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + payload
    return bytes([0x32, len(body)]) + body


class Broker:
    """One accepted connection, which does what it is told to."""

    def __init__(self, server: socket.socket) -> None:
        self._socket, _ = server.accept()
        self._socket.settimeout(5)
        self._stream = self._socket.makefile("rb")
        self.packet()  # CONNECT

    def packet(self) -> tuple[int, bytes]:
        """The kind and the body of the next packet."""
        head, length = self._stream.read(2)
        if length > 127:
            length += 128 * (self._stream.read(1)[0] - 1)
        return head >> 4, self._stream.read(length)

    def next(self, kind: int) -> bytes:
        """The body of the next packet of this kind."""
        while True:
            found, body = self.packet()
            if found == kind:
                return body

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def grant(self, answers: bytes) -> None:
        """Answer the next SUBSCRIBE."""
        mid = self.next(SUBSCRIBE)[:2]
        self.send(bytes([0x90, 2 + len(answers)]) + mid + answers)

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The connection's clock: `clock.ahead` seconds ahead of the true one."""
    clock = SimpleNamespace(ahead=0.0, sleep=lambda _seconds: None, time_ns=time.time_ns)
    clock.monotonic = lambda: time.monotonic() + clock.ahead
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def connection(server: socket.socket) -> Iterator[BrokerConnection]:
    host, port = server.getsockname()
    settings = ListenerSettings(
        mqtt_host=host, mqtt_port=port, mqtt_tls=False, mqtt_version="3.1.1", mqtt_deaf_after_s=30
    )
    connection = BrokerConnection(settings, "fleet", now_ms)
    yield connection
    connection.close()


def during(connection: BrokerConnection, act: Callable[[], object]) -> list[Received]:
    """What is read while a broker acts in a thread of its own."""
    acting = threading.Thread(target=act)
    acting.start()
    messages: list[Received] = []
    while acting.is_alive():
        messages += connection.read(0.05)
    return messages


def connected(server: socket.socket, connection: BrokerConnection, *more: bytes) -> Broker:
    """A broker that has accepted the connection."""
    found: list[Broker] = []

    def accept() -> None:
        found.append(Broker(server))
        found[0].send(b"".join((CONNACK, *more)))

    during(connection, accept)
    return found[0]


def read_until(connection: BrokerConnection, count: int) -> list[Received]:
    messages: list[Received] = []
    while len(messages) < count:
        messages += connection.read(0.5)
    return messages


def test_what_comes_right_behind_the_connack_is_acknowledged(
    server: socket.socket, connection: BrokerConnection
) -> None:
    accepting: list[Broker] = []

    def accept() -> None:
        accepting.append(Broker(server))
        accepting[0].send(CONNACK + publish(7) + publish(8))

    messages = during(connection, accept)
    messages += read_until(connection, 2 - len(messages))
    connection.puback(messages)
    assert [accepting[0].next(PUBACK) for _ in range(2)] == [b"\0\7", b"\0\x08"]
    accepting[0].close()


def test_nothing_of_an_earlier_connection_is_acknowledged(
    server: socket.socket, connection: BrokerConnection
) -> None:
    first = connected(server, connection)
    first.send(publish(7))
    stale = read_until(connection, 1)
    first.close()
    accepting: list[Broker] = []
    during(connection, lambda: accepting.append(Broker(server)))
    connection.puback(stale)  # its CONNACK has not come yet
    (second,) = accepting
    second.send(CONNACK + publish(9))
    connection.puback(stale + read_until(connection, 1))
    assert second.next(PUBACK) == b"\0\x09"
    second.close()


def test_a_broker_that_is_away_does_not_make_deaf(
    server: socket.socket, connection: BrokerConnection, clock: SimpleNamespace
) -> None:
    connection.read(0.05)  # nobody accepts yet
    clock.ahead += 3600
    broker = connected(server, connection)
    broker.close()
    for _ in range(3):
        clock.ahead += 3600
        connection.read(0.05)
    broker = connected(server, connection)
    broker.send(publish(7))
    assert len(read_until(connection, 1)) == 1
    broker.close()


def test_a_broker_that_delivers_nothing_makes_deaf(
    server: socket.socket, connection: BrokerConnection, clock: SimpleNamespace
) -> None:
    broker = connected(server, connection)
    connection.read(0.05)
    clock.ahead += 31
    with pytest.raises(Deaf, match="no answer from the broker"):
        connection.read(0.05)
    broker.close()


def test_one_that_is_thrown_out_again_and_again_says_so(
    server: socket.socket,
    connection: BrokerConnection,
    clock: SimpleNamespace,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for lost in range(1, module.OFTEN + 1):
        assert "ALARM" not in caplog.text
        connected(server, connection).close()
        while caplog.text.count("connection to the broker lost") < lost:
            connection.read(0.05)
        clock.ahead += 11
    assert "does somebody else connect with this listener's client id?" in caplog.text


def test_a_subscription_refused_on_a_reconnect_is_asked_for_again_with_an_alarm(
    server: socket.socket,
    connection: BrokerConnection,
    clock: SimpleNamespace,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "listener")
    broker = connected(server, connection)
    during(connection, lambda: broker.grant(3 * GRANTED))
    broker.close()
    broker = connected(server, connection)
    during(connection, lambda: broker.grant(GRANTED + REFUSED + GRANTED))
    during(connection, lambda: echo_ping(broker))
    while "ALARM: the broker refuses the subscription to ESP32CAM/+/data" not in caplog.text:
        connection.read(0.05)
    assert connection.heard_until_ms == 0, "what is not heard is no silence"
    caplog.clear()
    clock.ahead += 16
    during(connection, lambda: broker.grant(3 * GRANTED))
    during(connection, lambda: echo_ping(broker))
    while not connection.heard_until_ms:
        connection.read(0.05)
    assert "Subscribed to topics" in caplog.text
    broker.close()


def echo_ping(broker: Broker) -> None:
    """Send the next ping back to the listener."""
    body = broker.next(PUBLISH)
    length = int.from_bytes(body[:2], "big")
    broker.send(publish(3, body[2 : 2 + length], body[4 + length :]))
