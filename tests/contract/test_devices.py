"""What Redis keeps of the exchange with a device: its hello until it is answered, its agenda, its last wake."""

from datetime import datetime

import pytest
from capture_lab import NOW

from core.store import keys
from core.store.devices import Hello, hello_commands
from core.wake import Wake
from core.wire import Status

WITHIN_MS = 5_000
STATUS = Status(
    "AABB",
    None,
    "Alive",
    2,
    ("a.jpg", "b.jpg"),
    "2.1",
    77,
    7,
    3920,
    81.5,
    -67,
    123_456,
    b'{"status":"Alive"}',
)


def say(store, status=STATUS, at=NOW):
    hello = Hello.of(status, at)
    for command in hello_commands(hello):
        store.redis.execute_command(*command)
    return hello


def test_a_hello_is_read_back_as_it_was_said(store):
    hello = say(store, STATUS._replace(claimed_id="CCDD"))
    assert (hello.device_id, hello.key) == ("AABB", f"AABB:{NOW}")
    [found] = store.devices.unanswered(NOW + WITHIN_MS, 10)
    assert found == hello._replace(status=STATUS)


def test_a_hello_without_an_answer_is_overdue_after_five_seconds_and_every_five_from_then(store):
    hello = say(store)
    assert store.devices.count_unanswered() == 1
    assert store.devices.unanswered(NOW + WITHIN_MS - 1, 10) == []
    assert store.devices.unanswered(NOW + WITHIN_MS, 10) == [hello]
    assert store.devices.unanswered(NOW + 2 * WITHIN_MS - 1, 10) == []
    assert store.devices.unanswered(NOW + 2 * WITHIN_MS, 10) == [hello]


def test_those_who_waited_longest_are_answered_first_and_no_more_than_wanted(store):
    hellos = [say(store, STATUS._replace(device_id=f"D{n}"), NOW + n) for n in range(5)]
    assert store.devices.unanswered(NOW + 2 * WITHIN_MS, 3) == hellos[:3]


def test_an_answer_ends_the_waiting_and_is_known_for_as_long_as_a_hello_may_cross_it(store, client):
    say(store)
    assert not store.devices.answered_just_now("AABB")
    assert not store.devices.any_awake()
    store.devices.answered("AABB")
    assert store.devices.count_unanswered() == 0
    assert store.devices.unanswered(NOW + 10 * WITHIN_MS, 10) == []
    assert store.devices.answered_just_now("AABB")
    assert 4_000 < client.pttl(keys.answered_key("AABB")) <= 5_000
    assert store.devices.any_awake()
    assert 11_000 < client.pttl(keys.AWAKE) <= 12_000


def test_a_hello_that_has_expired_is_waited_for_no_more(store, client):
    say(store)
    hour = 3_600
    assert hour - 20 < client.ttl(keys.hello_key("AABB")) <= hour
    assert hour - 20 < client.ttl(keys.UNANSWERED) <= hour
    client.delete(keys.hello_key("AABB"))
    assert store.devices.unanswered(NOW + WITHIN_MS, 10) == []
    assert store.devices.count_unanswered() == 0


def test_an_agenda_is_followed_in_order_and_replaced_as_a_whole(store, client):
    store.devices.plan("AABB", [{"n": 1}, {"n": 2}, {"n": 3}])
    assert 880 < client.ttl(keys.agenda_key("AABB")) <= 900
    assert store.devices.next_message("AABB") == {"n": 1}
    store.devices.plan("AABB", [{"n": 4}, {"n": 5}])
    assert [store.devices.next_message("AABB") for _ in range(3)] == [{"n": 4}, {"n": 5}, None]
    store.devices.plan("AABB", [{"n": 6}])
    store.devices.plan("AABB", [])
    assert store.devices.next_message("AABB") is None


@pytest.mark.parametrize(("zone", "kept"), [("Europe/Berlin", "Europe/Berlin"), (None, "UTC")])
def test_the_last_wake_is_remembered_for_a_month(store, client, zone, kept):
    assert store.devices.last_wake("AABB") == Wake(None, "UTC")
    wake = Wake(datetime.fromisoformat("2025-10-07T17:30:00+00:00"), kept)
    assert store.devices.remember_wake("AABB", "2025-10-07T17:30:00+00:00", zone) == wake
    assert store.devices.last_wake("AABB") == wake
    month = 30 * 24 * 3600
    assert month - 20 < client.ttl(keys.wake_key("AABB")) <= month


def test_without_a_schedule_the_last_wake_is_forgotten(store):
    store.devices.remember_wake("AABB", "2025-10-07T17:30:00+00:00", "UTC")
    assert store.devices.remember_wake("AABB", None, "Europe/Berlin") == Wake(None, "Europe/Berlin")
    assert store.devices.last_wake("AABB") == Wake(None, "UTC")
