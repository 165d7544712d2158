"""Any bytes on any topic: the listener goes on, acknowledges each message, and writes bounded records."""

import json
from random import Random

import pytest
from hostile_lab import listen
from hostile_messages import message

from core.store import keys

SHORT, LONG = 5_000, 120_000


@pytest.mark.timeout(900)
def test_no_message_stops_the_listener(database, seed, is_long):
    rng, number = Random(seed), LONG if is_long else SHORT
    batches = ([message(rng) for _ in range(200)] for _ in range(number // 200))
    line, tasks, errors = listen(database, batches, errors_per_minute=10**6, messages_per_minute=10**9)
    assert line.acknowledged == number, f"seed {seed}"
    assert errors
    for record in errors:
        assert 1000 <= record["error_code"] < 2200
        assert len(json.dumps(record)) < 1_500
        assert len(record["device_id"]) <= 32
    complete = [arguments[0] for name, *arguments in tasks if name == "store_capture"]
    assert complete, f"seed {seed}"
    for device_id, image_name, seal in complete:
        assert device_id.isalnum() and seal.isalnum()
        assert not set(image_name) & set("/\\\0") and not image_name.startswith(".")
    for key in database.scan_iter():
        assert database.ttl(key) > 0, f"{key} would stay for ever; seed {seed}"


def test_errors_are_bounded_for_each_device_and_in_all(database):
    bad = [(f"ESP32CAM/D{number % 50}/data", b"{") for number in range(5_000)]
    _, _, errors = listen(database, [bad], errors_per_minute=3)
    assert len(errors) == 50 * (3 + 1), "the last row of each says that there are more"
    database.delete(keys.ERRORS)
    many = [(f"ESP32CAM/E{number}/data", b"{") for number in range(5_000)]
    _, _, errors = listen(database, [many], errors_per_minute=3)
    assert len(errors) == 100 * 3
