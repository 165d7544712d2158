"""The same tests on fakeredis, quick, on a real redis-server, and on a Redis Cluster of three."""

import fakeredis
import pytest
import redis
from store_lab import StoreLab

from core.store.cluster import Cluster


@pytest.fixture(scope="session")
def real_redis(redis_server):
    client = redis.Redis.from_url(redis_server.database_url(9))
    yield client
    client.close()


class WholeCluster(Cluster):
    """A cluster whose keys can be looked at as those of one Redis."""

    def keys(self, pattern="*"):
        return [key for primary in self.primaries() for key in primary.keys(pattern)]

    def scan_iter(self, *arguments, **options):
        return iter(self.keys(*arguments))

    def delete(self, *names):
        return sum(super(WholeCluster, self).delete(name) for name in names)


@pytest.fixture(scope="session")
def real_cluster(redis_cluster):
    client = WholeCluster(redis_cluster.url)
    yield client
    client.close()


@pytest.fixture(params=["fakeredis", "redis-server", "redis-cluster"])
def client(request):
    if request.param == "fakeredis":
        yield fakeredis.FakeRedis()
        return
    client = request.getfixturevalue("real_redis" if request.param == "redis-server" else "real_cluster")
    client.flushdb()
    yield client


@pytest.fixture
def store(client):
    return StoreLab(client, max_image_bytes=2048, max_captures_per_device=3)
