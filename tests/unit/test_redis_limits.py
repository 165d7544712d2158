"""The limit of a Redis, and a process that ends while it holds something in it."""

import subprocess
import sys

import pytest
from pydantic import SecretStr

from core.store.connection import connect
from core.store.memory import limit_of


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


def test_a_process_ends_though_it_holds_something():
    code = """
from core.store.keeper import Keeper
keeper = Keeper(60)
keeper.keeping(lambda: True).__enter__()
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
