"""The limits of a Redis, what a broken connection costs, and a process that ends while it holds something."""

import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import suppress

import fakeredis
import pytest
from pydantic import SecretStr
from store_lab import StoreLab

from core.errors import OutOfMemory, Transient
from core.store.connection import connect, transient
from core.store.keeper import Keeper
from core.store.keys import CaptureRef
from core.store.memory import fullness, is_full, limit_of, make_room


@pytest.mark.parametrize(
    ("memory", "limit_mb", "limit"),
    [
        ({"maxmemory": 5_000, "total_system_memory": 9_000}, 1, 5_000),
        ({"maxmemory": 0, "total_system_memory": 9_000}, 3, 3 * 1_048_576),
        ({"maxmemory": 0, "total_system_memory": 9_000}, 0, 4_500),
        ({}, 0, 0),
    ],
)
def test_the_limit_is_its_own_or_the_settings_or_half_of_its_host(memory, limit_mb, limit):
    assert limit_of(memory, limit_mb) == limit


def test_a_connection_that_redis_has_closed_costs_a_command_nothing(redis_server):
    with connect(SecretStr(redis_server.url)) as client, connect(SecretStr(redis_server.url)) as admin:
        client.set("a", 1)
        admin.client_kill_filter(_type="normal", skipme=True)
        assert client.get("a") == b"1"


class Cutting(socketserver.ThreadingTCPServer):
    """Stands before a Redis, and cuts so many connections when a command says `word`."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, port, word, cuts):
        super().__init__(("127.0.0.1", 0), _Line)
        self.port, self.word, self.cuts = port, word, cuts
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def client(self):
        return connect(SecretStr(f"redis://127.0.0.1:{self.server_address[1]}/0"))


class _Line(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.port)) as redis, suppress(OSError):
            while said := self.request.recv(65_536):
                if self.server.word in said and self.server.cuts:
                    self.server.cuts -= 1
                    return
                redis.sendall(said)
                self.request.sendall(redis.recv(65_536))


def test_a_connection_that_breaks_costs_a_command_nothing_once(redis_server):
    with Cutting(redis_server.port, b"broken", cuts=1) as line, line.client() as client:
        client.set("broken", 1)
        assert line.cuts == 0
        line.shutdown()
    with Cutting(redis_server.port, b"broken", cuts=2) as line, line.client() as client:
        with pytest.raises(Transient), transient():
            client.set("broken", 2)
        assert line.cuts == 0
        assert client.get("broken") == b"1"
        line.shutdown()


def test_a_full_redis_is_told_from_one_that_fails(redis_server):
    with connect(SecretStr(redis_server.url)) as client:
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(OutOfMemory), transient():
                client.set("a", 1)
        finally:
            client.config_set("maxmemory", 0)
        with pytest.raises(Transient) as caught, transient():
            client.execute_command("NO_SUCH_COMMAND")
    assert type(caught.value) is Transient


def test_a_keeper_has_one_thread_however_much_it_keeps():
    keeper = Keeper(60)
    before = set(threading.enumerate())
    with keeper.keeping(lambda: True), keeper.keeping(lambda: True), keeper.keeping(lambda: True):
        assert len(set(threading.enumerate()) - before) == 1


def test_a_process_ends_though_it_holds_something():
    code = """
from core.store.keeper import Keeper
keeper = Keeper(60)
keeper.keeping(lambda: True).__enter__()
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0


def test_it_is_full_from_seventy_percent_of_its_limit(redis_server):
    with connect(SecretStr(redis_server.url)) as client:
        used = int(client.info("memory")["used_memory"])
        try:
            for share, full in ((0.8, True), (0.5, False)):
                client.config_set("maxmemory", int(used / share))
                assert is_full(client, 0) is full
        finally:
            client.config_set("maxmemory", 0)


def test_a_redis_of_which_little_is_known_is_as_full_as_can_be_told(redis_server):
    assert fullness(fakeredis.FakeRedis(), 0) == 0
    with connect(SecretStr(redis_server.url)) as admin:
        admin.execute_command("ACL", "SETUSER", "limits", "on", ">word", "~*", "+@all", "-info")
        url = redis_server.url.replace("redis://", "redis://limits:word@")
        with connect(SecretStr(url)) as client:
            expected = admin.memory_stats()["total.allocated"] / 1_048_576
            assert fullness(client, 1) == pytest.approx(expected, rel=0.2)
            assert fullness(client, 4) == pytest.approx(expected / 4, rel=0.2)
            assert fullness(client, 0) == 0
            admin.execute_command("ACL", "SETUSER", "limits", "-memory")
            assert fullness(client, 1) == 0
        admin.execute_command("ACL", "DELUSER", "limits")


def test_making_room_tells_how_many_captures_went():
    store = StoreLab(fakeredis.FakeRedis())
    now = store.now()
    for name in ("a.jpg", "b.jpg"):
        batch = store.batch()
        batch.chunks(CaptureRef("AABB", name), now, [0, b"x"])
        batch.commit()
        late = now + store.settings.capture_timeout_ms
        assert store.captures.review(CaptureRef("AABB", name), late, late).action == "timed_out"
        store.captures.settle_timeout(CaptureRef("AABB", name))
    assert [make_room(store.captures, store.streams) for _ in range(2)] == [2, 0]
