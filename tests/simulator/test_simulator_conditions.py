"""What goes wrong with devices and pictures, by what arrives on the wire and what the pictures look like."""

import base64
import io
from itertools import pairwise

import pytest
from device_lab import Bench, chunks_of, metadata_of
from PIL import Image as Pillow
from PIL import ImageChops, ImageFilter, ImageStat
from scripted_service import ScriptedService

from simulator import Fleet, FleetOptions
from simulator.state import State


def serve(bench):
    """Acknowledge what comes whole, until the device has finished; return the messages of each of its wakes."""
    wakes = []
    while bench.state is not State.FINISHED:
        bench.run(min(bench.device.next_send, bench.device.next_timer))
        messages = bench.take()
        for message in messages:
            if "status" in message:
                wakes.append([])
            wakes[-1].append(message)
        if bench.state is State.AWAIT_ANSWER:
            bench.ack(next(m["image_name"] for m in wakes[-1] if m.get("image_size")))
    return wakes


def pictures(**options):
    """Return the bytes of each picture of a device, as they arrive."""
    arrived = []
    for messages in serve(Bench(**{"wakes": 1, "sleep": 1, **options})):
        chunks = chunks_of(messages)
        arrived.append(b"".join(chunks[i] for i in sorted(chunks)))
    return arrived


def look(data):
    image = Pillow.open(io.BytesIO(data), formats=["JPEG"])
    image.load()
    return image.convert("L")


def brightness(image):
    return ImageStat.Stat(image).mean[0]


def sharpness(image):
    # The noise of the sensor, which a blurred scene has too, does not survive the smaller size.
    edges = image.resize((320, 240)).filter(ImageFilter.FIND_EDGES)
    # The filter leaves the outermost pixels as they are.
    return ImageStat.Stat(edges.crop((2, 2, 318, 238))).var[0]


def difference(one, other):
    return ImageStat.Stat(ImageChops.difference(one, other)).mean[0]


def good_and(kind, seed, **options):
    """Return two good pictures of a device, and one with something wrong."""
    return pictures(images=3, good_first=2, seed=seed, **{kind: 1.0}, **options)


# Seeds under which the device stands before each of the five photographs.
SEEDS = pytest.mark.parametrize("seed", [1, 2, 5, 6, 10])


def test_a_fixed_camera_sees_the_same_scene_in_changing_light():
    photos = pictures(images=4, fixed_scene=True)
    assert len(set(photos)) == 4
    looks = [look(data) for data in photos]
    for one, other in pairwise(looks):
        assert 0 < difference(one, other) < 20
    assert len({brightness(image) for image in looks}) == 4


@SEEDS
def test_covered(seed):
    good, again, covered = map(look, good_and("covered", seed))
    assert sharpness(covered) < sharpness(good) / 20
    assert brightness(covered) < 80
    assert difference(good, covered) > 2 * difference(good, again)


@SEEDS
def test_blurred(seed):
    good, again, blurred = map(look, good_and("blurred", seed))
    assert sharpness(blurred) < sharpness(good) / 3
    assert sharpness(again) > sharpness(good) / 2
    assert abs(brightness(blurred) - brightness(good)) < 30


@SEEDS
def test_dark_and_white(seed):
    assert brightness(look(good_and("dark", seed)[2])) < 10
    assert brightness(look(good_and("white", seed)[2])) > 245


@SEEDS
def test_shifted(seed):
    good, _, shifted = map(look, good_and("shifted", seed))
    small, moved = (image.resize((80, 60)).convert("L") for image in (good, shifted))

    def overlap(across, down):
        width, height = 80 - abs(across), 60 - abs(down)
        old = small.crop((max(0, across), max(0, down), max(0, across) + width, max(0, down) + height))
        new = moved.crop((max(0, -across), max(0, -down), max(0, -across) + width, max(0, -down) + height))
        return difference(old, new)

    steps = [(across, down) for across in range(-30, 31) for down in range(-22, 23)]
    across, down = min(steps, key=lambda step: overlap(*step))
    assert 14 <= abs(across) <= 29
    assert 11 <= abs(down) <= 22
    assert overlap(across, down) < overlap(0, 0) / 2


def test_a_turned_camera_stays_as_it_is():
    looks = [look(data) for data in pictures(images=3, shifted=1.0)]
    assert max(difference(one, other) for one, other in pairwise(looks)) < 20


def test_a_frozen_camera_sends_its_last_good_picture_again():
    first, second, *frozen = pictures(images=5, good_first=2, frozen=1.0)
    assert first != second
    assert set(frozen) == {second}


def test_frozen_pictures_are_pictures_of_their_own():
    bench = Bench(images=3, frozen=1.0, sleep=1)
    told = [metadata_of(messages)[0] for messages in serve(bench)]
    assert len({m["image_name"] for m in told}) == len({m["capture_timeStamp"] for m in told}) == 3


@SEEDS
def test_damaged(seed):
    (data,) = pictures(images=1, damaged=1.0, seed=seed, chunk_size=1024)
    (whole,) = pictures(images=1, seed=seed, chunk_size=1024)
    assert data.startswith(b"\xff\xd8")
    assert data.endswith(b"\xff\xd9")
    assert len(data) == len(whole)
    broken, good = look(data), look(whole)
    top, bottom = ((0, 0, good.width, 64), (0, good.height // 4, good.width, good.height))
    assert difference(broken.crop(top), good.crop(top)) == 0
    assert difference(broken.crop(bottom), good.crop(bottom)) > 0


def test_partial_pictures_come_whole_at_the_next_wake():
    bench = Bench(images=2, good_first=1, partial=1.0, wakes=2, sleep=5, chunk_size=1024)
    good, broken_off, again = serve(bench)
    assert metadata_of(broken_off)[0] == metadata_of(again)[0]
    count = metadata_of(again)[0]["total_chunk_count"]
    assert sorted(chunks_of(good)) == list(range(metadata_of(good)[0]["total_chunk_count"]))
    assert sorted(chunks_of(broken_off)) == list(range(len(chunks_of(broken_off))))
    assert 0.25 * count < len(chunks_of(broken_off)) < 0.95 * count
    assert sorted(chunks_of(again)) == list(range(count))
    assert again[0]["pendingImg"] == 1
    assert bench.device.tally.hung == 0


def test_a_failing_camera_reports_an_error_instead_of_a_picture():
    wakes = serve(Bench(images=4, good_first=2, device_error=1.0, sleep=1))
    errors = [next(m["error"] for m in messages if m.get("error") is not None) for messages in wakes]
    assert errors[:2] == [0, 0]
    assert all(errors[2:])
    assert [bool(chunks_of(messages)) for messages in wakes] == [True, True, False, False]


def test_the_battery_falls_from_the_first_wake_to_the_last():
    hellos = [
        messages[0] for messages in serve(Bench("newer", images=8, battery_from=40, battery_to=5, sleep=1))
    ]
    assert [hello["battery_percent"] for hello in hellos] == [40, 35, 30, 25, 20, 15, 10, 5]
    volts = [hello["battery_voltage"] for hello in hellos]
    assert volts == sorted(volts, reverse=True)
    assert volts[0] - volts[-1] == pytest.approx(0.35 * 0.9, abs=0.02)


def test_a_battery_can_stay_as_it_is_and_can_be_charged():
    for options, expected in (
        ({"battery_from": 7}, [7, 7, 7]),
        ({"battery_from": 10, "battery_to": 90}, [10, 50, 90]),
    ):
        wakes = serve(Bench("newer", images=3, sleep=1, **options))
        assert [messages[0]["battery_percent"] for messages in wakes] == expected


def test_over_days_the_battery_falls_by_the_clock_of_the_device():
    bench = Bench(
        "newer-mv",
        conversation=True,
        days=2,
        sleep=43_200,
        time_scale=86_400.0,
        battery_from=100,
        battery_to=0,
    )
    hellos = []
    while bench.state is not State.FINISHED:
        bench.run(min(bench.device.next_send, bench.device.next_timer))
        hellos += [message["battery_mv"] for message in bench.take()]
        if bench.state is State.AWAIT_COMMAND:
            bench.hear("cmd", next_wake="2000-01-01T00:00:00Z")
    assert hellos == [4200, 3980, 3750, 3520]


def test_the_signal_falls_and_more_chunks_are_lost():
    bench = Bench(
        "newer", images=5, rssi_from=-50, rssi_to=-90, loss_to=0.8, sleep=1, wakes=1, chunk_size=1024
    )
    hellos, sent = [], []
    while bench.state is not State.FINISHED:
        bench.run(min(bench.device.next_send, bench.device.next_timer))
        for message in bench.take():
            if "status" in message:
                hellos.append(message["wifi_rssi"])
                sent.append(set())
            elif "chunk_id" in message:
                sent[-1].add(message["chunk_id"])
    counts = [image.chunks for image in bench.device.card.taken]
    assert hellos == [-50, -60, -70, -80, -90]
    lost = [1 - len(ids) / count for ids, count in zip(sent, counts, strict=True)]
    assert lost == [pytest.approx(share, abs=0.15) for share in (0, 0.2, 0.4, 0.6, 0.8)]
    assert lost[0] == 0


def test_a_lost_link_is_one_gap_in_chunks_and_in_time():
    bench = Bench(lost_link=0.25, image_seconds=40.0, metadata_repeats=0, wakes=1, chunk_size=1024).run(100)
    times = {message["chunk_id"]: time for time, _, message in bench.sent if "chunk_id" in message}
    count = bench.device.card.taken[0].chunks
    missing = [i for i in range(count) if i not in times]
    assert missing == list(range(missing[0], missing[-1] + 1))
    assert len(missing) == round(count * 0.25)
    assert times[missing[-1] + 1] - times[missing[0] - 1] == pytest.approx(10, abs=1)


def test_what_a_lost_link_took_comes_when_it_is_asked_for():
    bench = Bench(lost_link=0.25, chunk_size=1024).run()
    there = set(chunks_of(bench.take()))
    missing = [i for i in range(bench.device.card.taken[0].chunks) if i not in there]
    bench.hear("ack", image_name="image_1.jpg", missing_chunks=missing)
    assert sorted(chunks_of(bench.take())) == missing


def test_a_sensor_drifts_from_picture_to_picture_to_the_end_of_its_range():
    wakes = serve(Bench(images=5, sleep=1, drift={"temperature": 0.5, "humidity": -20.0}))
    told = [metadata_of(messages)[0] for messages in wakes]
    assert [m["temperature"] for m in told] == [21.0, 21.5, 22.0, 22.5, 23.0]
    assert [m["humidity"] for m in told] == [50.0, 30.0, 10.0, 0.0, 0.0]
    assert len({m["pressure"] for m in told}) == 5


def test_a_drift_of_gas_is_in_ohms_whatever_the_firmware_reports():
    wakes = serve(Bench("newer-mv", images=2, sleep=1, drift={"gas_resistance": 5000.0}))
    gas = [m["gas_resistance"] for messages in wakes for m in messages if m.get("gas_resistance")]
    assert gas == [50.0, 55.0]


def test_a_device_goes_silent():
    bench = Bench(images=5, silent_after=2, sleep=1)
    assert len(serve(bench)) == 2
    assert bench.kinds()[-1] == "silent"
    assert bench.run(1000).take() == []


def test_a_few_devices_of_a_fleet_go_silent(broker):
    with ScriptedService(broker.port) as service:
        options = FleetOptions(
            port=broker.port,
            devices=4,
            images=3,
            affected=2,
            silent_after=1,
            sleep=0.1,
            timeout=20,
            chunk_size=8192,
        )
        report = Fleet(options).run()
        assert [len(service.hellos[device]) for device in report.devices] == [1, 1, 3, 3]
        assert report.ok
        assert report.totals.images_not_taken == 0


def test_what_goes_wrong_does_so_for_the_affected_only(broker):
    with ScriptedService(broker.port) as service:
        options = FleetOptions(
            port=broker.port,
            devices=3,
            images=2,
            affected=1,
            dialect="newer",
            battery_from=5,
            drift={"temperature": 1.0},
            dark=1.0,
            sleep=0.1,
            timeout=20,
            chunk_size=65536,
        )
        report = Fleet(options).run()
        assert report.ok
        ill, *well = report.devices
        assert [hello["battery_percent"] for hello in service.hellos[ill]] == [5, 5]
        assert all(hello["battery_percent"] > 90 for device in well for hello in service.hellos[device])
        light = {device: [] for device in report.devices}
        for device, _, body in service.messages:
            if body.get("chunk_id") == 0 and len(body["payload"]) < 65536:
                light[device].append(brightness(look(base64.b64decode(body["payload"]))))
        assert all(level < 10 for level in light[ill])
        assert len(light[ill]) == 2
        for device in well:
            assert all(level > 15 for level in light[device])


def test_partial_pictures_are_stored_in_the_end_and_never_if_there_is_no_next_wake(broker):
    with ScriptedService(broker.port) as service:
        common = {"port": broker.port, "devices": 3, "partial": 1.0, "sleep": 0.1, "timeout": 20}
        report = Fleet(FleetOptions(**common)).run()
        assert report.ok
        assert sorted(service.stored.values()) == sorted(image.sha256 for image in report.images)
        assert [image.offers for image in report.images] == [2, 2, 2]
        assert {image.damage for image in report.images} == {"partial"}
        report = Fleet(FleetOptions(**common, wakes=1)).run()
        assert report.ok
        assert {image.expected for image in report.images} == {"failed"}
        assert len(service.stored) == 3


def test_the_same_seed_gives_the_same_pictures():
    options = {"images": 3, "covered": 0.3, "shifted": 0.3, "frozen": 0.3}
    assert pictures(seed=8, **options) == pictures(seed=8, **options)
    assert pictures(seed=8, **options) != pictures(seed=9, **options)
