"""Faults, pictures, the clock and the options, each by itself."""

import hashlib
import io
import tracemalloc
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from simulator.card import Camera, Card
from simulator.clock import Clock, iso, read_clock_time, read_iso, unpadded_iso
from simulator.dialects import DIALECTS
from simulator.faults import REACH, chunks_on_the_line
from simulator.offer import Offer
from simulator.options import FleetOptions, OptionError
from simulator.pictures import Damage, load_photos, take_shot

share = st.floats(0, 1)


@given(st.integers(0, 200), st.integers(), share, share, share)
def test_the_line_is_determined_by_its_seed(count, seed, loss, duplicates, reorder):
    def play():
        return chunks_on_the_line(
            range(count), Random(seed), loss=loss, duplicates=duplicates, reorder=reorder
        )

    sent = play()
    assert sent == play()
    assert set(sent) <= set(range(count))
    assert all(sent.count(i) <= 2 for i in set(sent))
    assert len(sent) >= (0 if loss else count)


@given(st.integers(1, 200), st.integers())
def test_a_good_line_changes_nothing_and_a_dead_one_lets_nothing_through(count, seed):
    good = chunks_on_the_line(range(count), Random(seed), loss=0, duplicates=0, reorder=0)
    assert good == list(range(count))
    assert chunks_on_the_line(range(count), Random(seed), loss=1, duplicates=1, reorder=1) == []
    twice = chunks_on_the_line(range(count), Random(seed), loss=0, duplicates=1, reorder=0)
    assert sorted(twice) == sorted([*range(count), *range(count)])


@given(st.integers(1, 200), st.integers())
def test_chunks_are_overtaken_within_reach(count, seed):
    sent = chunks_on_the_line(range(count), Random(seed), loss=0, duplicates=0, reorder=1)
    assert sorted(sent) == list(range(count))
    assert all(abs(position - chunk_id) <= REACH for position, chunk_id in enumerate(sent))


def test_the_shares_come_out_about_right():
    sent = chunks_on_the_line(range(10_000), Random(1), loss=0.1, duplicates=0.2, reorder=0.3)
    assert 0.88 < len(set(sent)) / 10_000 < 0.92
    assert 0.18 < (len(sent) - len(set(sent))) / len(set(sent)) < 0.22


def test_every_picture_is_a_valid_jpeg_with_bytes_of_its_own():
    photos = load_photos()
    assert len(photos) == 5
    digests = set()
    for number in range(20):
        shot = take_shot(photos, f"picture {number}", Damage.NONE, Random(1))
        data = shot.develop(photos)
        digests.add(hashlib.sha256(data).hexdigest())
        with Pillow.open(io.BytesIO(data), formats=["JPEG"]) as image:
            image.load()
            assert image.width >= 640
    assert len(digests) == 20


def test_a_camera_does_not_show_the_same_photograph_twice_in_a_row():
    photos, card = load_photos(), Card()
    camera = Camera("AABBCCDDEEFF", FleetOptions(), photos, Clock(1_759_750_496.0), 1)
    views = [
        Pillow.open(io.BytesIO(camera.develop(camera.take(card, float(n))))).tobytes() for n in range(20)
    ]
    assert all(one != other for one, other in pairwise(views))


def test_pictures_of_one_photograph_differ_in_most_chunks():
    photos = load_photos()[:1]
    rng = Random(1)
    one, two = (take_shot(photos, "same length", Damage.NONE, rng).develop(photos) for _ in range(2))
    pairs = [(one[i : i + 1024], two[i : i + 1024]) for i in range(0, min(len(one), len(two)), 1024)]
    assert sum(a != b for a, b in pairs) == len(pairs)


@pytest.mark.parametrize(
    ("damage", "start", "end"),
    [(Damage.NO_START, False, True), (Damage.NO_END, True, False), (Damage.CUT, True, False)],
)
def test_damage_breaks_the_markers(damage, start, end):
    photos = load_photos()
    data = take_shot(photos, "x", damage, Random(2)).develop(photos)
    assert data.startswith(b"\xff\xd8") is start
    assert data.endswith(b"\xff\xd9") is end


def test_wrong_size_and_wrong_digest_are_told_for_good_bytes():
    photos, clock = load_photos(), Clock(1_759_750_496.0)
    for option, field in (("wrong_size", "image_size"), ("wrong_sha256", "sha256")):
        options = FleetOptions(**{option: 1.0}, sha256=True)
        image = Camera("AABBCCDDEEFF", options, photos, clock, 1).take(Card(), 0.0)
        told = getattr(image.metadata, field)
        assert told != (image.size if field == "image_size" else image.sha256)


def test_a_picture_that_was_sent_takes_little_memory_for_the_report():
    options, card = FleetOptions(), Card()
    camera = Camera("AABBCCDDEEFF", options, load_photos(), Clock(1_759_750_496.0), 1)

    def send(number):
        image = camera.take(card, float(number))
        data = camera.develop(image)
        offer = Offer("AABBCCDDEEFF", options, DIALECTS["standard"], image, data, loss=0, rng=camera.rng)
        while offer.steps:
            offer.write(offer.steps.popleft(), 0.0)
        assert image.has_left
        assert image.chunks > 40
        card.delete(image.name)

    send(0)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1, 51):
            send(number)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / 50 < 2500


def test_photographs_come_from_a_folder(tmp_path):
    with pytest.raises(OptionError, match="no such folder"):
        load_photos(tmp_path / "nowhere")
    with pytest.raises(OptionError, match=r"no \.jpg file"):
        load_photos(tmp_path)
    Pillow.new("RGB", (32, 24), "red").save(tmp_path / "red.JPG", format="JPEG")
    assert len(load_photos(tmp_path)) == 1
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 cut")
    with pytest.raises(OptionError, match="not a whole JPEG"):
        load_photos(tmp_path)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("5:30PM", "2025-10-06T11:34:56", "2025-10-06T17:30:00"),
        ("11:00AM", "2025-10-06T11:34:56", "2025-10-07T11:00:00"),
        ("12:00AM", "2025-10-06T11:34:56", "2025-10-07T00:00:00"),
        ("12:05PM", "2025-12-31T23:00:00", "2026-01-01T12:05:00"),
        ("11:34AM", "2025-10-06T11:34:00", "2025-10-07T11:34:00"),
    ],
)
def test_clock_times_are_the_next_of_their_kind(text, after, expected):
    start = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    assert read_clock_time(text, start) == datetime.fromisoformat(expected).replace(tzinfo=UTC).timestamp()


def test_clock_times_in_a_zone_with_summer_time():
    zone = ZoneInfo("Europe/Berlin")
    after = datetime(2025, 10, 25, 12, 0, tzinfo=zone).timestamp()
    wake = read_clock_time("11:00AM", after, zone)
    # The night in between is an hour longer.
    assert datetime.fromtimestamp(wake, UTC) == datetime(2025, 10, 26, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "17:30", "05:30PM", "5:60PM", "13:00PM", "5:30 PM", "5:30pm", "٥:30PM"])
def test_other_forms_are_no_clock_times(text):
    assert read_clock_time(text, 0.0) is None


def test_iso_times():
    assert read_iso("2025-10-07T16:48:00Z") == 1_759_855_680.0
    assert read_iso("2025-10-07T16:48:00") == 1_759_855_680.0
    assert read_iso("soon") is None
    assert iso(1_759_712_667) == "2025-10-06T01:04:27Z"
    assert unpadded_iso(1_759_712_667) == "2025-10-6T1:04:27Z"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("loss", 1.5),
        ("devices", 0),
        ("port", 70000),
        ("dialect", "klingon"),
        ("timeout", 0),
        ("time_scale", -1),
        ("device_ids", ("a/b",)),
        ("device_ids", ("A", "A")),
        ("names_prefix", "bad name"),
        ("time_zone", "Mars/Olympus"),
        ("clock_start", datetime(2025, 1, 1)),
        ("days", 3.0),
        ("pace", -0.1),
        ("lost_link", 1.1),
        ("covered", -0.1),
        ("affected", 2),
        ("silent_after", -1),
        ("good_first", -1),
        ("loss_to", 0.5),
        ("drift", {"mood": 1.0}),
        ("drift", {"temperature": float("nan")}),
        ("images", -1),
    ],
)
def test_options_that_cannot_work_are_named(option, value):
    with pytest.raises(OptionError, match=option):
        FleetOptions(**{option: value})


def test_options_that_exclude_each_other():
    with pytest.raises(OptionError, match="together"):
        FleetOptions(corrupt=0.6, truncate=0.6)
    with pytest.raises(OptionError, match="exclude"):
        FleetOptions(pace=1.0, image_seconds=3.0)
    with pytest.raises(OptionError, match="exclude"):
        FleetOptions(names_prefix="A", device_ids=("B",))
    with pytest.raises(OptionError, match="tls"):
        FleetOptions(ca_cert="x.pem")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"battery_from": 101}, "battery_from must be from 0 to 100"),
        ({"battery_from": float("nan")}, "battery_from must be from 0 to 100"),
        ({"battery_from": 40, "battery_to": -1, "images": 2}, "battery_to must be from 0 to 100"),
        ({"battery_to": 5, "images": 2}, "battery_to needs battery_from"),
        ({"battery_from": 40, "battery_to": 5}, "battery_to needs two images or more, or days"),
        ({"rssi_from": 10}, "rssi_from must be from -120 to 0"),
        ({"rssi_from": -50, "dialect": "newer-voltage-mv"}, "rssi_from needs a dialect that reports it"),
    ],
)
def test_a_course_that_cannot_be_is_named(options, said):
    with pytest.raises(OptionError, match=said):
        FleetOptions(**{"dialect": "newer", **options})


def test_the_password_does_not_show():
    assert "sesame" not in repr(FleetOptions(username="u", password="sesame"))
