"""Each rule of operate/field/rules.py is broken by some device, and by that one alone."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operate.field.examine import examine
from operate.field.logged import logged
from operate.field.recording import Recorded
from operate.field.rules import RULES

DEVICE = "AABBCCDDEEFF"
BEGAN = datetime(2026, 11, 27, 12, tzinfo=UTC)
SIZE = 100
IMAGE = b"\xff\xd8" + bytes(range(3, 200)) * 2 + b"\xff\xd9"
CHUNKS = [IMAGE[at : at + SIZE] for at in range(0, len(IMAGE), SIZE)]
HELLO = {"device_id": DEVICE, "status": "Alive", "pendingImg": 0, "battery_mv": 3900}


class Device:
    """A device that speaks as docs/protocol.md has it; the tests change what it says."""

    def __init__(self, name=DEVICE):
        self.name = name
        self.messages = []

    def send(self, kind, fields, *, ms=0, qos=1, retain=False):
        payload = fields if isinstance(fields, bytes) else orjson.dumps({"device_id": self.name} | fields)
        last = self.messages[-1].ms if self.messages else 0
        self.messages.append(Recorded(last + ms, f"ESP32CAM/{self.name}/{kind}", payload, qos, retain))
        return self

    def hello(self, *left_out, **changed):
        fields = {
            key: value for key, value in (HELLO | {"device_id": self.name}).items() if key not in left_out
        }
        return self.send("status", fields | changed, ms=60_000)

    def metadata(self, *left_out, image=IMAGE, **changed):
        fields = {
            "capture_timeStamp": "2026-11-27T11:59:00Z", "image_name": "image_1.jpg", "image_size": len(image),
            "max_chunks_size": SIZE, "total_chunk_count": -(-len(image) // SIZE), "error": 0,
            "image_sha256": sha256(image).hexdigest(), "temperature": 20.5, "humidity": 40.0, "pressure": 1010.0,
            "gas_resistance": 12345.0,
        }  # fmt: skip
        return self.send("data", {key: fields[key] for key in fields if key not in left_out} | changed)

    def chunk(self, number, data=None, *, array=False, name="image_1.jpg"):
        data = CHUNKS[number] if data is None else data
        payload = list(data) if array else b64encode(data).decode()
        fields = {"image_name": name, "chunk_id": number, "max_chunk_size": SIZE, "payload": payload}
        return self.send("data", fields, ms=10)

    def chunks(self, *numbers):
        for number in numbers or range(len(CHUNKS)):
            self.chunk(number)
        return self

    def picture(self, image=IMAGE):
        self.metadata(image=image)
        for number, at in enumerate(range(0, len(image), SIZE)):
            self.chunk(number, image[at : at + SIZE])
        return self

    def told(self, kind, **fields):
        return self.send(kind, {"image_name": "image_1.jpg"} | fields, ms=100)

    def acknowledged(self):
        return self.told("ack", ACK_OK={})

    def report(self):
        return examine(self.messages, BEGAN)


OTHER = IMAGE[:-40] + b"another picture"[:15] + IMAGE[-25:]
BREAKS = {
    "device name": Device("QUICKTEST999").hello(),
    "another device": Device().hello(device_id="AABBCCDDEE00"),
    "unusable": Device().send("data", b"no JSON"),
    "QoS 0": Device().send("status", HELLO, qos=0),
    "retained": Device().send("status", HELLO, retain=True),
    "status word": Device().hello(status="up"),
    "pending missing": Device().hello("pendingImg"),
    "pending name": Device().hello("pendingImg", pending_count=0),
    "no pending_list": Device().hello(pendingImg=2),
    "pending names": Device().hello(pendingImg=1, pending_list=["../etc"]),
    "battery name": Device().hello("battery_mv", battery_voltage=3.9),
    "hello again": Device().hello().send("status", HELLO, ms=2_000),
    "time name": Device().metadata("capture_timeStamp", timestamp="2026-11-27T11:59:00Z").chunks(),
    "time form": Device().metadata(capture_timeStamp="2026-11-27T1:9:00Z").chunks(),
    "no time": Device().metadata("capture_timeStamp").chunks(),
    "clock": Device().metadata(capture_timeStamp="1970-01-01T00:00:09Z").chunks(),
    "chunk size name": Device().metadata("max_chunks_size", max_chunk_size=SIZE).chunks(),
    "chunk count name": Device().metadata("total_chunk_count", total_chunks_count=len(CHUNKS)).chunks(),
    "nested sensors": Device().metadata("temperature", sensor_data={"temperature": 20.5}).chunks(),
    "gas unit": Device().metadata(gas_resistance=13.89).chunks(),
    "sensor bounds": Device().metadata(humidity=140.0).chunks(),
    "error form": Device().metadata("image_sha256", error="camera timeout"),
    "count": Device().metadata(total_chunk_count=len(CHUNKS) + 1).chunks(),
    "no SHA-256": Device().metadata("image_sha256").chunks(),
    "repeats": Device().picture().send("data", {"image_name": "image_1.jpg", "image_size": None}),
    "array": Device().metadata().chunk(0, array=True).chunks(1, 2, 3),
    "chunk early": Device().chunk(0).metadata().chunks(1, 2, 3),
    "chunk order": Device().metadata().chunks(0, 2, 1, 3),
    "duplicates": Device().metadata().chunks(0, 1, 1, 2, 3),
    "changed duplicate": Device().metadata().chunks(0, 1, 2).chunk(1, CHUNKS[2]).chunk(3),
    "chunk size": Device().metadata("image_sha256", "image_size").chunk(0).chunk(1, b"short").chunks(2, 3),
    "from one": Device()
    .metadata()
    .chunk(1, CHUNKS[0])
    .chunk(2, CHUNKS[1])
    .chunk(3, CHUNKS[2])
    .chunk(4, CHUNKS[3]),
    "chunk beyond": Device().picture().chunk(7, CHUNKS[3]),
    "size": Device().metadata(image_size=len(IMAGE) - 1).chunks(),
    "SHA-256": Device().metadata(image_sha256="0" * 64).chunks(),
    "no JPEG": Device().picture(b"GIF89a" + IMAGE[6:]),
    "deaf to NACK": Device()
    .metadata()
    .chunks(0, 1, 3)
    .told("ack", missing_chunks=[2])
    .told("ack", missing_chunks=[2]),
    "deaf to ACK": Device().picture().acknowledged().picture(),
    "name reused": Device().picture().acknowledged().picture(OTHER),
}
# What breaks with it: the sum of a picture with a short chunk, and the chunk that is the last only as it came.
ALSO = {"chunk size": {"no SHA-256"}, "count": {"chunk size"}}


def test_each_rule_is_tried():
    assert BREAKS.keys() == RULES.keys()


@pytest.mark.parametrize("rule", BREAKS)
def test_a_device_that_breaks_a_rule_is_told_of_it_alone(rule):
    report = BREAKS[rule].report()
    assert set(report.broken) == {rule} | ALSO.get(rule, set())
    assert report.examples[rule].text


def test_one_that_breaks_none_has_nothing_to_hear():
    report = Device().hello().picture().acknowledged().hello().report()
    assert report.broken == {}
    assert (report.hellos, report.pictures, report.chunks) == (2, 1, len(CHUNKS))


def test_chunks_that_were_asked_for_are_no_deviation():
    device = Device().metadata().chunks(0, 1).told("ack", missing_chunks=[2, 3]).chunks(2, 3).acknowledged()
    assert device.report().broken == {}


def test_a_link_that_loses_part_of_the_answer_is_not_called_deaf():
    device = Device().metadata().chunks(0).told("ack", missing_chunks=[1, 2, 3]).chunks(2)
    assert device.told("ack", missing_chunks=[1, 3]).chunks(1, 3).report().broken == {}


def test_a_link_that_loses_the_whole_of_an_answer_is_not_called_deaf_either():
    device = Device().metadata().chunks(0, 1, 3).told("ack", missing_chunks=[2])
    assert device.told("ack", missing_chunks=[2]).chunks(2).acknowledged().report().broken == {}


def test_examples_are_bounded():
    report = Device().send("data", b"[" * 5_000).report()
    assert len(report.examples["unusable"].text) == 240


def test_pictures_that_never_end_take_no_memory_without_bound():
    device = Device()
    for number in range(200):
        device.chunk(0, name=f"image_{number}.jpg")
    assert device.report().broken == {}


NAMES = (
    *HELLO, "pending_count", "pending_list", "battery_voltage", "battery_voltage_mv", "capture_timeStamp",
    "capture_timestamp", "timestamp", "image_name", "image_size", "max_chunks_size", "max_chunk_size",
    "total_chunk_count", "total_chunks", "error", "image_sha256", "temperature", "gas_resistance", "sensor_data",
)  # fmt: skip
PLAIN = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=20)
    | st.sampled_from(["image_1.jpg", "2026-11-27T11:59:00Z", "alive"])
)  # fmt: skip
ANYTHING = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.sampled_from(NAMES), PLAIN, max_size=2)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["status", "data"]), st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=8)
        ),
        max_size=3,
    )
)
def test_whatever_a_device_says_is_examined(said):
    """A task examines the devices of all companies: none may stop it."""
    sent = [Recorded(0, f"ESP32CAM/{DEVICE}/{kind}", orjson.dumps(fields)) for kind, fields in said]
    report = examine(sent, BEGAN)
    assert report.messages == len(sent)
    assert report.broken.keys() <= RULES.keys()


@given(st.floats(-1e308, 1e308))
def test_a_number_of_a_device_that_the_database_writes_out_is_examined(number):
    row = {
        "topic": f"ESP32CAM/{DEVICE}/status",
        "payload": HELLO | {"noise": int(number)},
        "received_at": str(BEGAN),
    }
    report = examine(logged(DEVICE, [row], BEGAN), BEGAN)
    assert (report.hellos, report.broken) == (1, {})
