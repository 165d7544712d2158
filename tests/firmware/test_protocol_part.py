"""firmware/lib: one wake after another on a bench, under the sanitizers, with the service's own codec as its listener."""

import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from firmware_bench import DEVICE, Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import wire
from core.store.scripts import NACK_AT_MOST
from core.wake import Wake, clock_time, sleep_command
from core.wire import Chunk, Metadata, Status
from local.part import REPOSITORY
from operate.field.examine import examine
from operate.field.recording import Recorded

PICTURE = bytes(range(256)) * 10 + b"the end"
CHUNKS = 3
DEFAULT_SLEEP = 3600
CAPTURE = {"capture_image": True}
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"


@pytest.fixture(scope="session")
def program(build):
    return build("{}/bench")


@pytest.fixture
def zone():
    return "UTC"


@pytest.fixture
def bench(program, tmp_path, zone):
    bench = Bench(program, tmp_path, zone=zone)
    bench.act(f"shoot {PICTURE.hex()}")
    yield bench
    bench.close()


@pytest.fixture
def waiting(bench):
    """A device that has sent its picture and waits for the answer."""
    bench.run()
    bench.hear(CAPTURE)
    assert bench.run().name == "waiting"
    bench.said()
    return bench


def acked(name, **ack):
    return {"image_name": name, "ACK_OK": ack}


def files(bench):
    return {path.name for path in bench.card.iterdir()} - {"number"}


# What it says


def test_a_hello_is_read_whole(bench):
    assert bench.run().name == "asking"
    [hello] = bench.read()
    assert hello._replace(raw=b"{}") == Status(
        DEVICE, None, "Alive", 0, (), "1.0.0", 1, 7, 3890, 71.0, -67, 143360
    )


def test_a_picture_arrives_as_it_was_taken(bench):
    bench.run()
    bench.said()
    assert bench.hear(CAPTURE).name == "sending"
    assert bench.run().name == "waiting"
    metadata, *chunks = bench.read()
    assert type(metadata) is Metadata
    assert metadata.claimed_id is None and metadata.error is None
    assert metadata.captured_at == datetime.fromtimestamp(bench.utc, UTC)
    assert (metadata.image_bytes, metadata.total_chunks) == (len(PICTURE), CHUNKS)
    assert metadata.image_sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert metadata.location == 'bench "7"'
    assert metadata.sensors == wire.Sensors(temperature_c=-3.25, gas_kohm=12.34567)
    assert [chunk.chunk_id for chunk in chunks] == list(range(CHUNKS))
    assert b"".join(chunk.data for chunk in chunks) == PICTURE
    assert {type(chunk) for chunk in chunks} == {Chunk}


@pytest.mark.parametrize(
    ("size", "chunk", "count"), [(2, 1024, 1), (1024, 1024, 1), (1025, 1024, 2), (9000, 4096, 3)]
)
def test_chunks_of_any_size_are_cut_right(bench, size, chunk, count):
    picture = b"\xff" * size
    bench.act(f"chunks {chunk}")
    bench.wake()
    bench.act(f"shoot {picture.hex()}")
    bench.hear(CAPTURE)
    bench.run()
    metadata, *chunks = [message for message in bench.read() if type(message) is not Status]
    assert metadata.total_chunks == len(chunks) == count
    assert b"".join(each.data for each in chunks) == picture


def test_a_clock_that_was_never_set_is_not_told(bench):
    bench.set_clock(12)
    bench.run()
    bench.hear(CAPTURE)
    bench.run()
    _, metadata, *_ = bench.read()
    assert metadata.captured_at is None
    assert "capture_timeStamp" not in json.loads(metadata.raw)


@pytest.mark.parametrize("error", [1, 2])
def test_a_camera_that_fails_is_reported_and_released_by_its_ack(bench, error):
    bench.act(f"shoot {error}")
    bench.run()
    bench.hear(CAPTURE)
    assert bench.run().name == "waiting"
    _, report = bench.read()
    assert report.error == str(error) and report.begins_a_capture
    assert files(bench) == set()
    assert bench.hear(acked(report.image_name)).name == "lingering"


def test_a_picture_that_cannot_be_kept_is_reported(bench):
    (bench.card / "new.tmp").mkdir()
    bench.run()
    bench.hear(CAPTURE)
    bench.run()
    _, report = bench.read()
    assert report.error == "10"


def test_nothing_deviates_from_the_protocol(bench):
    """As `fleet conformance` sees a backlog, a picture with a lost chunk, and their ends."""
    bench.act(f"shoot ffd8{PICTURE.hex()}ffd9")
    bench.act("alone")
    bench.wake()
    bench.hear({"send_image": "image_1.jpg"})
    bench.run()
    bench.hear(acked("image_1.jpg"))
    bench.hear(CAPTURE)
    bench.run()
    bench.hear({"image_name": "image_2.jpg", "missing_chunks": [1]})
    bench.run()
    sent = [
        Recorded(ms, f"ESP32CAM/{DEVICE}/{kind}", text.encode(), 1, False)
        for ms, (kind, text) in enumerate(bench.said())
    ]
    report = examine(sent, datetime.fromtimestamp(bench.utc, UTC))
    assert (report.hellos, report.pictures) == (1, 2)
    assert set(report.broken) == {"duplicates"}  # it does not see that the chunk was asked for


# A wake


def test_an_ack_ends_the_wake_until_its_time(waiting):
    name = "image_1.jpg"
    assert files(waiting) == {name, "image_1.json"}
    waiting.set_clock(int(datetime(2025, 10, 7, 9, 12, tzinfo=UTC).timestamp()))
    state = waiting.hear(acked(name, next_wake_time="5:30PM"))
    assert (state.name, state.acknowledged) == ("lingering", 1)
    assert files(waiting) == set()
    waiting.pass_time(2001)
    assert waiting.run() == ("over", 8 * 3600 + 18 * 60, 1)


def test_only_the_chunks_that_are_named_are_sent_again(waiting):
    waiting.hear({"image_name": "image_1.jpg", "missing_chunks": [2, 0, 2, 99]})
    assert waiting.run().name == "waiting"
    assert [chunk.chunk_id for chunk in waiting.read()] == [0, 2]
    waiting.hear({"image_name": "image_1.jpg", "missing_chunks": [1]})
    waiting.run()
    assert [chunk.chunk_id for chunk in waiting.read()] == [1]


def test_an_ack_before_the_last_chunk_spares_the_rest(bench):
    bench.run()
    bench.hear(CAPTURE)
    bench.act("step")
    bench.said()
    bench.hear(acked("image_1.jpg"))
    assert bench.run().name == "lingering"
    assert bench.said() == []


def test_without_an_ack_the_picture_waits_for_the_next_wake(waiting):
    waiting.pass_time(30_001)
    assert waiting.run() == ("over", DEFAULT_SLEEP, 0)
    waiting.wake()
    [hello] = waiting.read()
    assert (hello.pending_count, hello.pending_list) == (1, ("image_1.jpg",))
    waiting.set_clock(waiting.utc + 86_400)
    waiting.hear({"send_image": "image_1.jpg"})
    waiting.run()
    metadata, *chunks = waiting.read()
    assert metadata.captured_at == datetime.fromtimestamp(waiting.utc - 86_400, UTC)
    assert b"".join(chunk.data for chunk in chunks) == PICTURE


def test_a_picture_keeps_its_chunks_when_new_firmware_has_others(waiting):
    waiting.act("chunks 4096")
    waiting.wake()
    waiting.said()
    waiting.hear({"send_image": "image_1.jpg"})
    waiting.run()
    metadata, *chunks = waiting.read()
    assert metadata.total_chunks == len(chunks) == CHUNKS


def test_a_picture_whose_description_is_lost_is_set_aside(waiting):
    (waiting.card / "image_1.json").write_text('{"image_size": 5')
    waiting.wake()
    assert waiting.hear({"send_image": "image_1.jpg"}).name == "asking"
    assert files(waiting) == {"image_1.bad", "image_1.json"}
    assert (waiting.card / "image_1.bad").read_bytes() == PICTURE


def test_a_picture_that_the_card_has_cut_is_set_aside(waiting):
    (waiting.card / "image_1.jpg").write_bytes(PICTURE[:-1])
    waiting.wake()
    assert waiting.hear({"send_image": "image_1.jpg"}).name == "asking"
    assert files(waiting) == {"image_1.bad", "image_1.json"}


def test_ten_of_a_backlog_are_named_the_oldest_first(bench):
    for _ in range(12):
        bench.act("alone")
        bench.wake()
    [hello] = bench.read()
    assert hello.pending_count == 12
    assert hello.pending_list == tuple(f"image_{number}.jpg" for number in range(1, 11))


def test_no_number_comes_twice_though_the_card_is_empty(waiting):
    waiting.hear(acked("image_1.jpg"))
    assert files(waiting) == set()
    waiting.hear(CAPTURE)
    waiting.run()
    assert waiting.read()[0].image_name == "image_2.jpg"
    (waiting.card / "number").write_text("")
    waiting.wake()
    waiting.said()
    waiting.hear(CAPTURE)
    assert waiting.run().name == "waiting"
    assert waiting.read()[0].image_name == "image_3.jpg"


def test_every_message_may_come_twice(bench):
    bench.run()
    bench.hear(CAPTURE)
    bench.hear(CAPTURE)
    bench.run()
    bench.hear(acked("image_1.jpg"))
    bench.hear(acked("image_1.jpg"))
    assert bench.run() == ("lingering", DEFAULT_SLEEP, 1)
    assert sum(type(message) is Metadata for message in bench.read()) == 1


def test_what_comes_before_the_hello_is_left_over(bench):
    bench.act("line closed")
    bench.run()
    assert bench.hear(CAPTURE).name == "hello"


def test_after_an_ack_the_next_command_is_obeyed(waiting):
    waiting.hear(acked("image_1.jpg"))
    waiting.pass_time(1000)
    assert waiting.hear(CAPTURE).name == "sending"
    waiting.run()
    assert waiting.read()[0].image_name == "image_2.jpg"


def test_commands_that_come_together_are_done_one_after_the_other(bench):
    bench.act("alone")
    bench.wake()
    bench.said()
    bench.hear(CAPTURE)
    bench.hear({"send_image": "image_1.jpg"})
    bench.hear({"next_wake": "2025-10-09T12:00:00Z"})
    bench.run()
    assert bench.read()[0].image_name == "image_2.jpg"
    bench.hear(acked("image_2.jpg"))
    bench.run()
    assert bench.read()[0].image_name == "image_1.jpg"
    bench.hear(acked("image_1.jpg"))
    bench.pass_time(2001)
    until = int(datetime(2025, 10, 9, 12, tzinfo=UTC).timestamp())
    assert bench.run() == ("over", until - bench.utc, 2)


def test_without_an_answer_it_says_hello_three_times_and_keeps_its_picture(bench):
    hellos = 0
    while bench.run().name == "asking":
        hellos += len(bench.said())
        bench.pass_time(10_001)
    assert (hellos, bench.state.name) == (3, "over")
    assert files(bench) == {"image_1.jpg", "image_1.json"}


def test_without_network_it_keeps_its_picture(bench):
    assert bench.act("alone").name == "over"
    assert (bench.card / "image_1.jpg").read_bytes() == PICTURE


def test_no_wake_is_endless(waiting):
    for _ in range(100):
        waiting.pass_time(10_000)
        waiting.hear({"image_name": "image_1.jpg", "missing_chunks": [0]})
        if waiting.run().name == "over":
            break
    assert waiting.state.name == "over"
    assert files(waiting) == {"image_1.jpg", "image_1.json"}


def test_nothing_is_left_out_while_the_line_takes_nothing(bench):
    bench.act("line closed")
    assert bench.run().name == "hello"
    bench.act("line open")
    bench.run()
    bench.hear(CAPTURE)
    bench.act("step")
    bench.said()
    bench.act("line closed")
    assert bench.run().name == "sending"
    bench.act("line open")
    bench.run()
    assert [chunk.chunk_id for chunk in bench.read()] == list(range(CHUNKS))


# Times


def test_sleep_until_the_time_that_is_told(bench):
    bench.run()
    assert bench.hear({"next_wake": "2025-10-09T08:55:00Z"}) == ("over", 100, 0)


def test_a_command_goes_before_the_time_of_an_ack(waiting):
    """It has the date; the ACK_OK that follows has the time of day of the same wake alone."""
    wakes = datetime.fromtimestamp(waiting.utc, UTC) + timedelta(days=3)
    waiting.hear({"next_wake": f"{wakes:%Y-%m-%dT%H:%M:%SZ}"})
    waiting.hear(acked("image_1.jpg", next_wake_time=f"{wakes:%I:%M%p}"))
    assert waiting.state.sleep_s == 3 * 86_400


@pytest.mark.parametrize("told", ["2025-10-09T08:53:20Z", "1970-01-01T00:00:00Z", "2019-12-31T23:59:59Z"])
def test_a_time_that_has_passed_is_not_slept_for(bench, told):
    bench.run()
    bench.hear({"next_wake": told})
    assert bench.state.sleep_s == DEFAULT_SLEEP


def test_a_clock_time_that_is_now_is_that_of_tomorrow(bench):
    bench.set_clock(int(datetime(2025, 10, 9, 17, 30, tzinfo=UTC).timestamp()))
    bench.run()
    assert bench.hear({"next_wake": "5:30PM"}) == ("over", 86_400, 0)


def test_no_sleep_is_longer_than_a_month(bench):
    bench.run()
    assert bench.hear({"next_wake": "2099-01-01T00:00:00Z"}).sleep_s == 31 * 86_400


def test_without_a_clock_it_sleeps_for_a_while(bench):
    bench.set_clock(99)
    bench.run()
    assert bench.hear({"next_wake": "2025-10-09T08:55:00Z"}) == ("over", DEFAULT_SLEEP, 0)


@pytest.mark.parametrize("zone", [BERLIN])
@pytest.mark.parametrize(
    ("now", "most"),
    [
        # The nights in which an hour is left out, and comes twice; a day of 23 hours has two of some clock times within 24.
        (datetime(2025, 3, 29, 12, 0, 30, tzinfo=UTC), 1379),
        (datetime(2025, 10, 25, 12, 0, 30, tzinfo=UTC), 1439),
        (datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC), 1439),
        (datetime(2028, 2, 28, 23, 0, 0, tzinfo=UTC), 1439),
    ],
)
@pytest.mark.parametrize("minutes", [1, 59, 60, 479, 690, 850, 900, 1439])
def test_the_service_and_the_device_mean_the_same_clock_time(bench, now, most, minutes):
    minutes = min(minutes, most)
    bench.set_clock(int(now.timestamp()))
    bench.run()
    at = now + timedelta(minutes=minutes)
    bench.hear({"next_wake": clock_time(at, "Europe/Berlin", now)})
    assert bench.state.name == "over"
    assert 0 <= bench.state.sleep_s - minutes * 60 < 60


def test_the_command_of_the_service_is_obeyed(bench):
    bench.run()
    now = datetime.fromtimestamp(bench.utc, UTC)
    settings_ = SimpleNamespace(default_wake_minutes=60, mqtt_next_wake_format="iso")
    bench.hear(sleep_command(DEVICE, Wake(now + timedelta(hours=5), "UTC"), now, settings_))
    assert bench.state == ("over", 5 * 3600, 0)


# What may come from the network


DOCUMENTED = [
    text.encode()
    for text in re.findall(
        r"^```json\n(.*?)^```$", (REPOSITORY / "docs" / "protocol.md").read_text(), re.M | re.S
    )
    if re.search(r'"(ACK_OK|missing_chunks|capture_image|send_image|next_wake)"', text)
]


def test_every_message_of_the_page_is_understood(bench):
    assert len(DOCUMENTED) == 5
    did = []
    for message in DOCUMENTED:
        text = message.decode().replace("image_123.jpg", "image_1.jpg")
        bench.wake()
        if "ACK_OK" in text or "missing" in text:
            bench.hear(CAPTURE)
            bench.run()
            text = text.replace("image_1.jpg", bench.read()[1].image_name)
        bench.said()
        before = bench.state.name
        bench.hear(text.replace("[5, 12, 23]", "[1]").encode())
        did.append((before, bench.state.name))
    assert did == [
        ("waiting", "lingering"),
        ("waiting", "sending"),
        ("asking", "sending"),
        ("asking", "asking"),  # image_1.jpg is acknowledged already
        ("asking", "over"),
    ]


def test_the_longest_request_is_held(bench):
    bench.act("chunks 1")
    bench.wake()
    bench.act(f"shoot {bytes(600).hex()}")
    bench.hear(CAPTURE)
    bench.run()
    bench.said()
    bench.hear(wire.nack(DEVICE, "image_1.jpg", list(range(100, 100 + NACK_AT_MOST))))
    bench.run()
    assert [chunk.chunk_id for chunk in bench.read()] == list(range(100, 100 + NACK_AT_MOST))


def test_what_is_beyond_the_longest_request_waits_for_the_next(bench):
    bench.act("chunks 1")
    bench.wake()
    bench.act(f"shoot {bytes(600).hex()}")
    bench.hear(CAPTURE)
    bench.run()
    bench.said()
    bench.hear(wire.nack(DEVICE, "image_1.jpg", list(range(NACK_AT_MOST + 10))))
    bench.run()
    assert [chunk.chunk_id for chunk in bench.read()] == list(range(NACK_AT_MOST))


HOSTILE = [
    b"",
    b"\x00",
    b"null",
    b"[]",
    b"{}",
    b'"' * 5000,
    b"[" * 4000,
    b'{"a":' * 700 + b"1" + b"}" * 700,
    b'{"device_id":"AABBCCDDEEFF","image_name":"image_1.jpg","missing_chunks":[' + b"1," * 1990 + b"1]}",
    b'{"device_id":"AABBCCDDEEFF","capture_image":true} {"device_id"',
    b'{"device_id":"AABBCCDDEEFF","capture_image":true}\x00',
    b" " * 4096 + b'{"device_id":"AABBCCDDEEFF","capture_image":true}',
    b'{"device_id":"AABBCCDDEEFF","capture_image":true,"a":' + b"[" * 70 + b"]" * 70 + b"}",
    b'{"device_id":"AABBCCDDEEF0","capture_image":true}',
    b'{"device_id":17,"capture_image":true}',
    b'{"capture_image":true}',
    b'{"device_id":"AABBCCDDEEFF","led":"on"}',
    *(
        json.dumps({"device_id": DEVICE, **message}).encode()
        for message in (
            {"capture_image": 1},
            {"capture_image": "true"},
            {"send_image": True},
            {"send_image": ["image_1.jpg"]},
            {"send_image": "../../etc/passwd"},
            {"send_image": ".jpg"},
            {"send_image": "x" * 129},
            {"send_image": "number"},
            {"send_image": "image_1.jpg/"},
            {"send_image": "/image_1.jpg"},
            {"send_image": "image_1.json"},
            {"send_image": "image_0.jpg"},
            {"send_image": "image_99999999999999999999.jpg"},
            {"next_wake": 1760000000},
            {"next_wake": "soon"},
            {"next_wake": "25:00PM"},
            {"next_wake": "5:61PM"},
            {"next_wake": "5:30"},
            {"next_wake": "2025-13-01T00:00:00Z"},
            {"next_wake": "2025-10-09T08:55:00Z and more"},
            {"next_wake": "9" * 3000},
            {"image_name": "image_1.jpg", "ACK_OK": True},
            {"image_name": "image_1.jpg", "ACK_OK": None},
            {"image_name": 1, "ACK_OK": {}},
            {"image_name": "../image_1.jpg", "ACK_OK": {}},
            {"image_name": "image_1.json", "ACK_OK": {}},
            {"image_name": "number", "ACK_OK": {}},
            {"ACK_OK": {}},
            {"image_name": "image_1.jpg", "missing_chunks": []},
            {"image_name": "image_1.jpg", "missing_chunks": {"0": 1}},
            {"image_name": "image_1.jpg", "missing_chunks": ["0"]},
            {"image_name": "image_1.jpg", "missing_chunks": [0.5]},
            {"image_name": "image_1.jpg", "missing_chunks": [-1]},
            {"image_name": "image_1.jpg", "missing_chunks": [1e300]},
            {"image_name": "image_1.jpg", "missing_chunks": [16384]},
            {"image_name": "image_2.jpg", "missing_chunks": [0]},
        )
    ),
    b'{"device_id":"AABBCCDDEEFF","image_name":"image_1.jpg","missing_chunks":[NaN]}',
    b'{"device_id":"AABBCCDDEEFF","image_name":"image_1.jpg","missing_chunks":[1e999]}',
    b'{"device_id":"AABBCCDDEEFF","send_image":"\xff\xfe"}',
    b'{"device_id":"AABBCCDDEEFF","send_image":"\\ud800"}',
]


@pytest.fixture
def asking(waiting):
    """The device at its next wake, which waits for the answer to its hello."""
    waiting.wake()
    waiting.said()
    return waiting


@pytest.mark.parametrize("state", ["waiting", "asking"])
@pytest.mark.parametrize("payload", HOSTILE, ids=lambda payload: repr(payload[:60]))
def test_what_is_no_message_changes_nothing(request, state, payload):
    bench = request.getfixturevalue(state)
    before = bench.state, files(bench)
    bench.hear(payload)
    bench.run()
    assert (bench.state, files(bench)) == before
    assert bench.said() == []


@pytest.mark.parametrize("state", ["waiting", "asking"])
@pytest.mark.parametrize(
    "message", DOCUMENTED, ids=["ACK_OK", "missing_chunks", "capture_image", "send_image", "next_wake"]
)
def test_a_message_that_is_cut_changes_nothing(request, state, message):
    bench = request.getfixturevalue(state)
    whole = message.strip().replace(b"image_123.jpg", b"image_1.jpg")
    before = bench.state
    for length in range(len(whole)):
        assert bench.hear(whole[:length]) == before


def test_more_commands_than_there_is_room_for(bench):
    bench.run()
    bench.hear(CAPTURE)
    for number in range(40):
        assert bench.hear({"send_image": f"other_{number}.jpg"}).name == "sending"
    bench.run()
    assert bench.hear(acked("image_1.jpg")).name == "lingering"


_names = st.sampled_from(["image_1.jpg", "image_2.jpg", "../x", "number", "image_1.json", ""])
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | _names,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
_keys = st.sampled_from(
    ["image_name", "ACK_OK", "missing_chunks", "capture_image", "send_image", "next_wake", "next_wake_time"]
)
_messages = st.dictionaries(_keys, _values | _names, max_size=5).map(
    lambda fields: json.dumps({"device_id": DEVICE, **fields}).encode()
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payloads=st.lists(_messages | st.binary(max_size=200), min_size=1, max_size=12),
    step=st.integers(0, 20_000),
)
def test_nothing_from_the_network_breaks_it(bench, payloads, step):
    """The sanitizers would end it; a picture goes only with an ACK_OK of its own."""
    if bench.state.name in ("over", "hello"):
        bench.wake()
    bench.hear(CAPTURE)
    for payload in payloads:
        bench.hear(payload)
        bench.run()
        bench.pass_time(step)
    for kind, text in bench.said():
        assert kind in ("status", "data")
        json.loads(text)
    assert {name.rpartition(".")[2] for name in files(bench)} <= {"jpg", "json"}
