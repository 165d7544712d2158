"""A Redis that does not answer holds nobody for ever: each kind of wait ends, and as Transient."""

import socket
import socketserver
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from pydantic import SecretStr

from core.errors import Transient
from core.store.connection import connect, transient
from core.store.devices import DeviceStore


def outcome(client):
    with transient():
        client.ping()


def test_every_wait_for_redis_ends(redis_server):
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        crowded = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(crowded.getsockname())
        clients = [
            connect(SecretStr(f"redis://127.0.0.1:{server.getsockname()[1]}/0"))
            for server in (silent, crowded)
        ]
        busy = connect(SecretStr(redis_server.url), connections=1)
        busy.connection_pool.get_connection()  # and never given back
        with ThreadPoolExecutor(3) as threads:
            waits = [threads.submit(outcome, client) for client in (*clients, busy)]
        for wait in waits:
            with pytest.raises(Transient):
                wait.result()


class Deafening(socketserver.ThreadingTCPServer):
    """Stands before a Redis; of the first connection that says `word`, no answer comes back any more."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port, word):
        super().__init__(("127.0.0.1", 0), _Line)
        self.target, self.word, self.swallowed = ("127.0.0.1", port), word, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Line(socketserver.BaseRequestHandler):
    def handle(self):
        silenced = threading.Event()
        with socket.create_connection(self.server.target) as redis, suppress(OSError):
            threading.Thread(target=self._back, args=(redis, silenced), daemon=True).start()
            while said := self.request.recv(65536):
                if self.server.word in said and not self.server.swallowed.is_set():
                    self.server.swallowed.set()
                    silenced.set()
                redis.sendall(said)

    def _back(self, redis, silenced):
        with suppress(OSError):
            while answer := redis.recv(65536):
                if not silenced.is_set():
                    self.request.sendall(answer)


def test_what_got_no_answer_in_time_is_not_repeated(redis_server):
    """Redis has carried it out: a repeat would take a second message."""
    with Deafening(redis_server.port, b"LPOP") as line:
        url = f"redis://127.0.0.1:{line.server_address[1]}/0?socket_timeout=0.5"
        devices = DeviceStore(connect(SecretStr(url)))
        devices.plan("DEAF", [{"n": 1}, {"n": 2}, {"n": 3}])
        with pytest.raises(Transient):
            devices.next_message("DEAF")
        assert line.swallowed.is_set()
        assert devices.next_message("DEAF") == {"n": 2}
        line.shutdown()


def test_a_connection_that_redis_has_closed_is_made_anew(redis_server):
    client = connect(SecretStr(redis_server.url))
    client.set("a", 1)
    client.client_kill_filter(skipme=False)
    assert client.get("a") == b"1"
    client.close()
