"""docs/protocol.md: every message in it is read, or written, by the codec."""

import re

import orjson
import pytest

from core import wire
from core.errors import ErrorCode
from core.wire import Chunk, Limits, Metadata, Status, decode
from local.part import REPOSITORY

TEXT = (REPOSITORY / "docs" / "protocol.md").read_text()
LIMITS = Limits(64 * 2**10, 8 * 2**20)


def examples():
    """Each message of the page with the topic that was named last before it."""
    topic = None
    for line in re.finditer(r"^On `(ESP32CAM/\w+/\w+)`|^```json\n(.*?)^```$", TEXT, re.M | re.S):
        topic = line[1] or topic
        if line[2]:
            yield topic, line[2]


def of_kind(*kinds):
    return [(topic, text) for topic, text in examples() if topic.rpartition("/")[2] in kinds]


def test_every_message_of_a_device_is_read_whole():
    read = [decode(topic, text.encode(), LIMITS) for topic, text in of_kind("status", "data")]
    assert [type(message) for message in read] == [Status, Metadata, Metadata, Chunk]
    hello, picture, report, chunk = read
    assert None not in hello._replace(claimed_id="")
    assert None not in picture._replace(claimed_id="", error="", image_id="", firmware_version="")
    assert picture.total_chunks == -(-picture.image_bytes // 1024)
    assert report.error == "2" and report.begins_a_capture
    assert chunk.data.startswith(b"\xff\xd8")


def test_every_message_to_a_device_is_what_the_service_writes():
    ack, nack, *commands = (orjson.loads(text) for _, text in of_kind("ack", "cmd"))
    device, name = ack["device_id"], ack["image_name"]
    assert ack == orjson.loads(wire.ack(device, name, "5:30PM"))
    assert nack == orjson.loads(wire.nack(device, name, nack["missing_chunks"]))
    assert [set(command) - {"device_id"} for command in commands] == [
        {"capture_image"}, {"send_image"}, {"next_wake"},
    ]  # fmt: skip


@pytest.mark.parametrize("written", re.findall(r"^\| (2\d{3}(?:, 2\d{3})?) \|", TEXT, re.M))
def test_its_errors_are_those_of_the_service(written):
    for code in written.split(", "):
        assert ErrorCode(int(code))
