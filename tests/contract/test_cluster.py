"""What only a Redis Cluster can do to the store: slots, nodes that move, forget, stand still or are away."""

import os
import signal

import pytest
from capture_lab import A_DAY, NOW, REF, complete, describe, finish, give_up, metadata, put
from pydantic import SecretStr
from redis.commands.core import Script
from redis.crc import key_slot
from redis.exceptions import ConnectionError, TimeoutError
from store_lab import StoreLab

from core.errors import Transient
from core.store import keys, scripts
from core.store.announced import Mark
from core.store.captures import LeaseLost
from core.store.cluster import Cluster
from core.store.connection import connect
from core.store.listeners import Heartbeat
from core.store.places import Places
from core.store.streams import error_entry
from local.ports import free_port

# They come before others, and are none by themselves.
PARTS = {"story", "identity", "prelude", "abandon", "acked"}
SLOT = key_slot(str(keys.shard(REF.device_id)).encode())


@pytest.fixture
def called(monkeypatch):
    """The keys of every call of a script, by the name of its file."""
    found = {}

    def note(text, names):
        [name] = [path.stem for path in scripts.FOLDER.glob("*.lua") if text.endswith(path.read_text())]
        found.setdefault(name, []).append(names)

    call, command = Script.__call__, scripts.PipelinedScript.command
    monkeypatch.setattr(
        Script, "__call__", lambda self, **given: (note(self.script, given["keys"]), call(self, **given))[1]
    )
    monkeypatch.setattr(
        scripts.PipelinedScript,
        "command",
        lambda self, names, *arguments: (note(self._text, names), command(self, names, *arguments))[1],
    )
    return found


@pytest.mark.parametrize("client", ["fakeredis"], indirect=True)
def test_every_script_is_called_with_keys_of_one_slot(client, called):
    store = StoreLab(client)
    captures, now = store.captures, store.now()
    batch = store.batch()
    batch.metadata(metadata(name="report.jpg", error=3), now)
    batch.heard(Heartbeat("fleet@1", now, now))
    batch.commit()
    stored = complete(store, name="stored.jpg")
    captures.enqueue(now + 3_600_000, None, 10)
    finish(store, stored)
    failed = complete(store, name="failed.jpg")
    claim = captures.claim(failed, "worker")
    captures.note(claim, sha256="00", stored_bytes=6)
    captures.release(claim, 0)
    captures.close(failed, "failed", tombstone_ttl_s=A_DAY, kept_for=2204)
    captures.requeue(failed)
    claim = captures.note(captures.claim(complete(store, name="broken.jpg"), "worker"), sha256="00")
    assert captures.ask_again(claim)
    with pytest.raises(LeaseLost):
        captures.ask_again(claim)
    describe(store, metadata(name="late.jpg"))
    late = REF._replace(image_name="late.jpg")
    at = give_up(store, late)
    captures.settle_timeout(late)
    captures.settle_partial(late, at)
    captures.drop(late)
    store.announced.set_mark(Mark("homeassistant"))
    store.breakers.storage._begin_probe()
    assert Places(client).reserve("AABB", "AABB/2026/01/01/i.jpg", "x")
    assert set(called) == {path.stem for path in scripts.FOLDER.glob("*.lua")} - PARTS
    for name, calls in called.items():
        for names in calls:
            assert len({key_slot(key.encode()) for key in names}) == 1, (name, names)


@pytest.fixture
def cluster(real_cluster):
    real_cluster.flushdb()
    return real_cluster


@pytest.fixture
def store_on_cluster(cluster):
    return StoreLab(cluster)


def spread(store, devices=range(40)):
    """A batch with a first chunk of many devices, and what is the fleet's."""
    batch = store.batch()
    for device in devices:
        batch.chunks(REF._replace(device_id=f"DEVICE{device}"), NOW, [0, b"x"])
    batch.append(keys.ERRORS, [error_entry("AABB", 2201, "late", {}, NOW)])
    return batch


def test_a_batch_goes_to_all_nodes_and_its_answers_keep_their_order(cluster, store_on_cluster):
    outcomes = spread(store_on_cluster).commit()
    assert [outcome.ref.device_id for outcome in outcomes] == [f"DEVICE{number}" for number in range(40)]
    assert {outcome.status for outcome in outcomes} == {"waiting"}
    assert all(primary.dbsize() for primary in cluster.primaries())
    assert len(store_on_cluster.captures.due(NOW + A_DAY * 1000, 100)) == 40


def test_a_node_that_has_forgotten_the_scripts_learns_them(cluster, store_on_cluster):
    complete(store_on_cluster)
    for primary in cluster.primaries():
        primary.script_flush()
    assert len(spread(store_on_cluster).commit()) == 40
    assert finish(store_on_cluster, complete(store_on_cluster, name="next.jpg"))


def test_a_slot_that_moves_is_followed_and_nothing_is_lost(redis_cluster, cluster, store_on_cluster):
    store = store_on_cluster
    describe(store, metadata())
    assert put(store, 0).status == "waiting"
    owner = redis_cluster.owner(SLOT)
    to = next(node for node in redis_cluster.nodes if node is not owner)
    for target in (to, owner):
        redis_cluster.begin_move(SLOT, target)
        # A script whose keys are partly here and partly there cannot run: the listener repeats its batch.
        with pytest.raises(Transient):
            put(store, 1)
        assert store.captures.get(REF) is not None, "what has one key goes on"
        redis_cluster.finish_move(SLOT, target)
        assert store.captures.chunk_ids(REF) == {0}, "the map of the client is out of date"
    redis_cluster.begin_move(SLOT, to)
    redis_cluster.finish_move(SLOT, to)
    assert (
        len(
            spread(
                store,
                [number for number in range(400) if keys.shard(f"DEVICE{number}") == keys.shard("AABB")],
            ).commit()
        )
        > 9
    )
    assert put(store, 1, 2).status == "complete"
    redis_cluster.begin_move(SLOT, owner)
    redis_cluster.finish_move(SLOT, owner)


def test_an_answer_that_comes_late_is_not_taken_for_that_of_a_later_command(redis_cluster, cluster):
    with Cluster(redis_cluster.url, socket_timeout=0.3) as client:
        names = [f"fleet:lock:{number}" for number in range(20)]
        for number, name in enumerate(names):
            client.set(name, number)
        frozen = redis_cluster.owner(key_slot(names[7].encode()))
        os.killpg(frozen.process.pid, signal.SIGSTOP)
        try:
            pipe = client.pipeline(transaction=False)
            for name in names:
                pipe.get(name)
            with pytest.raises(TimeoutError):
                pipe.execute()
        finally:
            os.killpg(frozen.process.pid, signal.SIGCONT)
        redis_cluster.wait_complete()
        pipe = client.pipeline(transaction=False)
        for name in reversed(names):
            pipe.get(name)
        assert pipe.execute() == [b"%d" % number for number in reversed(range(20))]


def test_one_node_that_is_there_is_enough_to_begin_and_none_is_an_outage(redis_cluster, cluster):
    cluster.set("fleet:awake", 1)
    away = f"127.0.0.1:{free_port()}"
    with connect(SecretStr(redis_cluster.url.replace("://", f"://{away},"))) as client:
        assert client.get("fleet:awake") == b"1"
    with connect(SecretStr(f"redis+cluster://{away}")) as client:
        for _ in range(2):
            with pytest.raises(ConnectionError):
                client.get("fleet:awake")
        lab = StoreLab(client, clock=lambda: NOW)
        with pytest.raises(Transient):
            spread(lab).commit()
        with pytest.raises(Transient):
            lab.captures.get(REF)


def test_all_clients_ask_one_node_for_the_time(redis_cluster):
    def asked():
        return [primary.info("commandstats").get("cmdstat_time", {}).get("calls", 0) for primary in nodes]

    with Cluster(redis_cluster.url) as one, Cluster(redis_cluster.url) as other:
        nodes = one.primaries()
        before = asked()
        for client in (one, other) * 5:
            assert abs(client.time()[0] * 1000 - NOW) < 3_600_000
        assert sorted(now - then for now, then in zip(asked(), before, strict=True)) == [0, 0, 10]
