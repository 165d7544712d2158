"""The stations that need no server: assemble, report, the names of objects, the wake time in an ACK."""

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from core.errors import CaptureRejected, ErrorCode
from core.store.capture import parse
from core.store.devices import Wake
from core.store.keys import CaptureRef
from core.wake import clock_time, next_wake
from tasks.stations.acknowledge import ack
from tasks.stations.assemble import assemble, verify
from tasks.stations.header import read_header
from tasks.stations.persist import capture_row
from tasks.stations.report import device_error
from tasks.stations.upload import object_name, place, with_suffix

REF = CaptureRef("AABB", "i.jpg", "seal")
ARRIVAL = 1_760_000_000_000  # 2025-10-09T08:53:20Z


def pieces(data, size=1024):
    return {number: data[start : start + size] for number, start in enumerate(range(0, len(data), size))}


@given(st.binary(min_size=1, max_size=5000), st.integers(1, 700), st.randoms())
def test_chunks_in_any_order_give_the_image(data, size, random):
    chunks = list(pieces(data, size).items())
    random.shuffle(chunks)
    image = assemble(dict(chunks))
    assert image == (data, sha256(data).hexdigest())


def capture(**fields):
    """A capture from what Redis holds of it."""
    fields = {"first_at": ARRIVAL, "last_at": ARRIVAL, **fields}
    return parse(REF, {name.encode(): str(value).encode() for name, value in fields.items()})


def test_count_size_and_checksum_are_checked():
    chunks, digest = pieces(bytes(5000)), sha256(bytes(5000)).hexdigest()
    fields = {"total": 5, "image_bytes": 5000, "image_sha256": digest}
    verify(capture(**fields), chunks, assemble(chunks))
    verify(capture(total=5), chunks, assemble(chunks))
    for wrong, code, details in (
        ({"total": 6}, ErrorCode.SIZE_MISMATCH, {"chunks": 5, "total": 6}),
        ({"image_bytes": 4999}, ErrorCode.SIZE_MISMATCH, {"bytes": 5000, "image_size": 4999}),
        ({"image_sha256": "0" * 64}, ErrorCode.CHECKSUM_MISMATCH, {"sha256": digest, "expected": "0" * 64}),
    ):
        with pytest.raises(CaptureRejected) as caught:
            verify(capture(**fields | wrong), chunks, assemble(chunks))
        assert (caught.value.code, caught.value.details) == (code, details)


def taken(time, name="image_123.jpg"):
    """A capture of that name and time."""
    return replace(capture(captured=time), ref=CaptureRef("AABBCCDDEEFF", name, "seal"))


def test_the_first_of_a_name_and_day_has_the_documented_path():
    where = place(taken("2025-10-04T23:59:00+00:00"), "ab" * 32)
    assert where.plain == "AABBCCDDEEFF/2025/10/04/image_123.jpg"
    assert where.own == f"AABBCCDDEEFF/2025/10/04/image_123--{where.suffix}.jpg"


def test_a_suffix_is_of_one_capture_alone():
    one = place(taken("2025-10-04T08:00:00+00:00"), "ab" * 32)
    assert one == place(taken("2025-10-04T08:00:00+00:00"), "ab" * 32)
    others = [
        place(taken("2025-10-04T20:00:00+00:00"), "ab" * 32),
        place(taken("2025-10-04T08:00:00+00:00"), "cd" * 32),
    ]
    assert len({one.suffix, *(other.suffix for other in others)}) == 3


image_names = st.text(
    st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="/\\"), min_size=1, max_size=40
)


@given(image_names, image_names)
def test_two_names_never_share_an_object(one, other):
    assert (object_name(one) == object_name(other)) == (one == other)
    assert set(object_name(one)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@pytest.mark.parametrize("name", ["report.html", "image_1", "a.jpg.svg", "jpg", "x.jpg ", "a.JPEG2"])
def test_an_object_is_called_a_jpeg_whatever_its_image_is_called(name):
    assert re.fullmatch(r"[A-Za-z0-9._-]+--[0-9a-f]{12}\.jpg", object_name(name))


@pytest.mark.parametrize("name", ["image_1.jpg", "IMG.JPEG", "a-b.Jpg"])
def test_a_jpeg_keeps_its_name(name):
    assert object_name(name) == name


def test_a_name_like_our_suffix_is_renamed_too():
    ours = with_suffix("image_1.jpg", "0123456789abcdef")
    assert ours == "image_1--0123456789ab.jpg"
    assert object_name(ours) != ours
    assert with_suffix("noextension", "0123456789abcdef") == "noextension--0123456789ab"


@pytest.mark.parametrize(
    ("time", "zone", "clock"),
    [
        ("2025-10-07T17:30:00+00:00", "UTC", "5:30PM"),
        ("2025-10-07T11:00:00+00:00", "UTC", "11:00AM"),
        ("2025-10-07T00:05:00+00:00", "UTC", "12:05AM"),
        ("2025-10-07T12:00:00+00:00", "UTC", "12:00PM"),
        ("2025-10-07T11:59:01+00:00", "UTC", "12:00PM"),
        ("2025-10-07T11:59:00.000001+00:00", "UTC", "12:00PM"),
        ("2025-10-07T15:30:00+00:00", "America/New_York", "11:30AM"),
        ("2025-12-07T15:30:00+00:00", "America/New_York", "10:30AM"),
        ("2025-10-07T11:00:00+00:00", "Nowhere/Land", "11:00AM"),
        ("2025-10-07T11:00:00+00:00", "../etc/passwd", "11:00AM"),
    ],
)
def test_the_wake_time_is_a_12_hour_clock_of_the_device(time, zone, clock):
    moment = datetime.fromisoformat(time)
    now = moment - timedelta(hours=3)
    assert clock_time(moment, zone, now) == clock
    assert next_wake(moment, zone, now, "clock") == {"next_wake": clock}
    assert json.loads(ack("A", "i.jpg", Wake(moment, zone), now, 60))["ACK_OK"] == {"next_wake_time": clock}


@given(st.datetimes(datetime(2025, 1, 1), datetime(2026, 1, 1)), st.integers(1, 24 * 3600))
@example(datetime(2025, 10, 7, 12, 0, 30), 24 * 3600)
@example(datetime(2025, 10, 7, 12, 0, 0), 24 * 3600)
def test_a_device_that_hears_a_clock_time_wakes_that_very_day(now, seconds):
    now = now.replace(microsecond=0, tzinfo=UTC)
    wake = now + timedelta(seconds=seconds)
    told = datetime.strptime(clock_time(wake, "UTC", now), "%I:%M%p")
    heard = now.replace(hour=told.hour, minute=told.minute, second=0)
    heard += timedelta(days=heard <= now)  # as a device reads it: the next such minute
    assert abs(heard - wake) < timedelta(minutes=1)


def test_without_a_schedule_the_ack_is_empty():
    assert json.loads(ack("A", "i.jpg", Wake(None, "UTC"), datetime.now(UTC), 60))["ACK_OK"] == {}


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(hours=30)])
def test_a_wake_that_has_passed_is_not_told(late):
    wake = datetime(2025, 10, 7, 17, 30, tzinfo=UTC)
    now = wake + late
    told = json.loads(ack("A", "i.jpg", Wake(wake, "UTC"), now, 45))["ACK_OK"]["next_wake_time"]
    assert told == clock_time(now + timedelta(minutes=45), "UTC", now)


def test_a_wake_in_iso_is_utc():
    moment = datetime.fromisoformat("2025-10-07T18:48:00+02:00")
    assert next_wake(moment, "Europe/Berlin", moment, "iso") == {"next_wake": "2025-10-07T16:48:00Z"}


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("2025-10-04T12:34:56+00:00", "device"),
        ("2020-01-01T00:00:00+00:00", "device"),
        ("2025-10-09T20:00:00+00:00", "device"),
        ("2025-10-10T08:53:20+00:00", "device"),
        ("2025-10-10T08:53:21+00:00", "arrival"),
        ("2019-12-31T23:59:59+00:00", "arrival"),
        ("1970-01-01T00:00:08+00:00", "arrival"),
        ("2031-01-01T00:00:00+00:00", "arrival"),
        (None, "arrival"),
    ],
)
def test_a_clock_that_is_plainly_wrong_gives_way_to_the_arrival(said, source):
    known = capture(captured=said) if said else capture()
    assert known.captured_at_source == source
    assert known.device_time == (datetime.fromisoformat(said) if said else None)
    if source == "device":
        assert known.captured_at == known.device_time
    else:
        assert known.captured_at == datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "code", "reported", "message"),
    [
        ("1", 1001, 1, "camera initialisation failed"),
        ("2", 1002, 2, "image capture failed"),
        ("3", 1003, 3, "sensor read failed"),
        ("4", 1004, 4, "memory allocation failed"),
        ("99", 1099, 99, "unknown error"),
        ("100", 1000, 100, "unknown error (100)"),
        ("-1", 1000, -1, "ESP_FAIL (-1)"),
        ("1201", 1000, 1201, "unknown error (1201)"),
        ("0", 1000, 0, "unknown error (0)"),
        ("257", 1000, 257, "out of memory (257)"),
        ("261", 1000, 261, "not found (261)"),
        ("263", 1000, 263, "timeout (263)"),
        ("131073", 1000, 131073, "camera not detected (131073)"),
        ("131074", 1000, 131074, "camera refused the frame size (131074)"),
        ("131075", 1000, 131075, "camera refused the pixel format (131075)"),
        ("131076", 1000, 131076, "camera not supported (131076)"),
        (str(10**40), 1000, str(10**40), f"unknown error ({10**40})"),
        ("true", 1000, "true", "unknown error (true)"),
        ("camera timeout", 1000, "camera timeout", "unknown error (camera timeout)"),
    ],
)
def test_what_a_device_reports_has_a_code_of_its_own_range(said, code, reported, message):
    error = device_error(said)
    assert (error.code, error.message, error.details) == (code, message, {"reported": reported})


@given(st.integers().map(str) | st.text(min_size=1))
def test_no_report_looks_like_an_error_of_the_service(said):
    assert 1000 <= device_error(said).code <= 1099


def test_a_row_says_what_is_known():
    row = capture_row(capture(total=45, gas_kohm=12.5, metadata='{"error":0}'))
    assert (row["device_id"], row["image_name"], row["total_chunks"]) == ("AABB", "i.jpg", 45)
    assert row["sensors"] == {"gas_kohm": 12.5}
    assert row["metadata"] == {"error": 0}
    assert row["image_bytes"] is None


def test_a_thumbnail_carries_nothing_that_was_written_beside_the_pixels(decoders):
    exif, said = Image.Exif(), b"<script>alert(1)</script>"
    exif[0x010E] = said.decode()
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(data, "JPEG", exif=exif, comment=said, icc_profile=said * 9)
    assert data.getvalue().count(said) == 11
    drawn = decoders.draw(data.getvalue(), read_header(data.getvalue()))
    assert said not in drawn.thumbnail
