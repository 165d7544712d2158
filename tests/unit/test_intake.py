"""The stream between broker and paho: messages are cut out of it, and paho gets all the rest."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from listener.intake import Intake, IntakeClient, Published

PINGRESP = b"\xd0\x00"
CONNACK = b"\x20\x02\x00\x00"


def packet(head: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (128 if length else 0))
        if not length:
            return bytes([head]) + bytes(digits) + body


def publish(message: Published, *, version5: bool = False, properties: bytes = b"") -> bytes:
    body = len(message.topic).to_bytes(2, "big") + message.topic
    body += message.mid.to_bytes(2, "big") if message.qos else b""
    body += bytes([len(properties)]) + properties if version5 else b""
    return packet(0x30 | message.qos << 1, body + message.payload)


@pytest.fixture
def ends() -> Iterator[tuple[Intake, socket.socket]]:
    ours, brokers = socket.socketpair()
    ours.setblocking(False)
    with ours, brokers:
        yield Intake(ours, version5=False), brokers


def read_all(intake: Intake) -> bytes:
    data = b""
    while intake.leftovers:
        data += intake.recv(3)
    return data


messages = st.builds(
    Published,
    topic=st.sampled_from([b"ESP32CAM/A/data", b"t"]),
    payload=st.binary(max_size=300),
    mid=st.integers(1, 65_535),
    qos=st.just(1),
)


@given(
    st.lists(st.one_of(messages, st.sampled_from([PINGRESP, CONNACK]))), st.integers(1, 400), st.booleans()
)
def test_any_stream_in_any_pieces_is_sorted(
    parts: list[Published | bytes], size: int, version5: bool
) -> None:
    stream = b"".join(
        publish(part, version5=version5, properties=b"\x01\x01") if isinstance(part, Published) else part
        for part in parts
    )
    ours, brokers = socket.socketpair()
    ours.setblocking(False)
    with ours, brokers:
        intake, taken, rest = Intake(ours, version5=version5), [], b""
        for start in range(0, len(stream), size):
            brokers.sendall(stream[start : start + size])
            taken += intake.take(1000)
            rest += read_all(intake)
    assert taken == [part for part in parts if isinstance(part, Published)]
    assert rest == b"".join(part for part in parts if isinstance(part, bytes))


def test_qos_0_has_no_id_and_qos_2_is_left_to_paho(ends: tuple[Intake, socket.socket]) -> None:
    intake, broker = ends
    at_qos_2 = packet(0x34, b"\x00\x01t\x00\x07x")
    broker.sendall(publish(Published(b"t", b"x", 0, 0)) + at_qos_2)
    assert intake.take(10) == [Published(b"t", b"x", 0, 0)]
    assert read_all(intake) == at_qos_2


def test_acknowledgements_are_one_write_in_order(ends: tuple[Intake, socket.socket]) -> None:
    intake, broker = ends
    intake.puback([1, 258])
    assert broker.recv(100) == b"\x40\x02\x00\x01\x40\x02\x01\x02"


def test_what_the_socket_does_not_take_waits_in_order(ends: tuple[Intake, socket.socket]) -> None:
    intake, broker = ends
    sent = b"".join(bytes([number]) * 100_000 for number in range(10))
    for start in range(0, len(sent), 100_000):
        assert intake.send(sent[start : start + 100_000]) == 100_000
    assert intake.wants_write
    received = b""
    while len(received) < len(sent):
        received += broker.recv(65_536)
        intake.flush()
    assert received == sent
    assert not intake.wants_write


def test_a_reset_is_an_error_for_paho_and_an_end_is_an_end(ends: tuple[Intake, socket.socket]) -> None:
    intake, broker = ends
    assert intake.take(10) == []
    with pytest.raises(BlockingIOError):
        intake.recv(1)
    broker.close()
    assert intake.take(10) == []
    assert intake.leftovers
    assert intake.recv(1) == b""


@pytest.mark.parametrize("nonsense", [b"\x32\xff\xff\xff\xff\x01", b"\x32\x01\x00", b"\x32\x03\x00\x01t"])
def test_nonsense_ends_the_connection(ends: tuple[Intake, socket.socket], nonsense: bytes) -> None:
    intake, broker = ends
    broker.sendall(nonsense)
    assert intake.take(10) == []
    with pytest.raises(ConnectionError):
        intake.recv(1)


def test_paho_still_makes_its_socket_where_the_client_expects_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = IntakeClient(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        client.connect(*server.getsockname())
        assert isinstance(client.socket(), Intake)
        assert "_create_socket" in vars(Client)
        client.disconnect()


def test_a_message_beyond_all_measure_is_taken_in_part_and_the_next_is_whole(ends, monkeypatch):
    monkeypatch.setattr("listener.intake.MAX_PACKET_BYTES", 1_000)
    intake, broker = ends
    huge, small = Published(b"t", b"x" * 100_000, 7, 1), Published(b"t", b"small", 8, 1)
    stream, taken = publish(huge) + publish(small), []
    for start in range(0, len(stream), 900):
        broker.sendall(stream[start : start + 900])
        taken += intake.take(100)
    assert [message.mid for message in taken] == [7, 8]
    assert 1_000 < len(taken[0].payload) < 3_000
    assert taken[1] == small


def test_a_large_message_in_small_pieces_is_put_together_once(ends, monkeypatch):
    intake, broker = ends
    looked_at, cut = [], Intake._cut
    monkeypatch.setattr(
        Intake, "_cut", lambda self, stream, *rest: (looked_at.append(len(stream)), cut(self, stream, *rest))
    )
    message, small = Published(b"t", b"x" * 1_000_000, 7, 1), Published(b"t", b"small", 8, 1)
    stream, taken = publish(message) + publish(small), []
    for start in range(0, len(stream), 1_400):
        broker.sendall(stream[start : start + 1_400])
        taken += intake.take(100)
    assert taken == [message, small]
    assert sum(looked_at) < 2 * len(stream)


@pytest.mark.parametrize("size", [0, 119, 120, 16_000, 16_400, 2_100_000])
def test_a_head_that_comes_in_single_bytes_is_put_together(ends, size):
    """The length of a packet takes one to four bytes, and a read may end after any of them."""
    intake, broker = ends
    message, next_one = Published(b"t", b"x" * size, 7, 1), Published(b"t", b"next", 8, 1)
    stream, taken = publish(message), []
    for number in range(6):
        broker.sendall(stream[number : number + 1])
        taken += intake.take(10)
    rest = stream[6:] + publish(next_one)
    for start in range(0, len(rest), 100_000):
        broker.sendall(rest[start : start + 100_000])
        taken += intake.take(10)
    assert taken == [message, next_one]
    assert not intake.leftovers
