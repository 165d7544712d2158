"""What Redis has lost waits no longer, and what completes a capture counts nothing that is not there."""

from capture_lab import complete, describe, metadata, put

from core.store import keys


def test_what_is_gone_waits_no_longer(store, client):
    ref = complete(store)
    waiting, held = keys.waiting_key(keys.shard(ref.device_id)), keys.capture_keys(ref)[4]
    assert (client.zcard(waiting), client.zcard(held)) == (1, 1)
    client.delete(*keys.capture_keys(ref)[:2])
    assert store.captures.claim(ref, "worker") is None
    assert (client.zcard(waiting), client.zcard(held)) == (0, 0)


def test_metadata_that_completes_a_capture_finds_nothing_beyond_its_total(store):
    put(store, 0, 1, 2)
    outcome = describe(store, metadata())
    assert (outcome.status, outcome.out_of_range, outcome.superseded) == ("complete", 0, None)
