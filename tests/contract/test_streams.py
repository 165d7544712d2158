"""The streams: batches of entries that a reader can bound, in order, until they are deleted or dropped."""

import orjson
import pytest

from core.store.keys import ERRORS, LOG, STREAM_TTL_S
from core.store.streams import append_commands, error_entry, message_entry

BATCH_BYTES = 65_536


def all_entries(store, stream=LOG):
    return [entry for batch in store.streams.oldest(stream, 1_000) for entry in batch.entries]


def sizes(store):
    return [len(orjson.dumps(batch.entries)) for batch in store.streams.oldest(LOG, 1_000)]


@pytest.mark.parametrize("each", [10, 3_000, 40_000, 100_000])
def test_what_is_long_is_several_batches_of_a_bounded_size(store, each):
    entries = [{"n": number, "text": "x" * each} for number in range(30)]
    store.streams.append(LOG, entries)
    assert all_entries(store) == entries
    alone = len(orjson.dumps(entries[-1]))
    assert all(size <= BATCH_BYTES + 100 or size <= alone + 2 for size in sizes(store))
    # None is smaller than it must be.
    assert len(sizes(store)) == -(-30 // max(1, BATCH_BYTES // alone))


def test_nothing_more_is_kept_than_a_stream_may_hold(store):
    commands = append_commands(LOG, [{"n": 1}])
    [(name, stream, *bound, _, _, _), expire] = commands
    assert (name, stream, bound) == ("XADD", LOG, ["MAXLEN", "~", 10_000])
    assert expire == ("EXPIRE", LOG, STREAM_TTL_S)


def test_the_oldest_are_read_first_and_what_is_trimmed_is_the_oldest(store):
    for number in range(6):
        store.streams.append(ERRORS, [{"n": number}])
    assert [batch.entries[0]["n"] for batch in store.streams.oldest(ERRORS, 2)] == [0, 1]
    store.streams.trim(ERRORS, 3)
    assert [entry["n"] for entry in all_entries(store, ERRORS)] == [3, 4, 5]
    store.streams.delete(ERRORS, [batch.id for batch in store.streams.oldest(ERRORS, 2)])
    assert [entry["n"] for entry in all_entries(store, ERRORS)] == [5]


def test_an_entry_is_a_row_with_a_key_of_its_own():
    log = message_entry("AABB", "t", "in", {"x": 1}, 7)
    key = log.pop("key")
    assert log == {
        "device_id": "AABB",
        "topic": "t",
        "direction": "in",
        "payload": {"x": 1},
        "received_at_ms": 7,
    }
    error = error_entry("AABB", 2101, "m", {"x": 1}, 7)
    other = error.pop("key")
    assert error == {
        "device_id": "AABB",
        "error_code": 2101,
        "message": "m",
        "details": {"x": 1},
        "occurred_at_ms": 7,
    }
    assert len({key, other, error_entry("AABB", 2101, "m", {}, 7)["key"]}) == 3
    assert len(key) == len(other) == 16
