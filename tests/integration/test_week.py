"""A simulated week of a fleet that is offline now and then: nothing is lost, and nobody waits in vain."""

import io
from collections import Counter
from datetime import datetime, timedelta
from statistics import median

import pytest
from PIL import Image
from week import TRAVEL_S, WEEK_START, Week, clock

from simulator.card import Camera
from simulator.device import Device
from simulator.dialects import DIALECTS
from simulator.options import FleetOptions
from simulator.pictures import load_photos
from simulator.report import all_images, sum_up

DEVICES = 200
SEED = 20


@pytest.fixture
def photos(tmp_path):
    """Small pictures, so that a week of them passes quickly."""
    for number in range(3):
        with io.BytesIO() as output:
            Image.effect_noise((96, 64), 40 + number).save(output, "JPEG", quality=60)
            (tmp_path / f"{number}.jpg").write_bytes(output.getvalue())
    return tmp_path


@pytest.fixture
def company(database):
    """A company whose devices take one picture a day, around noon in Berlin."""
    [company] = database.table("companies").insert({"name": "A simulated week"}).execute().data
    database.table("device_configs").insert(
        {
            "company_id": company["company_id"],
            "captures_per_day": 1,
            "timezone": "Europe/Berlin",
            "wake_spread_s": 1800,
        }
    ).execute()
    return company["company_id"]


class Wakes:
    """Hears what the devices do; `plain` are the seconds from wake to ACK where one picture came without loss."""

    def __init__(self):
        self.plain = []
        self._began, self._acked, self._seen = {}, {}, {}

    def __call__(self, event):
        name, now = event.device_id, self.week.now
        if event.kind == "wake":
            self._began[name], self._seen[name] = now, Counter()
        self._seen[name][event.kind] += 1
        if event.kind == "ack":
            self._acked[name] = now
        elif event.kind in ("sleep", "finished"):
            seen = self._seen[name]
            if seen["hello"] == seen["command"] == seen["ack"] == 1 and not seen["nack"]:
                self.plain.append(self._acked[name] - self._began[name])


@pytest.mark.timeout(900)
def test_a_week_of_200_devices(resources, database, company, photos, capsys):
    resources.store.redis.flushdb()
    names = tuple(f"WEEK{number:03d}" for number in range(DEVICES))
    database.table("devices").insert([{"device_id": name, "company_id": company} for name in names]).execute()
    options = FleetOptions(
        device_ids=names,
        devices=DEVICES,
        conversation=True,
        days=7,
        clock_start=WEEK_START,
        spread=24 * 3600,
        offline=0.08,
        offline_hours=40,
        loss=0.02,
        photos=photos,
        time_zone="Europe/Berlin",
        sleep=24 * 3600,
        dialect="newer",
        seed=SEED,
        wakes=30,
    )
    pictures, wakes = load_photos(photos), Wakes()
    devices = [
        Device(
            name,
            options,
            DIALECTS[options.dialect],
            Camera(name, options, pictures, clock(), SEED),
            clock(),
            sink=wakes,
        )
        for name in names
    ]
    week = wakes.week = Week(devices, resources)
    week.run()

    images = all_images(devices)
    totals = sum_up(devices, images, 0)
    with capsys.disabled():
        print(
            f"\nweek of {DEVICES} devices, seed {SEED}: {totals.images} pictures, {totals.acked} acknowledged, "
            f"{totals.offline} wakes offline, {totals.nacks} NACKs, {totals.hung} waits in vain, "
            f"{totals.awake_seconds_per_capture:.1f} s awake per capture; in {len(wakes.plain)} wakes with one picture of "
            f"which nothing was lost {median(wakes.plain):.2f} s, and then {options.linger:g} s as it lingers"
        )
    # Hello and command, picture and ACK: the device waits for nothing else.
    assert len(wakes.plain) > totals.wakes / 2
    assert median(wakes.plain) <= 1.2 * 2 * (2 * TRAVEL_S)
    assert totals.offline > DEVICES / 10
    assert totals.hung == 0
    assert totals.unusable_messages == 0
    held = {(device.device_id, name) for device in devices for name in device.card.held}
    assert totals.acked == totals.images - len(held)

    stored = {}
    for start in range(0, 10**6, 1000):
        page = (
            database.table("captures")
            .select("device_id, device_capture_id, captured_at, ingest_status, image_sha256")
            .like("device_id", "WEEK%")
            .eq("ingest_status", "stored")
            .order("capture_id")
            .range(start, start + 999)
            .execute()
            .data
        )
        stored |= {(row["device_id"], row["device_capture_id"]): row for row in page}
        if len(page) < 1000:
            break
    for image in images:
        if image.acked:
            row = stored[image.device_id, image.image_name]
            assert row["image_sha256"] == image.sha256
            assert datetime.fromisoformat(row["captured_at"]) == datetime.fromisoformat(image.captured_at)
    # One picture a day. (The first wake may come at any time of day, and a device that is cut off repeats
    # its last sleep, however short: a few take many more.)
    per_device = Counter(image.device_id for image in images)
    assert min(per_device.values()) >= 6
    assert 7 <= median(per_device.values()) <= 8
    times = [datetime.fromisoformat(image.captured_at) for image in images]
    assert max(times) - min(times) > timedelta(days=6)
