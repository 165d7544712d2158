"""What a device may cause in a minute: everything that makes rows or takes memory has a budget, told once."""

import base64
import json

from hostile_lab import listen

from listener.receive import HELLOS_PER_MINUTE


def data(device, fields):
    return f"ESP32CAM/{device}/data", json.dumps(fields).encode()


def report(device, number):
    """An error report of 49 bytes makes a row in two tables."""
    return data(device, {"image_name": f"{number}", "error": 2})


def description(device, name, second):
    taken = f"2025-10-04T12:{second // 60:02}:{second % 60:02}Z"
    return data(device, {"image_name": name, "total_chunk_count": 2, "capture_timeStamp": taken})


def chunk(device, name, size=10):
    payload = base64.b64encode(b"x" * size).decode()
    return data(device, {"image_name": name, "chunk_id": 0, "payload": payload})


def hello(device):
    return f"ESP32CAM/{device}/status", json.dumps({"status": "Alive", "pendingImg": 0}).encode()


def in_tens(messages):
    """As a broker delivers them; a budget counts what an earlier batch has begun."""
    messages = list(messages)
    return [messages[begin : begin + 10] for begin in range(0, len(messages), 10)]


def of(errors, device):
    return [error["message"] for error in errors if error["device_id"] == device]


def stored(tasks, device):
    """What makes rows: pictures, reports, and pictures that were given up for another one."""
    return [ref for name, ref, *_ in tasks if name == "store_capture" and ref.device_id == device]


BUDGET = {"captures_per_minute": 30, "max_captures_per_device": 999}


def test_reports_without_end_fill_no_database(database):
    flood = in_tens(report("D1", number) for number in range(500))
    line, tasks, errors = listen(database, [*flood, [hello("D1")], [report("D2", 0)]], **BUDGET)
    assert 30 < len(stored(tasks, "D1")) <= 40, "the rest of the batch in which it went beyond"
    assert of(errors, "D1") == ["too many captures a minute"]
    assert [name for name, *_ in tasks].count("answer_hello") == 1
    assert len(stored(tasks, "D2")) == 1
    assert line.acknowledged == 502


def test_pictures_that_end_each_other_fill_no_database(database):
    flood = in_tens(description("D1", "i.jpg", second) for second in range(500))
    _, tasks, errors = listen(database, flood, **BUDGET)
    assert len(stored(tasks, "D1")) <= 40
    assert of(errors, "D1") == ["too many captures a minute"]


def test_pictures_that_never_come_fill_no_database(database):
    flood = in_tens(description("D1", f"{number}.jpg", 0) for number in range(500))
    _, _, errors = listen(database, flood, **BUDGET)
    assert len(list(database.scan_iter("*capture:D1/*"))) <= 40
    assert of(errors, "D1") == ["too many captures a minute"]


def test_hellos_without_end_are_answered_now_and_then(database):
    batches = [[hello("D1"), hello("D2")] * 50 for _ in range(20)]
    _, tasks, errors = listen(database, batches)
    answered = [said.device_id for name, said in tasks if name == "answer_hello"]
    assert answered.count("D1") == answered.count("D2") == HELLOS_PER_MINUTE // 50, "once for each batch"
    assert of(errors, "D1") == ["too many hellos a minute"]


def test_a_flood_is_dropped_unread_and_the_others_are_heard(database):
    flood = [chunk("D1", f"{number}.jpg") for number in range(500)]
    line, _, errors = listen(database, [[*flood, chunk("D2", "i.jpg")]], messages_per_minute=60)
    assert line.acknowledged == 501
    assert of(errors, "D1").count("too many messages a minute") == 1
    assert len(list(database.scan_iter("*capture:D2/*"))) == 1


def test_bytes_without_end_fill_no_redis(database):
    flood = [chunk("D1", f"{number // 10}.jpg", 50_000) for number in range(100)]
    _, _, errors = listen(database, [[*flood, chunk("D2", "i.jpg")]], bytes_per_minute=2**20)
    assert of(errors, "D1") == ["too many bytes a minute"]
    held = {key: database.memory_usage(key) for key in database.scan_iter("*chunks*")}
    assert sum(held.values()) < 2**20
    assert any(b"D2/" in key for key in held)


def test_what_is_wrong_with_messages_is_recorded_some_times_a_minute_and_the_last_row_says_so(database):
    bad = [("ESP32CAM/D1/data", b"{")] * 500
    _, _, errors = listen(database, [bad], errors_per_minute=3)
    assert of(errors, "D1") == [*["payload is not JSON"] * 3, "too many errors a minute"]


def test_made_up_topics_take_no_budget_from_a_device(database):
    made_up = [(f"ESP32CAM/..{number}/data", b"{}") for number in range(3_000)]
    line, _, errors = listen(database, [[*made_up, ("ESP32CAM/D1/data", b"{"), chunk("D1", "i.jpg")]])
    assert line.acknowledged == 3_002
    assert len(of(errors, "")) == 21
    assert of(errors, "D1") == ["payload is not JSON"]
    assert len(list(database.scan_iter("*capture:D1/*"))) == 1
