"""What the listener makes of messages before anything is stored."""

import base64
import json

from core.store.keys import ERRORS, LOG, CaptureRef
from core.wire import Limits
from listener import rate_limit
from listener.connection import Received
from listener.message_log import MessageLog
from listener.rate_limit import FORGOTTEN_AFTER, MINUTE_MS, RateLimit
from listener.receive import Receiver
from operate import metrics

PING = "ESP32CAM/fleet/ping"


class Recorder:
    """Stands for a batch and keeps what it is told, in order."""

    def __init__(self):
        self.operations = []

    def chunks(self, ref, now, pieces):
        self.operations.append(("chunks", str(ref), pieces))

    def metadata(self, metadata, now):
        self.operations.append(("metadata", f"{metadata.device_id}/{metadata.image_name}"))

    def append(self, stream, entries):
        self.operations.append((stream, entries))


def receiver(per_minute=20, log=None):
    return Receiver(Limits(4096, 10**6), RateLimit(per_minute), log or MessageLog(9_000))


def data(fields, device="AABB"):
    payload = json.dumps(fields).encode() if isinstance(fields, dict) else fields
    return Received(f"ESP32CAM/{device}/data", payload, 1, 1, 1)


def chunk(number, image="i.jpg", device="AABB", **more):
    payload = base64.b64encode(b"x%d" % number).decode()
    return data({"image_name": image, "chunk_id": number, "payload": payload, **more}, device)


METADATA = data({"image_name": "i.jpg", "total_chunk_count": 4, "image_size": 8})


def fill(messages, **options):
    batch = Recorder()
    hellos = receiver(**options).fill(batch, messages, MINUTE_MS)
    return batch.operations, hellos


def test_chunks_of_a_capture_go_together():
    operations, _ = fill([chunk(0), chunk(0, "j.jpg"), chunk(1), chunk(2, device="CCDD")])
    assert operations == [
        ("chunks", "AABB/i.jpg", [0, b"x0", 1, b"x1"]),
        ("chunks", "AABB/j.jpg", [0, b"x0"]),
        ("chunks", "CCDD/i.jpg", [2, b"x2"]),
    ]


def test_metadata_keeps_its_place_among_the_chunks():
    operations, _ = fill([chunk(0), METADATA, chunk(1)])
    assert operations == [
        ("chunks", "AABB/i.jpg", [0, b"x0"]),
        ("metadata", "AABB/i.jpg"),
        ("chunks", "AABB/i.jpg", [1, b"x1"]),
    ]


def test_a_bad_message_costs_one_record_and_stops_nothing():
    operations, _ = fill([data(b"{"), chunk(0), data({"image_name": "../x"})])
    assert operations[0][0] == "chunks"
    stream, records = operations[1]
    assert stream == ERRORS
    assert [record["error_code"] for record in records] == [2101, 2104]
    assert {record["device_id"] for record in records} == {"AABB"}


def test_errors_of_a_device_are_bounded():
    operations, _ = fill([data(b"{")] * 50 + [data(b"{", "CCDD")], per_minute=5)
    devices = [record["device_id"] for record in operations[0][1]]
    assert devices == ["AABB"] * 5 + ["CCDD"]


def test_the_bound_is_for_a_minute():
    limit = RateLimit(1)
    assert [limit.allows("A", now) for now in (0, 1, MINUTE_MS, MINUTE_MS + 1)] == [True, False, True, False]


def test_made_up_names_take_nothing_from_a_device_that_was_heard_before(monkeypatch):
    monkeypatch.setattr(rate_limit, "MAX_DEVICES", 4)
    limit, later = RateLimit(2), 2 * MINUTE_MS
    assert limit.allows("HONEST", MINUTE_MS)
    assert [limit.allows(f"MADEUP{number}", later) for number in range(10)].count(True) == 5, "3, and 2 share"
    assert not limit.allows("NEWCOMER", later)
    assert [limit.allows("HONEST", later) for _ in range(3)] == [True, True, False]


def test_a_name_that_was_not_heard_for_a_day_makes_room(monkeypatch):
    monkeypatch.setattr(rate_limit, "MAX_DEVICES", 4)
    limit, day = RateLimit(2), FORGOTTEN_AFTER * MINUTE_MS
    assert all(limit.allows(f"MADEUP{number}", 0) for number in range(4))
    assert limit.allows("MADEUP0", day // 2)
    for _ in range(2):
        limit.allows("one of many", day // 2)
    assert not limit.allows("NEWCOMER", day // 2)
    assert [limit.allows("NEWCOMER", day + MINUTE_MS) for _ in range(3)] == [True, True, False]
    assert set(limit._heard) == {"MADEUP0", "NEWCOMER"}


def test_a_wrong_device_id_is_noted_and_the_topic_believed():
    operations, _ = fill([chunk(0, device_id="EEFF")])
    assert operations[0] == ("chunks", "AABB/i.jpg", [0, b"x0"])
    assert operations[1][1][0]["error_code"] == 2107
    assert operations[1][1][0]["details"] == {"claimed": "EEFF"}


def test_a_hello_is_given_back():
    hello = Received("ESP32CAM/AABB/status", b'{"status": "Alive", "pendingImg": 3}', 1, 1, 1)
    operations, hellos = fill([hello, Received(PING, b"123", 2, 1, 1)])
    assert operations == []
    assert [(status.device_id, status.pending_count) for status in hellos] == [("AABB", 3)]


def test_the_log_sums_chunks_and_leaves_their_bytes_out():
    log, batch = MessageLog(9_000), Recorder()
    receiver(log=log).fill(batch, [METADATA, chunk(0), chunk(1), chunk(0, "j.jpg")], 5)
    batch.operations.clear()
    log.close(batch, 5)
    [(stream, entries)] = batch.operations
    assert stream == LOG
    first, second = (entry["payload"] for entry in entries)
    assert first["metadata"] == {"image_name": "i.jpg", "total_chunk_count": 4, "image_size": 8}
    assert (first["chunks"], first["bytes"]) == (2, 4)
    assert (second["image_name"], second["chunks"], second["bytes"]) == ("j.jpg", 1, 2)
    assert {(entry["topic"], entry["direction"]) for entry in entries} == {("ESP32CAM/AABB/data", "in")}


def test_a_ref_reads_itself_back():
    for ref in (CaptureRef("AABB", "i.jpg"), CaptureRef("AABB", "a b.jpg", "1f")):
        assert CaptureRef.parse(str(ref).encode()) == ref


def test_chunks_are_turned_away_and_all_else_is_taken():
    recorder, listener = Recorder(), receiver()
    before = turned_away()
    hellos = listener.fill(recorder, messages_of_all_kinds(), 0, chunks_too=False)
    assert [kind for kind, *_ in recorder.operations] == ["metadata"]
    assert [hello.device_id for hello in hellos] == ["AABB"]
    assert turned_away() == before + 2


def test_what_must_not_be_lost_is_picked_out():
    before = turned_away()
    messages = [*messages_of_all_kinds(), Received("ESP32CAM/AABB/data", b"{", 9, 1, 1)]
    hellos, metadata = receiver().pick(messages, 0)
    assert [hello.device_id for hello in hellos] == ["AABB"]
    assert [received.mid for received in metadata] == [1]
    assert turned_away() == before + 2


def turned_away():
    return metrics.TURNED_AWAY.labels("chunk")._value.get()


def messages_of_all_kinds():
    """Metadata, two chunks, a hello and a ping."""
    chunk = {"image_name": "a.jpg", "payload": base64.b64encode(b"x").decode()}
    kinds = [
        (
            "data",
            {"image_name": "a.jpg", "total_chunk_count": 2, "capture_timeStamp": "2025-10-04T12:34:56Z"},
        ),
        ("data", chunk | {"chunk_id": 0}),
        ("data", chunk | {"chunk_id": 1}),
        ("status", {"status": "Alive", "pendingImg": 0}),
        ("ping", {}),
    ]
    return [
        Received(f"ESP32CAM/AABB/{kind}", json.dumps(body).encode(), number, 1, 1)
        for number, (kind, body) in enumerate(kinds, 1)
    ]
