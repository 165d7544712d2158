"""The whole service on a Redis Cluster whose nodes die, are replaced and hand slots over while pictures arrive."""

from random import Random

import chaos_ledger
import pytest
from chaos_rig import Rig
from redis import Redis
from redis.crc import key_slot
from started import started

from core.store.keys import SHARDS
from local.mqtt_broker import mosquitto_binary
from local.redis_cluster import RedisCluster

SLOTS = [key_slot(str(number).encode()) for number in range(SHARDS)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with started(RedisCluster(tmp_path_factory.mktemp("cluster"), replicas=1, appendonly=True)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def rig(cluster, tmp_path_factory, seed):
    """The stack on Mosquitto, with listener, worker and beat; its own Redis has Celery's messages."""
    if mosquitto_binary() is None:
        pytest.skip("no mosquitto on PATH: the fault suite is about sessions that outlive their connection")
    rig = Rig(tmp_path_factory.mktemp("chaos"), Random(seed), {"REDIS_URL": cluster.url})
    try:
        rig.platform.start("listener", "worker", "beat")
        yield rig
    finally:
        rig.close()


def killed_and_started(cluster):
    """SIGKILL a primary, and start it again with its append-only file before another takes its place."""
    node = cluster.owner(SLOTS[0])
    node.kill()
    node.start()
    cluster.wait_complete()
    assert cluster.owner(SLOTS[0]) is node


def replaced(cluster):
    """SIGKILL a primary for good; its replica takes its place."""
    node = cluster.owner(SLOTS[0])
    node.kill()
    assert cluster.wait_owner(SLOTS[0]) is not node
    node.start()
    cluster.wait_complete()
    assert cluster.owner(SLOTS[0]) is not node


def slots_move(cluster):
    """Let another primary have every slot of shards that one has, as `redis-cli --cluster reshard` does."""
    owner = cluster.owner(SLOTS[0])
    to = next(found for found in map(cluster.owner, SLOTS) if found is not owner)
    for slot in (slot for slot in SLOTS if cluster.owner(slot) is owner):
        cluster.begin_move(slot, to)
        cluster.finish_move(slot, to)
    assert owner not in map(cluster.owner, SLOTS)


FAULTS = {
    "primary killed and started again": killed_and_started,
    "slots moved": slots_move,
    "primary replaced by its replica": replaced,
}


@pytest.mark.timeout(600)
def test_nothing_is_lost_whatever_the_nodes_do(rig, cluster, seed, is_long, show):
    devices, images, rounds = (30, 20, 4) if is_long else (16, 4, 1)
    with rig.restless_fleet("NODES", devices, images, seed, is_long=is_long) as fleet:
        fleet.recorder.wait_sent(2, 30)
        for _ in range(rounds):
            for name, fault in FAULTS.items():
                fleet.inject(name, lambda fault=fault: fault(cluster))
                fleet.recorder.wait_sent(len(fleet.recorder.sent) + 2, 10)
        report = fleet.finish(900 if is_long else 120)
    tally = chaos_ledger.count(rig.stack, report.images)
    show(chaos_ledger.table(fleet.injected, fleet.recorder, tally, seed))
    assert (tally.lost, tally.duplicated) == (0, 0), "\n".join([f"seed {seed}", *tally.problems])
    assert tally.sent == devices * images
    with Redis(port=rig.stack.redis.port) as redis:
        assert redis.dbsize() == 0, "what is not Celery's is in the cluster"
