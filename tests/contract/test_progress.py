"""What the store tells of a capture: at first, and after stations have noted what they have done."""

from capture_lab import A_DAY, NOW, REF, complete, describe, metadata, put, review
from store_lab import StoreLab

from core.errors import ErrorCode
from core.store import keys
from core.store.capture import Progress
from core.store.scripts import LEASE_MS
from core.wire import Sensors, parse_time


def test_of_chunks_alone_little_is_known(store):
    put(store, 0)
    known = store.captures.get(REF)
    assert (known.state, known.first_at_ms, known.last_at_ms) == ("arriving", NOW, NOW)
    assert (known.total_chunks, known.image_bytes, known.device_time, known.error) == (None,) * 4
    assert (known.nacks, known.tries, known.asked_again, known.lease_until_ms) == (0, 0, 0, 0)
    assert (known.sensors, known.metadata, known.beside) == (Sensors(), b"{}", False)
    assert known.progress == Progress()
    assert known.progress.recorded == 0


def test_all_that_metadata_says_is_told(store):
    sensors = Sensors(-1.5, 0.0, 1013.25, 12.5)
    said = {"image_id": "7", "image_sha256": "a" * 64, "location": "roof", "firmware_version": "2.1"}
    describe(store, metadata(size=6, sensors=sensors, raw=b'{"x":"\xc3\xbc"}', **said))
    known = store.captures.get(REF)
    assert (known.image_bytes, known.total_chunks, known.sensors) == (6, 3, sensors)
    assert known.device_time == parse_time("2025-10-04T12:34:56Z")
    assert {name: getattr(known, name) for name in said} == said
    assert known.metadata == b'{"x":"\xc3\xbc"}'
    assert review(store, NOW + 3_000).action == "nack"
    assert store.captures.get(REF).nacks == 1


def test_what_a_station_notes_is_read_back_as_it_was(store):
    notes = {
        "sha256": "ab" * 32,
        "stored_bytes": 6,
        "damage": "zeros",
        "storage_path": "captures/x",
        "thumbnail_path": "thumbnails/x",
        "thumbnail_error": "none",
        "width": 640,
        "height": 480,
        "quarantine_path": "quarantine/x",
        "recorded": 1,
    }
    claim = store.captures.claim(complete(store), "worker")
    assert claim.capture.progress == Progress()
    noted = store.captures.note(claim, **notes)
    known = store.captures.get(claim.ref)
    assert noted.capture.progress == known.progress == Progress(**notes)
    assert known.lease_until_ms > store.now()


def test_a_claim_that_is_given_back_unused_is_no_try_and_no_end_of_what_went_before(store):
    ref = complete(store)
    store.captures.claim(ref, "died")
    later = StoreLab(store.redis, clock=lambda: store.now() + LEASE_MS + 1_000).captures
    assert later.claim(ref, "lost").attempts == 2
    later.unclaim(ref, "lost")
    claim = later.claim(ref, "next")
    assert (claim.attempts, claim.capture.tries) == (2, 0)


def test_one_that_has_failed_is_read_whatever_its_bytes(store):
    ref = complete(store, data=b"%d" + bytes(range(0xF8, 0x100)))
    store.captures.close(ref, "failed", tombstone_ttl_s=A_DAY, kept_for=ErrorCode.NOT_A_JPEG)
    known = store.captures.get(ref)
    assert (known.state, known.failed_code) == ("failed", 2203)


def test_an_end_without_an_ack_is_noted_as_such(store, client):
    store.captures.close(complete(store), "stored", tombstone_ttl_s=A_DAY)
    assert not client.hexists(keys.capture_keys(REF)[2], "acked_at")
