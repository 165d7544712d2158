"""How a call to Supabase ends that would never end by itself."""

import socket
import threading
from contextlib import ExitStack

import pytest

from core.errors import Transient
from core.settings import SupabaseSettings
from core.supabase import SupabaseGateway


@pytest.fixture
def silent():
    """A server that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []

        def take():
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    for connection in taken:
        connection.close()


@pytest.mark.parametrize(
    "call",
    [
        lambda gateway: gateway.call("record_hello", p_hello={}),
        lambda gateway: gateway.upload("captures/a.jpg", b"x"),
        lambda gateway: gateway.download("captures/a.jpg"),
    ],
    ids=["call", "upload", "download"],
)
def test_a_stuck_call_ends_by_its_timeout(silent, call):
    settings = SupabaseSettings(
        supabase_url=f"http://127.0.0.1:{silent}", supabase_service_role="sb_secret_x"
    )
    gateway = SupabaseGateway(settings, timeout_s=0.2)
    try:
        with pytest.raises(Transient, match="ReadTimeout"):
            call(gateway)
    finally:
        gateway.close()


@pytest.fixture
def crowded():
    """A port on which the kernel answers no further connection, as of a host that drops what it is sent."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server, ExitStack() as waiting:
        for _ in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def test_a_connection_that_is_not_taken_ends_by_its_timeout(crowded):
    settings = SupabaseSettings(
        supabase_url=f"http://127.0.0.1:{crowded}", supabase_service_role="sb_secret_x"
    )
    gateway = SupabaseGateway(settings, timeout_s=0.2)
    try:
        with pytest.raises(Transient, match="ConnectTimeout"):
            gateway.call("record_hello", p_hello={})
    finally:
        gateway.close()
