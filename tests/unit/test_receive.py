"""What the listener makes of messages before anything is stored."""

import base64
import json

from core.rate_limit import MINUTE_MS
from core.settings import IntakeSettings
from core.store.keys import ERRORS, LOG, CaptureRef
from listener.buttons import IN_ALL, PER_COMPANY, PER_DEVICE, Buttons
from listener.connection import Received
from listener.error_log import ErrorLog
from listener.message_log import MessageLog
from listener.receive import HELLOS_PER_MINUTE, Receiver
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


def receiver(errors_per_minute=20, log=None, **settings):
    settings = IntakeSettings(max_chunk_bytes=4096, max_image_bytes=10**6, **settings)
    return Receiver(settings, ErrorLog(errors_per_minute), log or MessageLog(9_000), Buttons())


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


def test_errors_of_a_device_are_bounded_and_that_is_told():
    operations, _ = fill([data(b"{")] * 50 + [data(b"{", "CCDD")], errors_per_minute=5)
    told = [(record["device_id"], record["message"]) for record in operations[0][1]]
    wrong = "payload is not JSON"
    assert told == [*[("AABB", wrong)] * 5, ("AABB", "too many errors a minute"), ("CCDD", wrong)]


def told(messages, **settings):
    operations, hellos = fill(messages, **settings)
    errors = [record["message"] for stream, *rows in operations if stream == ERRORS for record in rows[0]]
    return errors, [operation for operation in operations if operation[0] != ERRORS], hellos


def test_what_is_beyond_a_budget_is_told_once():
    hello = Received("ESP32CAM/AABB/status", b'{"status": "Alive"}', 1, 1, 1)
    errors, operations, hellos = told([hello] * 2 * HELLOS_PER_MINUTE)
    assert (errors, len(hellos), operations) == (["too many hellos a minute"], 1, [])
    errors, operations, _ = told([METADATA] * 100, messages_per_minute=60)
    assert (errors, len(operations)) == (["too many messages a minute"], 60)


def test_the_bytes_of_a_device_are_bounded():
    large = [chunk(0, f"{number}.jpg", padding="x" * 20_000) for number in range(100)]
    errors, operations, _ = told([*large, chunk(0, "b.jpg", "CCDD")], bytes_per_minute=2**20)
    assert errors == ["too many bytes a minute"]
    assert sum(operation[1].startswith("AABB/") for operation in operations) == 2**20 // 20_100
    assert operations[-1][1] == "CCDD/b.jpg"


def test_a_topic_of_no_device_takes_no_budget():
    strange = [Received(f"ESP32CAM/a b{number}/data", b"{}", 1, 1, 1) for number in range(100)]
    listener, recorder = receiver(), Recorder()
    listener.fill(recorder, strange, MINUTE_MS)
    [(_, rows)] = recorder.operations
    assert {row["device_id"] for row in rows} == {""}
    assert len(rows) == 21
    assert not listener._messages._heard


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


BUTTON = "fleet/07177056-8b2b-4942-8da0-17a1290e482b/A/capture"


def test_a_press_of_home_assistants_button_is_taken_and_nothing_else_there():
    buttons, errors = Buttons(), ErrorLog(100)
    receiver = Receiver(IntakeSettings(), errors, MessageLog(9_000), buttons)
    said = [
        (BUTTON, b"PRESS"),
        (BUTTON, b"PRESS"),
        (BUTTON, b""),
        (BUTTON, b"PRESS" * 10**6),
        (BUTTON, b"\xff"),
    ]
    said += [
        ("fleet/x/A/capture", b"PRESS"),
        (BUTTON.replace("capture", "state"), b"PRESS"),
        ("fleet/", b"PRESS"),
    ]
    arrived = [Received(topic, payload, 1, 1, 1) for topic, payload in said]
    assert receiver.fill(Recorder(), arrived, 0) == []
    assert [button.device_id for button in buttons.pressed()] == ["A"]
    assert buttons.pressed() == []
    assert errors.take() == []


def test_presses_are_bounded_by_device_by_company_and_in_all():
    buttons = Buttons()
    pressed = 0
    for _ in range(20):
        assert buttons.take(BUTTON, b"PRESS", 0)
        pressed += len(buttons.pressed())
    assert pressed == PER_DEVICE

    def press(company, device, now):
        buttons.take(f"fleet/{company:08x}{BUTTON[14:42]}/{device}/capture", b"PRESS", now)

    for device in range(2 * PER_COMPANY):
        press(1, f"B{device}", MINUTE_MS)
    assert len(buttons.pressed()) == PER_COMPANY
    for device in range(PER_COMPANY):
        for company in range(2, 10):
            press(company, f"C{device}", MINUTE_MS)
    assert len(buttons.pressed()) == IN_ALL - PER_COMPANY
