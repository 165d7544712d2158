"""What the listener writes to the message log: one row a capture, in bounded memory."""

import json

from hypothesis import given
from hypothesis import strategies as st

from core.store.streams import ROWS_PER_MINUTE
from core.wire import Metadata, Status, parse_time
from listener import message_log
from listener.message_log import MessageLog

QUIET_MS = 9_000
T0 = 1_760_000_000_000


class Recorder:
    """Stands for a batch and keeps the rows."""

    def __init__(self):
        self.rows = []

    def append(self, _stream, entries):
        self.rows += entries


def metadata(device="AABB", image="i.jpg", time="2025-10-04T12:00:00Z", total=49, **fields):
    raw = json.dumps({"image_name": image, "total_chunk_count": total, "capture_timeStamp": time}).encode()
    known = {"captured_at": parse_time(time), "total_chunks": total, "image_bytes": 49_000, "raw": raw}
    return Metadata(device, None, image, **known | fields)


def repeat(device="AABB", image="i.jpg"):
    return Metadata(device, None, image, raw=b'{"total_chunk_count":null}')


def flush(log, now):
    batch = Recorder()
    log.flush(batch, now)
    return batch.rows


def close(log, now=T0 + 10**7):
    batch = Recorder()
    log.close(batch, now)
    return batch.rows


def test_a_capture_of_a_real_device_is_one_row():
    log, rows = MessageLog(QUIET_MS), []
    log.metadata(metadata(), T0)
    for number in range(49):
        now = T0 + 100 + 600 * number + (3_000 if number > 30 else 0)
        log.chunks("AABB", "i.jpg", 1, 1000, now)
        log.metadata(repeat(), now + 10)
        rows += flush(log, now + 20)
    for number in range(10):
        log.metadata(repeat(), T0 + 34_000 + number)
    rows += flush(log, T0 + 34_009 + QUIET_MS - 1)
    assert rows == []
    [row] = flush(log, T0 + 34_009 + QUIET_MS)
    assert flush(log, T0 + 10**9) == []
    assert (row["device_id"], row["topic"], row["direction"]) == ("AABB", "ESP32CAM/AABB/data", "in")
    assert row["received_at_ms"] == T0
    assert row["payload"] == {
        "image_name": "i.jpg",
        "metadata": json.loads(metadata().raw),
        "metadata_count": 1,
        "repeats": 59,
        "chunks": 49,
        "bytes": 49_000,
        "metadata_ms": 0,
        "first_chunk_ms": 100,
        "last_chunk_ms": 100 + 600 * 48 + 3_000,
        "longest_gap_ms": 3_600,
        "last_ms": 34_009,
    }


def test_a_hello_is_written_at_once():
    log = MessageLog(QUIET_MS)
    log.hello(Status("AABB", None, "Alive", raw=b'{"status":"Alive"}'), T0)
    [row] = flush(log, T0)
    assert (row["topic"], row["payload"]) == ("ESP32CAM/AABB/status", {"status": "Alive"})


def test_another_picture_under_the_name_is_a_row_of_its_own():
    log = MessageLog(QUIET_MS)
    for time in ("2025-10-04T12:00:00Z", "2025-10-04T12:00:00Z", "2025-10-04T13:00:00Z"):
        log.metadata(metadata(time=time), T0)
        log.chunks("AABB", "i.jpg", 2, 20, T0)
    first, second = close(log)
    assert (first["payload"]["metadata_count"], first["payload"]["chunks"]) == (2, 4)
    assert (second["payload"]["metadata_count"], second["payload"]["chunks"]) == (1, 2)
    assert second["payload"]["metadata"]["capture_timeStamp"] == "2025-10-04T13:00:00Z"


def test_chunks_before_their_metadata_are_in_its_row():
    log = MessageLog(QUIET_MS)
    log.chunks("AABB", "i.jpg", 3, 30, T0)
    log.metadata(metadata(), T0 + 5)
    [row] = close(log)
    assert (row["payload"]["chunks"], row["payload"]["metadata_ms"]) == (3, 5)


def test_what_a_listener_has_not_written_it_writes_when_it_stops():
    log = MessageLog(QUIET_MS)
    log.chunks("AABB", "i.jpg", 3, 30, T0)
    log.chunks("CCDD", "j.jpg", 1, 10, T0)
    assert {row["device_id"] for row in close(log)} == {"AABB", "CCDD"}
    assert close(log) == []


def test_a_capture_that_never_ends_is_written_now_and_then():
    log, rows = MessageLog(QUIET_MS), []
    for second in range(0, 900, 2):
        log.metadata(repeat(), T0 + second * 1000)
        rows += flush(log, T0 + second * 1000)
    assert len(rows) == 2
    assert sum(row["payload"]["repeats"] for row in rows + close(log)) == 450


def messages(rows):
    """How many messages the rows speak of."""
    counts = [
        row["payload"].get("left_out", 0)
        + row["payload"].get("chunks", 0)
        + row["payload"].get("metadata_count", 0)
        + row["payload"].get("repeats", 0)
        + ("status" in row["payload"])
        for row in rows
    ]
    return sum(counts)


def test_twenty_thousand_names_of_one_device_are_not_twenty_thousand_rows():
    log, rows = MessageLog(QUIET_MS), []
    log.metadata(metadata("HONEST"), T0)
    for number in range(20_000):
        log.chunks("FLOOD", f"image_{number}.jpg", 1, 10, T0 + number // 20)
    for second in range(120):
        rows += flush(log, T0 + second * 1000)
    rows += close(log)
    assert len([row for row in rows if row["device_id"] == "FLOOD"]) <= 2 * ROWS_PER_MINUTE
    assert [row["payload"]["metadata_count"] for row in rows if row["device_id"] == "HONEST"] == [1]
    [summary, *_] = [row for row in rows if "left_out" in row["payload"]]
    assert summary["payload"]["devices"] == ["FLOOD"]
    assert messages(rows) == 20_001


def test_twenty_thousand_devices_are_written_a_bounded_number_at_a_time():
    log, rows, most = MessageLog(QUIET_MS), [], 0
    for number in range(20_000):
        log.chunks(f"D{number}", "i.jpg", 1, 10, T0 + number // 20)
    for second in range(60):
        some = flush(log, T0 + second * 1000)
        most = max(most, len(some))
        rows += some
    rows += close(log)
    assert most <= message_log.MAX_ROWS + 1
    assert len([row for row in rows if row["device_id"]]) == message_log.MAX_CAPTURES
    assert messages(rows) == 20_000


def test_hellos_beyond_the_bound_are_counted():
    log = MessageLog(QUIET_MS)
    for number in range(message_log.MAX_ROWS + 500):
        log.hello(Status(f"D{number}", None, "Alive", raw=b'{"status":"Alive"}'), T0)
    rows = flush(log, T0)
    assert len(rows) == message_log.MAX_ROWS + 1
    assert rows[-1]["payload"]["left_out"] == 500
    assert len(rows[-1]["payload"]["devices"]) == message_log.DEVICES_NAMED
    assert rows[-1]["device_id"] is None


def test_one_minute_has_one_summary():
    log, rows = MessageLog(QUIET_MS), []
    for second in range(120):
        for number in range(50):
            log.chunks("FLOOD", f"{second}_{number}", 1, 10, T0 + second * 1000)
        rows += flush(log, T0 + second * 1000)
    assert 2 <= len([row for row in rows if "left_out" in row["payload"]]) <= 3
    assert messages(rows + close(log)) == 6_000


def test_metadata_that_fills_the_memory_is_left_out_until_there_is_room():
    log = MessageLog(QUIET_MS)
    raw = json.dumps({"location": "x" * 8_000}).encode()
    fit = message_log.MAX_BYTES // len(raw)
    for now in (T0, T0 + 86_400_000):
        for number in range(fit + 10):
            log.metadata(metadata(f"D{number}", raw=raw), now)
        rows = flush(log, now + QUIET_MS)
        kept = [row for row in rows if row["payload"]["metadata"] == json.loads(raw)]
        assert (len(kept), len(rows)) == (fit, fit + 10)
        assert rows[-1]["payload"]["metadata"] == {"omitted_bytes": len(raw)}


def test_every_kind_of_message_beyond_the_bounds_is_counted():
    log = MessageLog(QUIET_MS)
    for number in range(message_log.MAX_CAPTURES):
        log.chunks(f"D{number}", "i.jpg", 1, 10, T0)
    log.metadata(metadata("LATE"), T0)
    log.metadata(repeat("LATE"), T0)
    log.chunks("LATE", "i.jpg", 5, 50, T0)
    assert [row["payload"] for row in flush(log, T0)] == [{"left_out": 7, "devices": ["LATE"]}]


def test_the_messages_of_a_capture_beyond_the_bounds_are_all_counted():
    log, rows = MessageLog(QUIET_MS), []
    for number in range(100):
        log.metadata(metadata(image=f"{number}.jpg"), T0)
        log.metadata(repeat(image=f"{number}.jpg"), T0)
        log.chunks("AABB", f"{number}.jpg", 3, 30, T0)
    rows = close(log, T0)
    assert messages(rows) == 500


events = st.lists(
    st.tuples(
        st.sampled_from(["chunks", "metadata", "other metadata", "repeat", "hello", "flush"]),
        st.sampled_from(["A", "B"]),
        st.sampled_from(["1.jpg", "2.jpg"]),
        st.integers(0, 12_000),
    ),
    max_size=60,
)


@given(events)
def test_no_message_is_counted_twice_or_forgotten(story):
    log, rows, now, sent = MessageLog(QUIET_MS), [], T0, 0
    for what, device, image, pause in story:
        now += pause
        sent += what != "flush"
        match what:
            case "chunks":
                log.chunks(device, image, 3, 30, now)
                sent += 2
            case "metadata":
                log.metadata(metadata(device, image), now)
            case "other metadata":
                log.metadata(metadata(device, image, total=50), now)
            case "repeat":
                log.metadata(repeat(device, image), now)
            case "hello":
                log.hello(Status(device, None, "Alive", raw=b'{"status":"Alive"}'), now)
            case _:
                rows += flush(log, now)
    rows += close(log)
    assert messages(rows) == sent


def test_a_listener_that_stops_leaves_out_nothing():
    log = MessageLog(QUIET_MS)
    for number in range(2 * message_log.MAX_ROWS):
        log.chunks(f"D{number}", "i.jpg", 1, 10, T0)
    rows = close(log)
    assert len(rows) == 2 * message_log.MAX_ROWS


def test_the_bounds_are_those_of_the_docs():
    """docs/reliability.md, Bounds."""
    log, rows = MessageLog(QUIET_MS), []
    minute = T0 - T0 % 60_000 + 60_000
    for number in range(33):
        assert flush(log, minute) == []
        log.chunks("FLOOD", f"{number}.jpg", 1, 10, minute)
    assert len(flush(log, minute)) == 1  # of 32 captures of a device, the first ends where the 33rd begins
    for number in range(33, 500):
        log.chunks("FLOOD", f"{number}.jpg", 1, 10, minute)
        rows += flush(log, minute)
    assert len([row for row in rows if row["device_id"]]) == 119  # and one above
    for number in range(3_000):
        log.hello(Status(f"D{number}", None, "Alive", raw=b'{"status":"Alive"}'), minute)
    assert len([row for row in flush(log, minute) if row["device_id"]]) == 2_000
    assert message_log.MAX_BYTES == 4 * 1024 * 1024


def test_ends_make_room_for_other_captures():
    log, rows = MessageLog(QUIET_MS), []
    for day in range(3):
        now = T0 + day * 86_400_000
        for number in range(10_001):
            log.chunks(f"D{number}", "i.jpg", 1, 10, now)
        rows = [row for second in range(10) for row in flush(log, now + QUIET_MS + second * 1000)]
        assert len([row for row in rows if row["device_id"]]) == 10_000
    assert close(log) == []


def test_a_capture_that_lasts_five_minutes_is_written():
    log = MessageLog(QUIET_MS)
    for second in range(300):
        log.metadata(repeat(), T0 + second * 1000)
    assert flush(log, T0 + 299_999) == []
    [row] = flush(log, T0 + 300_000)
    assert row["payload"] == {
        "image_name": "i.jpg",
        "metadata_count": 0,
        "repeats": 300,
        "chunks": 0,
        "bytes": 0,
        "last_ms": 299_000,
    }


def test_chunks_that_came_at_once_have_no_gap():
    log = MessageLog(QUIET_MS)
    log.metadata(repeat(), T0)
    log.chunks("AABB", "i.jpg", 49, 49_000, T0 + 7)
    [row] = close(log)
    assert row["payload"]["longest_gap_ms"] == 0
    assert (row["payload"]["first_chunk_ms"], row["payload"]["last_chunk_ms"]) == (7, 7)
