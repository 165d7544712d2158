"""How long what is in Redis stays: everything that is touched lives on for its time, from then on."""

import pytest
from capture_lab import A_DAY, DELAY, NOW, REF, TIMEOUT, complete, describe, give_up, metadata, put

from core.store import keys
from core.store.keys import SEALED_TTL_S
from core.store.scripts import LEASE_MS

SEALED, OPEN = "sealed", "open"
SHA256 = "ab" * 32


def almost_gone(client):
    """Let every key be about to expire."""
    for key in client.scan_iter():
        client.expire(key, 50)


def lives(client, store):
    """The kinds of keys that live on, each with how long: as what is sealed, or as what is open."""
    terms = {SEALED_TTL_S: SEALED, store.settings.capture_ttl_s: OPEN}
    found = {}
    for key in client.scan_iter():
        stays = client.ttl(key)
        for term, name in terms.items():
            if term - 20 < stays <= term:
                found[key.decode().split(":")[2]] = name
    return found


def claimed(store, **fields):
    claim = store.captures.claim(complete(store), "worker")
    return store.captures.note(claim, sha256=SHA256, stored_bytes=6, **fields)


def test_an_open_capture_lives_on_with_each_message(store, client):
    describe(store, metadata())
    expected = {"capture": OPEN, "due": SEALED, "held": SEALED}
    assert lives(client, store) == expected
    put(store, 0)
    almost_gone(client)
    put(store, 1)
    assert lives(client, store) == {"capture": OPEN, "chunks": OPEN, "held": SEALED}


@pytest.mark.parametrize("chunks_first", [False, True])
def test_what_is_sealed_lives_on_until_it_can_be_stored(store, client, chunks_first):
    steps = [lambda: describe(store, metadata()), lambda: put(store, 0, 1, 2)]
    first, last = reversed(steps) if chunks_first else steps
    first()
    almost_gone(client)
    assert last().status == "complete"
    expected = {"capture": SEALED, "chunks": SEALED, "held": SEALED, "tombstone": SEALED, "waiting": SEALED}
    assert lives(client, store) == expected


def test_a_report_lives_on_until_it_can_be_stored(store, client):
    complete(store)
    almost_gone(client)
    describe(store, metadata(total=None, error="3"))
    expected = {"capture": SEALED, "held": SEALED, "report": SEALED, "waiting": SEALED}
    assert lives(client, store) == expected


def test_what_comes_back_lives_on(store, client):
    describe(store, metadata())
    put(store, 0)
    give_up(store)
    almost_gone(client)
    put(store, 1, now=NOW + TIMEOUT)
    assert lives(client, store) == {"capture": OPEN, "chunks": OPEN, "due": SEALED, "held": SEALED}


def test_a_claim_lets_what_waits_live_on(store, client):
    ref = complete(store)
    almost_gone(client)
    assert store.captures.claim(ref, "worker") is not None
    assert lives(client, store) == {"waiting": SEALED}


def test_an_image_that_is_asked_for_again_lives_on_and_its_broken_stream_is_remembered(store, client):
    claim = claimed(store, damage="zeros")
    almost_gone(client)
    assert store.captures.ask_again(claim)
    assert lives(client, store) == {"capture": OPEN, "due": SEALED, "held": SEALED, "tombstone": SEALED}


def test_what_has_timed_out_is_listed_as_long_as_it_lives(store, client):
    describe(store, metadata())
    give_up(store)
    store.captures.settle_timeout(REF)
    assert lives(client, store)["abandoned"] == OPEN
    assert store.captures.abandoned(10) == [REF]


def test_a_tombstone_stays_as_long_as_is_told(store, client):
    ref = complete(store)
    store.captures.close(ref, "stored", tombstone_ttl_s=A_DAY)
    assert A_DAY - 20 < client.ttl(keys.capture_keys(REF)[2]) <= A_DAY
    report = describe(store, metadata(total=None, error="3")).ref
    store.captures.close(report, "stored", tombstone_ttl_s=300)
    assert 280 < client.ttl(keys.report_key(REF)) <= 300
    assert A_DAY - 20 < client.ttl(keys.capture_keys(REF)[2]) <= A_DAY


def test_nothing_of_an_earlier_try_stays_with_an_image_that_is_asked_for_again(store, client):
    describe(store, metadata())
    give_up(store)
    ref = put(store, 0, 1, 2, now=NOW + 2 * TIMEOUT).ref
    store.captures.release(store.captures.claim(ref, "first"), 0)
    store.captures.enqueue(store.now() + A_DAY * 1000, None, 10)
    claim = store.captures.claim(ref, "second")
    claim = store.captures.note(claim, sha256=SHA256, stored_bytes=6, damage="zeros", width=1, recorded=1)
    assert store.captures.ask_again(claim)
    fields = {field.decode() for field in client.hkeys(keys.capture_keys(REF)[0])}
    kept = {"first_at", "last_at", "captured", "total", "metadata", "bytes"}
    story = {"described_at", "chunk_at", "last_id", "story"}
    assert fields == kept | story | {"damaged_sha256", "asked_again"}


@pytest.mark.parametrize(("last", "status"), [(b"%d", "complete"), (b"%d0", "too_large")])
def test_the_size_of_an_image_that_is_asked_for_again_is_counted_anew(store, last, status):
    assert store.captures.ask_again(claimed(store, damage="zeros"))
    now = store.now()
    assert store.captures.due(now + DELAY - 1_000, 10) == []
    put(store, 0, data=b"%d" + bytes(1023), now=now)
    put(store, 1, data=b"%d" + bytes(1022), now=now)
    assert put(store, 2, data=last, now=now).status == status  # 2048 bytes are allowed here


def test_a_capture_that_is_claimed_while_a_sweep_looks_is_looked_at_again_after_its_lease(store, client):
    ref = complete(store)
    claim = store.captures.claim(ref, "worker")
    client.zadd(keys.waiting_key(keys.shard(ref.device_id)), {str(ref): 0})
    now = store.now()
    assert store.captures.enqueue(now, None, 10) == []
    assert store.captures.enqueue(now + LEASE_MS + 1_000, None, 10) == [ref]
    assert store.captures.renew(claim)


def test_that_chunks_were_turned_away_is_known_for_a_day(store, client):
    assert store.listeners.turned_away_until() == 0
    store.listeners.turn_away(NOW)
    assert store.listeners.turned_away_until() == NOW
    assert A_DAY - 20 < client.ttl(keys.TURNED_AWAY) <= A_DAY
