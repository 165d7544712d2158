"""A Redis that does not answer holds nobody for ever: each kind of wait ends, and as Transient."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from core.errors import Transient
from core.store.connection import connect, transient


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


def test_a_connection_that_redis_has_closed_is_made_anew(redis_server):
    client = connect(SecretStr(redis_server.url))
    client.set("a", 1)
    client.client_kill_filter(skipme=False)
    assert client.get("a") == b"1"
    client.close()
