"""The same tests on fakeredis, quick, and on a real redis-server."""

import fakeredis
import pytest
import redis
from store_lab import StoreLab


@pytest.fixture(scope="session")
def real_redis(redis_server):
    client = redis.Redis.from_url(redis_server.database_url(9))
    yield client
    client.close()


@pytest.fixture(params=["fakeredis", "redis-server"])
def client(request):
    if request.param == "fakeredis":
        yield fakeredis.FakeRedis()
        return
    client = request.getfixturevalue("real_redis")
    client.flushdb()
    yield client


@pytest.fixture
def store(client):
    return StoreLab(client, max_image_bytes=2048, max_captures_per_device=3)
