"""Chunks of two images of one name: what is left out, what is dropped, and what then counts as the size."""

from capture_lab import DELAY, NOW, REF, complete, describe, finish, metadata, put

NEW = b"new%d"


def at_once(store, chunks, now):
    """Let chunks arrive in one batch."""
    batch = store.batch()
    batch.chunks(REF, now, [item for pair in chunks.items() for item in pair])
    [outcome] = batch.commit()
    return outcome


def offered_anew(store, data):
    """Let an image be stored whose time is unknown, and then metadata come that fit it and any other."""
    finish(store, complete(store, time="", data=data))
    later = store.now() + DELAY
    assert describe(store, metadata(time=""), later).status == "waiting"
    return later


def test_a_late_chunk_among_those_of_the_next_image_is_left_out(store):
    later = offered_anew(store, b"x%d")
    assert at_once(store, {0: b"new0", 2: b"x2"}, later).status == "waiting"
    assert store.captures.chunks(REF) == {0: b"new0"}


def test_what_is_dropped_does_not_count_as_size(store):
    old = bytes(600) + b"x%d"  # a chunk is known by its end
    later = offered_anew(store, old)
    assert put(store, 1, 2, now=later, data=old).status == "waiting"
    assert put(store, 0, now=later, data=bytes(1000) + NEW).status == "waiting"
    assert store.captures.chunk_ids(REF) == {0}
    assert put(store, 1, now=later, data=bytes(1000) + NEW).status == "waiting"  # 2008 bytes of 2048
    assert put(store, 2, now=later, data=bytes(50) + NEW).status == "too_large"


def test_chunks_that_give_way_to_another_image_do_not_count_as_size(store):
    put(store, 0, 1, data=b"%d" + bytes(1000))
    assert put(store, 1, data=NEW + bytes(2000)).status == "waiting"
    assert store.captures.chunk_ids(REF) == {1}
    assert put(store, 0, data=NEW + bytes(30)).status == "waiting"
    assert put(store, 2, data=NEW + bytes(30)).status == "too_large"


def test_a_chunk_that_comes_again_counts_once_as_size(store):
    for _ in range(5):
        assert put(store, 0, data=b"%d" + bytes(1500), now=NOW).status == "waiting"
    assert put(store, 1, data=b"%d" + bytes(546), now=NOW).status == "waiting"
    assert put(store, 2, data=b"%d", now=NOW).status == "too_large"
