"""How a call to Supabase ends that would never end by itself."""

import socket
import threading

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
