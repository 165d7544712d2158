"""docs/protocol.md: every message in it is read, or written, by the codec, and its figures are those of the code."""

import json
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import orjson

from core import wake, wire
from core.errors import ErrorCode
from core.settings import CaptureTimes, IntakeSettings, SweepSettings
from core.store.scripts import NACK_AT_MOST
from core.wire import Chunk, Limits, Metadata, Status, decode
from local.part import REPOSITORY

TEXT = (REPOSITORY / "docs" / "protocol.md").read_text()
LIMITS = Limits(64 * 2**10, 8 * 2**20)
DEVICE = "AABBCCDDEEFF"


def examples():
    """Each message of the page with the topic that was named last before it."""
    topic = None
    for line in re.finditer(r"^On `(ESP32CAM/\w+/\w+)`|^```json\n(.*?)^```$", TEXT, re.M | re.S):
        topic = line[1] or topic
        if line[2]:
            yield topic, line[2]


def of_kind(*kinds):
    return [(topic, text) for topic, text in examples() if topic.rpartition("/")[2] in kinds]


def dialects():
    """The messages of the page that stand together since they say the same."""
    return [block.splitlines() for block in re.findall(r"^```json dialect\n(.*?)^```$", TEXT, re.M | re.S)]


def rows(heading):
    """The cells of the first table whose head begins so."""
    table = TEXT[TEXT.index(f"\n| {heading}") :].split("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table.strip().splitlines()[2:]
    ]


def number(text):
    return int(re.search(r"\d[\d,]*", text)[0].replace(",", ""))


def test_every_block_is_decoded():
    """A fence of another kind would be read by nobody."""
    assert set(re.findall(r"^```(.+)$", TEXT, re.M)) == {"mermaid", "json", "json dialect"}


def test_every_message_of_a_device_is_read_whole():
    read = [decode(topic, text.encode(), LIMITS) for topic, text in of_kind("status", "data")]
    assert [type(message) for message in read] == [Status, Metadata, Metadata, Metadata, Chunk]
    hello, picture, repeat, report, chunk = read
    assert None not in hello._replace(claimed_id="")
    assert None not in picture._replace(claimed_id="", error="", image_id="", firmware_version="")
    assert picture.total_chunks == -(-picture.image_bytes // 1024)
    assert not repeat.begins_a_capture
    assert repeat._replace(raw=b"{}") == Metadata(DEVICE, None, "image_123.jpg")
    assert report.error == "2" and report.begins_a_capture
    assert chunk.data.startswith(b"\xff\xd8")


def test_every_message_to_a_device_is_what_the_service_writes():
    ack, nack, *commands = (orjson.loads(text) for _, text in of_kind("ack", "cmd"))
    device, name = ack["device_id"], ack["image_name"]
    now = datetime(2025, 10, 7, 9, tzinfo=UTC)
    evening = datetime(2025, 10, 7, 17, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    told = wake.clock_time(evening, "Europe/Berlin", now)
    assert ack == orjson.loads(wire.ack(device, name, told))
    assert nack == orjson.loads(wire.nack(device, name, nack["missing_chunks"]))
    capture, send, sleep, custom = ({**command} for command in commands)
    assert {message.pop("device_id") for message in (capture, send, sleep, custom)} == {device}
    assert (capture, send) == ({"capture_image": True}, {"send_image": name})
    assert sleep == wake.next_wake(wire.parse_time(sleep["next_wake"]), "UTC", now, "iso")
    assert custom.keys().isdisjoint({"capture_image", "send_image", "next_wake", "ACK_OK", "missing_chunks"})


def test_what_says_the_same_is_read_as_the_same():
    kinds = {}
    for lines in dialects():
        kind = "status" if "status" in lines[0] else "data"
        read = [decode(f"ESP32CAM/{DEVICE}/{kind}", line.encode(), LIMITS) for line in lines]
        plain = {message._replace(raw=b"{}") if hasattr(message, "raw") else message for message in read}
        if kind == "status":
            plain = {message._replace(status="") for message in plain}
        assert len(plain) == 1, plain
        assert len(lines) > 1
        kinds[type(read[0])] = orjson.loads(lines[0])
    assert set(kinds) == {Status, Metadata, Chunk}


def test_every_other_name_of_a_field_is_shown():
    """The table of dialects names no field that no example has."""
    shown = " ".join(line for lines in dialects() for line in lines)
    for meaning, written in rows("meaning | also"):
        for field in re.findall(r"`([a-z]+_[a-z_]+)`", f"{meaning} {written}"):
            if field != "image_sha256":
                assert f'"{field}"' in shown, field


def test_new_fields_in_a_chunk_are_free():
    text = next(text for topic, text in of_kind("data") if "chunk_id" in text)
    more = json.dumps({**json.loads(text), "capture_timeStamp": "2025-10-04T12:34:56Z"})
    topic = f"ESP32CAM/{DEVICE}/data"
    assert decode(topic, more.encode(), LIMITS) == decode(topic, text.encode(), LIMITS)


def test_its_sizes_are_those_of_the_service():
    defaults = {name: field.default for name, field in IntakeSettings.model_fields.items()}
    sizes = {what: number(how) for what, how in rows("what | how large")}
    assert list(sizes.values()) == [
        32, wire.MAX_NAME_LENGTH, 10, defaults["max_image_bytes"], defaults["max_chunk_bytes"],
        wire.MAX_CHUNKS, NACK_AT_MOST, wire.MAX_BRACKETS,
    ]  # fmt: skip
    assert wire.is_device_id("A" * 32) and not wire.is_device_id("A" * 33)
    names = json.dumps({"pending_list": [f"{n}.jpg" for n in range(11)]}).encode()
    assert len(decode(f"ESP32CAM/{DEVICE}/status", names, LIMITS).pending_list) == 10


def test_its_payloads_are_bounded_as_it_says():
    topics = rows("topic | from")
    hello, metadata, _, told, asked, _ = [number(row[-1]) if row[-1][0].isdigit() else 0 for row in topics]
    assert hello == metadata == wire.MAX_METADATA_BYTES
    assert Limits(1000, 1).max_payload_bytes == 5 * 1000 + number(topics[2][-1].partition("and")[2])
    longest = '"' * wire.MAX_NAME_LENGTH
    ids = list(range(wire.MAX_CHUNKS - NACK_AT_MOST, wire.MAX_CHUNKS))
    assert len(wire.nack("A" * 32, longest, ids)) <= told == asked
    assert {(row[3], row[4]) for row in topics} == {("1", "no")}


def test_its_times_are_those_of_the_service():
    delay = re.search(r"`RETRANSMIT_DELAY_MS` \((\d+) s\)", TEXT)
    timeout = re.search(r"`CAPTURE_TIMEOUT_MS` \((\d+) s\)", TEXT)
    fields = CaptureTimes.model_fields
    assert int(delay[1]) * 1000 == fields["retransmit_delay_ms"].default
    assert int(timeout[1]) * 1000 == fields["capture_timeout_ms"].default
    times = re.search(r"at most `RETRANSMIT_MAX` times \((\d+)\)", TEXT)
    assert int(times[1]) == SweepSettings.model_fields["retransmit_max"].default


def test_its_errors_are_those_of_the_service():
    written = [int(code) for code in re.findall(r"^\| (2\d{3}) \|", TEXT, re.M)]
    assert written == [code for code in ErrorCode if code != ErrorCode.DEVICE_ERROR]


def test_what_a_device_reports_is_recorded_so():
    numbered = [row for row in rows("`error` | meaning") if row[0].isdigit()]
    assert [int(reported) for reported, *_ in numbered] == [1, 2, 3, 4]
    assert all(int(code) == ErrorCode.DEVICE_ERROR + int(reported) for reported, _, code in numbered)
