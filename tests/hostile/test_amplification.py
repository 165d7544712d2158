"""A short message brings out no long or many ones."""

from hostile_lab import Enqueued, listen
from store_lab import StoreLab
from test_budgets import data

from core import wire
from core.clock import now_ms

MINUTE_S = 60
MESSAGES = 1_600


def test_metadata_that_claims_very_many_chunks_brings_out_few_and_short_requests(database):
    began = now_ms()
    metadata = [
        data("D1", {"image_name": f"{number}.jpg", "total_chunk_count": 16_384}) for number in range(MESSAGES)
    ]
    listen(database, [metadata[at : at + 200] for at in range(0, MESSAGES, 200)], lambda: began)
    store, sent = StoreLab(database), []
    for second in range(2 * MINUTE_S):
        now = began + 1_000 * second
        for ref in store.captures.due(now, 10_000):
            review = store.captures.review(ref, now, now)
            if review.action == "nack":
                sent.append(wire.nack(ref.device_id, ref.image_name, review.missing))
    assert 0 < len(sent) <= 3 * 32, "three for each capture in flight"
    assert sum(map(len, sent)) < 4 * sum(len(payload) for _, payload in metadata)
    assert max(map(len, sent)) < 4_000


def test_what_is_stored_is_acknowledged_again_once_for_each_silence(database):
    """A device that repeats itself a thousand times is told once."""
    clock, enqueued = [now_ms()], Enqueued()
    store = StoreLab(database, clock=lambda: clock[0])
    metadata = data(
        "D1", {"image_name": "i.jpg", "total_chunk_count": 1, "capture_timeStamp": "2025-10-04T12:34:56Z"}
    )
    chunk = data("D1", {"image_name": "i.jpg", "chunk_id": 0, "payload": "eA=="})

    def batches():
        yield [metadata, chunk]
        [(_, ref)] = enqueued.tasks
        store.captures.close(ref, "stored", acknowledged=True, tombstone_ttl_s=60)
        for _ in range(10):
            clock[0] += 100
            yield [metadata] * 100

    listen(database, batches(), lambda: clock[0], enqueued)
    assert [name for name, *_ in enqueued.tasks] == ["store_capture"]
    clock[0] += 10_000
    actions = [
        store.captures.review(ref, clock[0], clock[0]).action for ref in store.captures.due(clock[0], 10)
    ]
    assert actions == ["acknowledge"]
