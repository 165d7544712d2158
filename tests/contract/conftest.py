"""The same tests on fakeredis, quick, and on a real redis-server."""

import fakeredis
import pytest
import redis

from core.chunk_store import ChunkStore
from core.settings import Settings


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
def settings():
    return Settings(mqtt_host="broker.test", max_image_bytes=2048, max_captures_per_device=3)


@pytest.fixture
def store(client, settings):
    return ChunkStore(client, settings)
