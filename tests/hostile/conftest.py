"""A Redis database of the hostile tests' own."""

import logging

import pytest
import redis


@pytest.fixture
def database(redis_server):
    """An empty database on a real redis-server: what a message can break in Lua, only that shows."""
    client = redis.Redis.from_url(redis_server.database_url(12))
    client.flushdb()
    yield client
    client.close()


@pytest.fixture(autouse=True)
def _quiet(caplog):
    """A line for each of a hundred thousand bad messages would be all that a failure shows."""
    caplog.set_level(logging.CRITICAL)
