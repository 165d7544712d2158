"""A Redis database of the hostile tests' own."""

import logging
import secrets

import pytest
import redis


@pytest.fixture(scope="session")
def seed(pytestconfig):
    """The seed of the generated messages; it stands in every failure."""
    given = pytestconfig.getoption("--chaos-seed", default=None)
    return secrets.randbelow(2**31) if given is None else given


@pytest.fixture(scope="session")
def is_long(pytestconfig):
    """Whether the long form was asked for."""
    return pytestconfig.getoption("--chaos", default="short") == "long"


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
