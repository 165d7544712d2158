"""A hello and its answer: from the database, from memory, and what follows after each ACK."""

import functools
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from arrivals import Enqueued, arrive, photo, run
from store_lab import batch_on

from core.clock import now_ms, to_datetime
from core.errors import Transient
from core.store.devices import Hello
from core.store.store import open_store
from core.wake import clock_time
from tasks import agenda, app, pipeline
from tasks import hello as hello_module
from tasks.hello import answer_hello, record_hello
from tasks.sweep import sweep_once
from tasks.tell import acknowledge_again, deliver_commands


@pytest.fixture(autouse=True)
def empty(resources):
    resources.store.redis.flushdb()


def hello(device, *, pending=(), key="1", at=None):
    return {
        "device_id": device,
        "status": "Alive",
        "pending_count": len(pending),
        "pending_list": list(pending),
        "firmware_version": None,
        "battery_mv": 3920,
        "raw": {"status": "Alive"},
        "received_at_ms": at or now_ms(),
        "message_key": f"{device}:{key}",
    }


def table(database, name, device):
    return database.table(name).select("*").eq("device_id", device).execute().data


def schedule(database, device, **config):
    database.table("devices").upsert({"device_id": device}).execute()
    database.table("device_configs").insert({"device_id": device, "wake_spread_s": 0, **config}).execute()


def queue(database, device, kind, **payload):
    [row] = (
        database.table("device_commands")
        .insert({"device_id": device, "type": kind, "payload": payload})
        .execute()
        .data
    )
    return row["command_id"]


def fate(database, command):
    [row] = database.table("device_commands").select("status").eq("command_id", command).execute().data
    return row["status"]


def test_a_new_device_is_asked_for_a_picture(database, device, ear, resources):
    answer_hello.run(hello(device))
    assert ear.next() == (f"ESP32CAM/{device}/cmd", {"device_id": device, "capture_image": True})
    [row] = table(database, "device_status", device)
    assert (row["status"], row["battery_mv"]) == ("Alive", 3920)


def test_a_hello_twice_is_one_row_and_one_question(database, device, ear, resources):
    answer_hello.run(hello(device, key="1"))
    answer_hello.run(hello(device, key="2"))  # said again within seconds: it has crossed with the answer
    assert ear.next()[1]["capture_image"]
    assert ear.messages.empty()
    assert len(table(database, "device_status", device)) == 2


def test_the_images_it_holds_are_asked_for_one_after_the_other(database, device, ear, resources):
    schedule(database, device, captures_per_day=1)
    answer_hello.run(hello(device, pending=["old_1.jpg", "old_2.jpg"]))
    assert ear.next()[1]["send_image"] == "old_1.jpg"
    run(resources, arrive(resources, device, photo(0), "old_1.jpg", time="2025-10-01T10:00:00Z"))
    topic, ack = ear.next()
    assert topic.endswith("/ack")
    assert ack["ACK_OK"]["next_wake_time"]
    assert ear.next()[1]["send_image"] == "old_2.jpg"
    run(resources, arrive(resources, device, photo(1), "old_2.jpg", time="2025-10-02T10:00:00Z"))
    assert ear.next()[1]["image_name"] == "old_2.jpg"
    assert ear.next()[1]["capture_image"]
    assert ear.messages.empty()


def test_with_nothing_to_do_it_is_told_when_to_wake(database, device, ear, resources):
    schedule(database, device, captures_per_day=1)
    answer_hello.run(hello(device))
    assert ear.next()[1]["capture_image"]
    run(resources, arrive(resources, device, photo(), time=f"{to_datetime(now_ms()):%Y-%m-%dT%H:%M:%SZ}"))
    assert ear.next()[1]["ACK_OK"]["next_wake_time"].endswith(("AM", "PM"))
    resources.store.redis.delete(*resources.store.redis.keys("*answered*"))
    answer_hello.run(hello(device, key="2"))
    wake = datetime.fromisoformat(ear.next()[1]["next_wake"])
    assert timedelta() < wake - datetime.now(UTC) <= timedelta(days=1)


def test_commands_come_first_and_are_seen_to_be_done(database, device, ear, resources):
    database.table("devices").upsert({"device_id": device}).execute()
    custom = queue(database, device, "custom", led="on")
    capture = queue(database, device, "capture_image")
    answer_hello.run(hello(device, pending=["old.jpg"]))
    assert ear.next()[1] == {"led": "on"}
    assert ear.next()[1] == {"device_id": device, "capture_image": True}
    assert [fate(database, command) for command in (custom, capture)] == ["sent", "sent"]
    run(resources, arrive(resources, device, photo(), time=f"{to_datetime(now_ms()):%Y-%m-%dT%H:%M:%SZ}"))
    assert fate(database, capture) == "done"
    assert "ACK_OK" in ear.next()[1]
    assert ear.next()[1]["send_image"] == "old.jpg"


def test_a_commanded_wake_is_told_last(database, device, ear, resources):
    schedule(database, device, captures_per_day=1)
    wake = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    queue(database, device, "next_wake", next_wake=wake.isoformat())
    answer_hello.run(hello(device))
    assert ear.next()[1]["capture_image"]
    run(resources, arrive(resources, device, photo()))
    assert "ACK_OK" in ear.next()[1]
    assert datetime.fromisoformat(ear.next()[1]["next_wake"]) == wake


def test_a_command_reaches_a_device_that_is_awake(database, device, ear, resources):
    answer_hello.run(hello(device))
    assert ear.next()[1]["capture_image"]
    command = queue(database, device, "custom", led="on")
    deliver_commands.run()
    assert ear.next()[1] == {"led": "on"}
    assert fate(database, command) == "sent"
    deliver_commands.run()
    assert ear.messages.empty()


def test_a_command_that_cannot_be_told_goes_back(database, device, ear, resources, monkeypatch):
    answer_hello.run(hello(device))
    command = queue(database, device, "custom", led="on")

    def away(*_):
        raise Transient("the broker is away")

    with monkeypatch.context() as patch:
        patch.setattr(resources.publisher, "send", away)
        deliver_commands.run()
    assert fate(database, command) == "queued"


@pytest.mark.parametrize("known", [timedelta(hours=5), timedelta(hours=-1), None])
def test_an_ack_tells_the_wake_that_is_known_when_it_is_sent(database, device, ear, resources, known):
    schedule(database, device, captures_per_day=1)
    run(resources, arrive(resources, device, photo()))
    assert ear.next()[1]["ACK_OK"]["next_wake_time"]
    now = datetime.now(UTC)
    wake = known and (now + known).isoformat()
    resources.store.devices.remember_wake(device, wake, "UTC")
    outdated = '{"image_name": "image_1.jpg", "ACK_OK": {"next_wake_time": "5:30PM"}}'
    for arguments in ([device, "image_1.jpg"], [device, "image_1.jpg", outdated]):
        acknowledge_again.run(*arguments)
        told = ear.next()[1]["ACK_OK"]
        if known is None:
            assert told == {}
        else:
            expected = max(known, timedelta(minutes=resources.settings.default_wake_minutes))
            assert told["next_wake_time"] in {
                clock_time(now + expected + timedelta(seconds=late), "UTC", now) for late in (0, 10)
            }


def test_an_ack_that_was_put_off_tells_no_wake_that_has_passed(database, device, ear, resources, monkeypatch):
    schedule(database, device, captures_per_day=24)
    ref = arrive(resources, device, photo())

    def away(*_):
        raise Transient("the broker is away")

    claim = resources.store.captures.claim(ref, "first")
    with monkeypatch.context() as patch:
        patch.setattr(resources.publisher, "send", away)
        with pytest.raises(Transient):
            pipeline.run(resources, claim)
    resources.store.captures.release(claim, 0)
    two_hours_later = open_store(
        resources.store.redis, resources.settings, lambda: now_ms() + 2 * 3600 * 1000
    )
    later = to_datetime(two_hours_later.now())
    run(resources._replace(store=two_hours_later), ref)
    told = datetime.strptime(ear.next()[1]["ACK_OK"]["next_wake_time"], "%I:%M%p")
    heard = later.replace(hour=told.hour, minute=told.minute, second=0, microsecond=0)
    heard += timedelta(days=heard <= later)
    assert heard - later <= timedelta(hours=1, minutes=1)


def test_nobody_awake_costs_no_request(resources, monkeypatch):
    monkeypatch.setattr(resources.supabase, "call", None)
    deliver_commands.run()


@pytest.fixture
def deaf_database(resources, monkeypatch):
    """The database does not answer in time."""

    def hangs(*_, **__):
        raise Transient("Supabase: ReadTimeout")

    enqueued = Enqueued()
    monkeypatch.setattr(resources.quick, "call", hangs)
    monkeypatch.setattr(hello_module, "Dispatcher", lambda *_: enqueued)
    return enqueued


def test_without_the_database_the_last_known_wake_is_told(device, ear, resources, deaf_database):
    wake = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    resources.store.devices.remember_wake(device, wake.isoformat(), "UTC")
    answer_hello.run(hello(device, pending=["old.jpg"]))
    assert datetime.fromisoformat(ear.next()[1]["next_wake"]) == wake
    [(name, told)] = deaf_database.calls
    assert (name, told.device_id) == ("record_hello", device)


@pytest.mark.parametrize("known", [None, timedelta(hours=-1)])
def test_without_a_wake_to_come_it_sleeps_for_the_default(device, ear, resources, deaf_database, known):
    if known:
        resources.store.devices.remember_wake(device, (datetime.now(UTC) + known).isoformat(), "UTC")
    before = datetime.now(UTC).replace(microsecond=0)
    answer_hello.run(hello(device))
    wake = datetime.fromisoformat(ear.next()[1]["next_wake"])
    assert before + timedelta(minutes=60) <= wake <= datetime.now(UTC) + timedelta(minutes=60)


def test_a_hello_answered_without_the_database_is_recorded_later_and_claims_nothing(
    database, device, resources
):
    database.table("devices").upsert({"device_id": device}).execute()
    command = queue(database, device, "capture_image")
    said = hello(device)
    for _ in range(2):
        record_hello.run(said)
    assert len(table(database, "device_status", device)) == 1
    assert fate(database, command) == "queued"


def test_a_hello_whose_task_was_lost_is_found_by_the_sweep(device, resources):
    batch = batch_on(resources)
    batch.hello(Hello.from_json(hello(device, at=now_ms() - 60_000)))
    batch.commit()
    enqueued = Enqueued()
    sweep_once(resources, enqueued)
    [(name, found)] = enqueued.calls
    assert (name, found.device_id) == ("answer_hello", device)
    resources.store.devices.answered(device)
    assert resources.store.devices.unanswered(now_ms() + 10**9, 10) == []


def test_the_clock_form_of_other_firmware(device, ear, resources, deaf_database, monkeypatch):
    settings = resources.settings.model_copy(update={"mqtt_next_wake_format": "clock"})
    monkeypatch.setattr(app, "resources", resources._replace(settings=settings))
    answer_hello.run(hello(device))
    assert ear.next()[1]["next_wake"].endswith(("AM", "PM"))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("custom", {"a": 2**64}),
        ("send_image", {}),
        ("next_wake", {"next_wake": 5}),
        ("custom", functools.reduce(lambda a, _: {"a": a}, range(500), {})),
    ],
)
def test_a_command_that_cannot_be_sent_stops_no_other(database, device, ear, resources, kind, payload):
    """The database refuses such; one that it lets through, or has from before, is its own trouble alone."""
    database.table("devices").upsert({"device_id": device}).execute()
    good, late = ({"command_id": str(uuid.uuid4()), "device_id": device} for _ in range(2))
    bad = good | {"command_id": queue(database, device, "custom", a=1), "type": kind, "payload": payload}
    database.table("device_commands").update({"status": "sent"}).eq("command_id", bad["command_id"]).execute()
    good |= {"type": "custom", "payload": {"a": 1}}
    late |= {"type": "next_wake", "payload": {"next_wake": "2035-10-05T04:00"}}
    agenda.tell_now(resources, [bad, good, late])
    assert ear.next()[1] == {"a": 1}
    assert ear.next()[1]["next_wake"] == "2035-10-05T04:00:00Z"
    assert fate(database, bad["command_id"]) == "failed"
