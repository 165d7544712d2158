"""What is bounded before anything is allocated for it, and what each bound answers."""

import io
import json
import string
import struct
import tracemalloc

import pytest
from hostile_lab import listen
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import CaptureRejected, ErrorCode, WireError
from core.store.capture import parse
from core.store.keys import CaptureRef
from core.wire import MAX_CHUNKS, Limits, decode, is_image_name
from tasks.stations.header import read_header
from tasks.stations.upload import object_name, place

LIMITS = Limits(max_chunk_bytes=4096, max_image_bytes=100_000)
TOPIC = "ESP32CAM/AABB/data"


def code_of(fields, topic=TOPIC):
    payload = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    with pytest.raises(WireError) as caught:
        decode(topic, payload, LIMITS)
    return caught.value.code


def metadata(**more):
    return {"image_name": "a.jpg", "image_size": 10, "total_chunk_count": 2, **more}


def chunk(**more):
    return {"image_name": "a.jpg", "chunk_id": 0, "payload": "eA==", **more}


@pytest.mark.parametrize(
    "name",
    [
        "../x.jpg", "..", ".", "a/b.jpg", "a\\b.jpg", "/etc/passwd", "C:\\x.jpg", "a\x00.jpg", "a\n.jpg", "\x7f",
        "\u2215x.jpg", "\uff0f..\uff0fx.jpg", "\u202egpj.x", "ımage.jpg", "x" * 300, "", " \x1b[2J", None, 5, [],
    ],
)  # fmt: skip
@pytest.mark.parametrize("message", [metadata, chunk])
def test_a_name_that_could_leave_its_folder_is_refused(name, message):
    assert code_of(message(image_name=name)) == ErrorCode.UNSAFE_IMAGE_NAME


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b'{"image_name": "a.jpg", "x": "' + b"x" * 30_000 + b'"}', ErrorCode.LIMIT_EXCEEDED),
        (metadata(location="x" * 9_000), ErrorCode.LIMIT_EXCEEDED),
        (metadata(image_size=100_001), ErrorCode.LIMIT_EXCEEDED),
        (metadata(image_size=10**30), ErrorCode.METADATA_UNUSABLE),
        (metadata(image_size=-1), ErrorCode.METADATA_UNUSABLE),
        (metadata(image_size="10"), ErrorCode.METADATA_UNUSABLE),
        (metadata(total_chunk_count=MAX_CHUNKS + 1), ErrorCode.LIMIT_EXCEEDED),
        (metadata(total_chunk_count=-2), ErrorCode.METADATA_UNUSABLE),
        (metadata(total_chunk_count=1.5), ErrorCode.METADATA_UNUSABLE),
        (metadata(total_chunk_count=True), ErrorCode.METADATA_UNUSABLE),
        (metadata(total_chunk_count=[2]), ErrorCode.METADATA_UNUSABLE),
        (chunk(chunk_id=MAX_CHUNKS), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id=-1), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id="0"), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id=True), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id=None), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(chunk_id=2**64), ErrorCode.CHUNK_ID_OUT_OF_RANGE),
        (chunk(payload="x" * 5_464), ErrorCode.LIMIT_EXCEEDED),
        (chunk(payload=[0] * 4_097), ErrorCode.LIMIT_EXCEEDED),
        (chunk(payload=[256]), ErrorCode.PAYLOAD_NOT_BASE64),
        (chunk(payload=[0.5]), ErrorCode.PAYLOAD_NOT_BASE64),
        (chunk(payload={"a": 1}), ErrorCode.CHUNK_WITHOUT_PAYLOAD),
        (b'{"image_name": "a.jpg", "total_chunk_count": NaN}', ErrorCode.NOT_JSON),
        (b'{"image_name": "a.jpg", "total_chunk_count": 1e999}', ErrorCode.NOT_JSON),
        (b'{"a":' * 2_000 + b"1" + b"}" * 2_000, ErrorCode.LIMIT_EXCEEDED),
        (b'{"device_id":' + b"[" * 900 + b"]" * 900 + b', "image_name": "a.jpg"}', ErrorCode.LIMIT_EXCEEDED),
        (b'{"image_name": "a.jpg", "x":' + b"[" * 300 + b"]" * 300 + b"}", ErrorCode.LIMIT_EXCEEDED),
    ],
)
def test_what_is_out_of_bounds_is_refused(message, code):
    assert code_of(message) == code


def test_numbers_that_a_sensor_cannot_read_are_left_out():
    fields = metadata(temperature=1e308, humidity=-5, pressure="1013", gas_resistance=10**30)
    message = decode(TOPIC, json.dumps(fields).encode(), LIMITS)
    assert set(message.sensors) == {None}


def test_a_refused_payload_costs_no_more_than_itself():
    payload = b'{"image_name": "a.jpg", "chunk_id": 0, "payload": "' + b"A" * 8_000_000 + b'"}'
    peaks = []
    for _ in range(5):
        tracemalloc.start()
        code = code_of(payload)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert code == ErrorCode.LIMIT_EXCEEDED
    # What threads of other tests allocate meanwhile is counted too, but not each time.
    assert min(peaks) < 100_000


def test_an_image_is_bounded_whatever_its_metadata_says(database):
    chunks = [
        (TOPIC, json.dumps(chunk(chunk_id=number, payload="eHh4" * 700)).encode()) for number in range(50)
    ]
    _, tasks, errors = listen(database, [chunks], max_image_bytes=50_000)
    assert tasks == []
    assert [error["error_code"] for error in errors] == [ErrorCode.LIMIT_EXCEEDED]
    assert sum(database.memory_usage(key) for key in database.scan_iter("*chunks*")) < 60_000


def test_captures_in_flight_are_bounded_per_device_and_in_all(database):
    def first_chunks(devices, images):
        return [
            (f"ESP32CAM/D{device}/data", json.dumps(chunk(image_name=f"{image}.jpg")).encode())
            for device in range(devices)
            for image in range(images)
        ]

    listen(database, [first_chunks(1, 100)], max_captures_per_device=5)
    assert len(list(database.scan_iter("*capture:*"))) == 5
    database.flushdb()
    _, _, errors = listen(database, [first_chunks(400, 1)], max_captures=160)
    assert len(list(database.scan_iter("*capture:*"))) <= 160
    assert {error["error_code"] for error in errors} == {ErrorCode.LIMIT_EXCEEDED}


def test_a_decompression_bomb_is_refused():
    small = io.BytesIO()
    Image.new("L", (8, 8)).save(small, "JPEG")
    data = small.getvalue()
    at = data.index(b"\xff\xc0") + 5
    bomb = data[:at] + struct.pack(">HH", 65_000, 65_000) + data[at + 4 :]
    with pytest.raises(CaptureRejected) as caught:
        read_header(bomb)
    assert caught.value.code == ErrorCode.NOT_A_JPEG


NAMES = st.text(min_size=0, max_size=140).filter(is_image_name) | st.text(
    alphabet=string.ascii_letters + string.digits + " ._-~!'()+,;=@[]{}", min_size=1, max_size=128
).filter(is_image_name)


@given(NAMES, NAMES)
def test_a_name_stays_in_the_folder_of_its_device_and_no_two_share_an_object(one, other):
    arrived = b"1760000000000"  # 2025-10-09T08:53:20Z
    held = {b"first_at": arrived, b"last_at": arrived, b"captured": b"2025-10-04T00:00:00+00:00"}
    where = place(parse(CaptureRef("AABB", one, "seal"), held), "ab" * 32)
    for path in (where.plain, where.own):
        assert path.startswith("AABB/2025/10/04/")
        assert path.count("/") == 4 and ".." not in path.split("/")
    assert (one == other) == (object_name(one) == object_name(other))
