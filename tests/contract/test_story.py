"""What Redis notes of how a capture comes, for its story."""

from capture_lab import A_DAY, DELAY, NOW, REF, complete, describe, give_up, metadata, next_look, put, review

from core.store import scripts
from core.store.story import parse

A_GAP = scripts.GAP_MS


def heard(store, ref=REF):
    return store.captures.get(ref).heard


def test_a_clean_capture_tells_when_its_messages_came(store):
    describe(store, metadata(total=3), NOW)
    put(store, 0, now=NOW + 400)
    put(store, 1, now=NOW + 900)
    ref = put(store, 2, now=NOW + 1_500).ref
    assert heard(store, ref) == {"at": NOW, "metadata": 0, "chunks": [400, 1_500]}


def test_metadata_may_come_after_chunks_and_its_repeats_change_nothing(store):
    put(store, 0, now=NOW)
    describe(store, metadata(total=3), NOW + 70)
    describe(store, metadata(total=3), NOW + 900)
    assert heard(store) == {"at": NOW, "metadata": 70, "chunks": [0, 0]}


def test_a_gap_tells_between_which_chunks_it_was(store):
    describe(store, metadata(total=9), NOW)
    put(store, 0, 1, 2, now=NOW + 100)
    put(store, 6, 7, now=NOW + 100 + A_GAP)
    put(store, 8, now=NOW + 100 + 2 * A_GAP - 1)
    assert heard(store)["gaps"] == [[100, A_GAP, 2, 6]]


def test_the_longest_gaps_stay_and_no_more_than_some(store):
    describe(store, metadata(total=100), NOW)
    at, lengths = NOW, []
    for number in range(scripts.GAPS + 4):
        put(store, number, now=at)
        lengths.append(A_GAP + (number * 7) % 5 * 100)
        at += lengths[-1]
    put(store, 50, now=at)
    kept = [gap[1] for gap in heard(store)["gaps"]]
    assert sorted(kept) == sorted(lengths)[-scripts.GAPS :]
    assert [gap[0] for gap in heard(store)["gaps"]] == sorted(gap[0] for gap in heard(store)["gaps"])


def test_a_nack_tells_what_it_named_and_when_it_was_answered(store):
    describe(store, metadata(total=12), NOW)
    put(store, 0, 1, 5, 7, 8, now=NOW)
    found = review(store, NOW + DELAY)
    assert found.missing == [2, 3, 4, 6, 9, 10, 11]
    put(store, *found.missing[:3], now=NOW + DELAY + 600)
    ref = put(store, *found.missing[3:], now=NOW + DELAY + 700).ref
    told = heard(store, ref)
    assert told["events"] == [[DELAY, "asked", 7, 7, "2-4+6+9-11"], [DELAY + 600, "answered"]]
    assert "gaps" not in told


def test_of_many_ranges_a_nack_tells_the_first(store):
    describe(store, metadata(total=100), NOW)
    put(store, *range(0, 100, 2), now=NOW)
    review(store, NOW + DELAY)
    assert heard(store)["events"] == [[DELAY, "asked", 50, 50, "1+3+5+7+9+11+more"]]


def test_duplicates_are_counted(store):
    describe(store, metadata(total=5), NOW)
    put(store, 0, 1, 1, now=NOW)
    put(store, 0, 2, now=NOW)
    assert heard(store)["duplicates"] == 2


def test_a_capture_that_goes_on_after_it_timed_out_tells_both(store):
    describe(store, metadata(total=3), NOW)
    put(store, 0, now=NOW)
    end = give_up(store)
    store.captures.settle_timeout(REF)
    put(store, 1, now=end + 3_600_000)
    events = [event[:2] for event in heard(store)["events"]]
    assert events[-2:] == [[end - NOW, "timed_out"], [end - NOW + 3_600_000, "resumed"]]
    # That the device slept is no gap of the link.
    assert "gaps" not in heard(store)


def test_what_a_device_does_between_its_metadata_and_the_rest_of_a_picture_is_no_gap(store):
    """As before the first chunks: it wakes, offers the picture again, and begins to send it a moment later."""
    describe(store, metadata(total=3), NOW)
    put(store, 0, now=NOW)
    later = give_up(store) + 3_600_000
    store.captures.settle_timeout(REF)
    describe(store, metadata(total=3), later)
    put(store, 1, now=later + A_GAP)
    told = heard(store)
    assert told["events"][-1] == [later - NOW, "resumed"]
    assert "gaps" not in told
    ref = put(store, 2, now=later + 3 * A_GAP).ref
    assert heard(store, ref)["gaps"] == [[later + A_GAP - NOW, 2 * A_GAP, 1, 2]]


def test_a_try_that_failed_tells_at_which_station(store):
    ref = complete(store)
    store.captures.release(store.captures.claim(ref, "one"), 0, tried=True, station="upload")
    claim = store.captures.claim(ref, "two")
    [[_, what, station]] = claim.capture.heard["events"]
    assert (what, station, claim.capture.heard["tries"]) == ("failed", "upload", 1)


def test_an_image_that_is_asked_for_anew_tells_that(store):
    claim = store.captures.claim(complete(store), "worker")
    claim = store.captures.note(claim, sha256="ab" * 32, stations=f"{NOW},{NOW},{NOW}", recorded=1)
    assert store.captures.ask_again(claim)
    assert [event[1] for event in heard(store)["events"]] == ["sent_again"]
    assert "stations" not in store.captures.get(REF).story
    assert next_look(store) > NOW


def test_stations_end_with_the_capture(store):
    ref = complete(store)
    began = store.captures.get(ref).first_at_ms
    claim = store.captures.claim(ref, "worker")
    claim = store.captures.note(claim, stations=f"{began + 5},{began + 9},{began + 50}")
    assert claim.capture.story["stations"] == [5, 9, 50]
    assert store.captures.get(ref).story["stations"] == [5, 9, 50]


def test_what_came_to_pass_is_bounded(store, client):
    describe(store, metadata(total=3), NOW)
    at = NOW
    for _ in range(100):
        put(store, 0, now=at)
        give_up(store)
        store.captures.settle_timeout(REF)
        at += 86_400_000
    [key] = client.keys("*:capture:AABB/i.jpg")
    assert len(client.hget(key, "story")) <= scripts.STORY_BYTES
    assert heard(store)["events"][0][1] == "asked"


def test_a_capture_of_the_version_before_has_a_short_story(store, client):
    assert parse({"first_at": "5", "last_at": "9"}) == {"at": 5}
    describe(store, metadata(total=3), NOW)
    put(store, 0, now=NOW)
    [key] = client.keys("*:capture:AABB/i.jpg")
    client.hdel(key, "described_at", "chunk_at", "last_id")
    put(store, 2, now=NOW + 2 * A_GAP)
    assert heard(store) == {"at": NOW}


def store_row(store, row, *, acknowledged=True):
    """Store a capture whose row has an id."""
    claim = store.captures.claim(complete(store, name=f"{row}.jpg"), "worker")
    store.captures.note(claim, recorded=1, capture_id=row)
    assert store.captures.may_acknowledge(claim.ref)
    store.captures.close(claim.ref, "stored", acknowledged=acknowledged, tombstone_ttl_s=A_DAY)
    return claim.ref


def test_an_ack_waits_for_the_next_hello(store):
    before = store.now()
    store_row(store, "one")
    store_row(store, "two", acknowledged=False)
    assert store.devices.acks("AABB", before) == []
    [ack] = store.devices.acks("AABB", store.now() + 1)
    assert (ack["capture_id"], ack["times"]) == ("one", 1)
    assert before <= ack["at_ms"] <= store.now()
    store.devices.forget_acks("AABB", [ack])
    assert store.devices.acks("AABB", store.now() + 1) == []


def test_an_ack_that_is_repeated_is_one_that_was_sent_more_often(store):
    ref = store_row(store, "one")
    for times in (2, 3):
        assert store.captures.may_acknowledge(ref._replace(seal=""))
        [ack] = store.devices.acks("AABB", store.now() + 1)
        assert (ack["capture_id"], ack["times"]) == ("one", times)
    store.devices.forget_acks("AABB", [ack])
    assert store.captures.may_acknowledge(ref._replace(seal=""))
    assert store.devices.acks("AABB", store.now() + 1)[0]["times"] == 4


def test_acks_of_a_device_that_says_no_hello_are_bounded(store, client):
    for number in range(scripts.ACKS + 5):
        store_row(store, f"r{number}")
    assert len(store.devices.acks("AABB", store.now() + 1)) == 5
    assert client.ttl(client.keys("*:acked:AABB")[0]) > 0
