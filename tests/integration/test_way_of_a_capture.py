"""The way of a complete capture through its stations, and back again after each of them."""

import json
from hashlib import sha256

import pytest
from arrivals import SENSORS, TIME, arrive, photo, pieces_of, run
from store_lab import batch_on

from core.clock import now_ms
from core.errors import Transient
from core.store.captures import LeaseLost
from core.store.keys import CaptureRef
from core.wire import Limits, Metadata, Sensors, decode, parse_time
from tasks import pipeline


def rows(database, device, table="captures"):
    return database.table(table).select("*").eq("device_id", device).order("created_at").execute().data


def test_a_capture_is_stored_byte_for_byte_and_acknowledged(resources, database, bucket, device, ear):
    run(resources, arrive(resources, device, photo(), sha=sha256(photo()).hexdigest()))
    assert ear.next() == (
        f"ESP32CAM/{device}/ack",
        {"device_id": device, "image_name": "image_1.jpg", "ACK_OK": {}},
    )
    [row] = rows(database, device)
    assert row["ingest_status"] == "stored"
    assert row["storage_path"] == f"captures/{device}/2025/10/04/image_1.jpg"
    assert row["thumbnail_path"] == f"thumbnails/{device}/2025/10/04/image_1.jpg"
    assert bucket.download(row["storage_path"]) == photo()
    assert bucket.download(row["thumbnail_path"]).startswith(b"\xff\xd8")
    assert row["image_sha256"] == sha256(photo()).hexdigest()
    assert (row["image_bytes"], row["total_chunks"]) == (len(photo()), -(-len(photo()) // 1024))
    assert (row["width"], row["height"]) > (0, 0)
    [reading] = rows(database, device, "sensor_readings")
    assert (reading["temperature_c"], reading["gas_kohm"]) == (23.5, 12.34567)
    [known] = rows(database, device, "devices")
    assert known["last_seen_at"]


def test_nothing_of_it_stays_in_redis_but_its_tombstone_its_place_and_its_ack(resources, device):
    ref = arrive(resources, device, photo())
    run(resources, ref)
    assert resources.store.captures.get(ref) is None
    assert resources.store.captures.chunks(ref) == {}
    keys = resources.store.redis.keys(f"*{device}*")
    assert sorted(key.split(b":")[2] for key in keys) == [b"acked", b"place", b"tombstone"]


@pytest.mark.parametrize("station", ["_store_image", "_persist_row", "acknowledge"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_another_try_goes_on_after_any_station(
    resources, database, bucket, device, ear, monkeypatch, station, when
):
    ref = arrive(resources, device, photo())
    true_station = getattr(pipeline, station)

    def dies(*arguments):
        if when == "after":
            true_station(*arguments)
        raise Transient("the worker stops here")

    claim = resources.store.captures.claim(ref, "first")
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, station, dies)
        with pytest.raises(Transient):
            pipeline.run(resources, claim)
    resources.store.captures.release(claim, 0)
    run(resources, ref)
    assert ear.next()[1]["ACK_OK"] == {}
    [row] = rows(database, device)
    assert row["ingest_status"] == "stored"
    assert bucket.download(row["storage_path"]) == photo()
    assert len(rows(database, device, "sensor_readings")) == 1
    folder = bucket.list(f"captures/{device}/2025/10/04")
    assert [item["name"].rpartition("/")[2] for item in folder] == ["image_1.jpg"]


def test_the_same_capture_after_its_tombstone_is_gone(resources, database, bucket, device, ear):
    for _ in range(2):
        run(resources, arrive(resources, device, photo()))
        assert ear.next()[1]["ACK_OK"] == {}
        resources.store.redis.delete(*resources.store.redis.keys(f"*tombstone:{device}*"))
    assert len(rows(database, device)) == 1
    assert len(bucket.list(f"captures/{device}/2025/10/04")) == 1


@pytest.mark.parametrize(
    ("data", "options", "code"),
    [
        (photo()[:200], {}, 2203),
        (photo()[2:], {}, 2203),
        (photo(), {"size": 999}, 2202),
        (photo(), {"sha": "0" * 64}, 2207),
    ],
)
def test_a_broken_image_is_quarantined_and_may_be_sent_afresh(
    resources, database, bucket, device, ear, data, options, code
):
    run(resources, arrive(resources, device, data, **options))
    [row] = rows(database, device)
    assert (row["ingest_status"], row["error_code"]) == ("failed", code)
    assert row["storage_path"].startswith(f"quarantine/{device}/2025/10/04/image_1--")
    assert bucket.download(row["storage_path"]) == data
    [error] = rows_of_errors(database, device)
    assert error["error_code"] == code
    assert ear.messages.empty()
    if "sha" in options:
        return
    run(resources, arrive(resources, device, photo()))
    assert ear.next()[1]["ACK_OK"] == {}
    assert rows(database, device)[-1]["ingest_status"] == "stored"


def rows_of_errors(database, device):
    return database.table("device_errors").select("*").eq("device_id", device).execute().data


def test_a_device_that_reports_an_error_may_sleep(resources, database, device, ear):
    run(resources, arrive(resources, device, b"", "no-image", error="2"))
    assert ear.next()[1] == {"device_id": device, "image_name": "no-image", "ACK_OK": {}}
    [row] = rows(database, device)
    assert (row["ingest_status"], row["error_code"], row["storage_path"]) == ("failed", 1002, None)
    [error] = rows_of_errors(database, device)
    assert (error["error_code"], error["message"]) == (1002, "image capture failed")
    assert len(rows(database, device, "sensor_readings")) == 1


@pytest.mark.parametrize(
    ("said", "code", "reported"),
    [
        (7, 1007, 7),
        ("2", 1002, 2),
        (-1, 1000, -1),
        (131073, 1000, 131073),
        (1201, 1000, 1201),  # not 2201, which is the service's
        (10**30, 1000, "1e+30"),
        (True, 1000, "true"),
        ("camera timeout", 1000, "camera timeout"),
    ],
)
def test_a_report_in_any_form_lets_the_device_sleep(resources, database, device, ear, said, code, reported):
    report = {"image_name": "i.jpg", "capture_timeStamp": TIME, "error": said, "temperature": 21.5}
    topic = f"ESP32CAM/{device}/data"
    batch = batch_on(resources)
    batch.metadata(decode(topic, json.dumps(report).encode(), Limits(65_536, 2**20)), now_ms())
    [outcome] = batch.commit()
    assert outcome.status == "complete"
    run(resources, outcome.ref)
    assert ear.next()[1] == {"device_id": device, "image_name": "i.jpg", "ACK_OK": {}}
    [row] = rows(database, device)
    assert (row["ingest_status"], row["error_code"]) == ("failed", code)
    [error] = rows_of_errors(database, device)
    assert (error["error_code"], error["details"]["reported"]) == (code, reported)
    [reading] = rows(database, device, "sensor_readings")
    assert reading["temperature_c"] == 21.5


def test_a_report_beside_an_arriving_image_leaves_it_its_ack(resources, database, bucket, device, ear):
    data, name = photo(), "image_1.jpg"
    pieces = pieces_of(data)
    metadata = Metadata(device, None, name, parse_time(TIME), len(data), len(pieces), sensors=SENSORS)
    report = metadata._replace(total_chunks=None, error="3", sensors=Sensors(temperature_c=7.5))
    batch = batch_on(resources)
    batch.metadata(metadata, now_ms())
    batch.chunks(CaptureRef(device, name), now_ms(), [0, pieces[0]])
    batch.metadata(report, now_ms())
    *_, reported = batch.commit()
    run(resources, reported.ref)
    assert ear.messages.empty()
    [row] = rows(database, device)
    assert (row["ingest_status"], row["error_code"]) == ("failed", 1003)
    batch = batch_on(resources)
    batch.chunks(
        CaptureRef(device, name), now_ms(), [item for pair in list(enumerate(pieces))[1:] for item in pair]
    )
    [outcome] = batch.commit()
    run(resources, outcome.ref)
    assert ear.next()[1] == {"device_id": device, "image_name": name, "ACK_OK": {}}
    first, second = rows(database, device)
    assert (first["error_code"], second["ingest_status"], second["error_code"]) == (1003, "stored", None)
    assert bucket.download(second["storage_path"]) == data
    readings = {row["capture_id"]: row["temperature_c"] for row in rows(database, device, "sensor_readings")}
    assert readings == {first["capture_id"]: 7.5, second["capture_id"]: 23.5}
    assert [error["error_code"] for error in rows_of_errors(database, device)] == [1003]


def test_an_older_image_that_waited_is_not_acknowledged_for_a_newer_one_that_failed(
    resources, database, device, ear
):
    older = arrive(resources, device, photo(0), time="2025-10-04T08:00:00Z")
    newer = arrive(resources, device, photo(1), time="2025-10-04T20:00:00Z", sha="0" * 64)
    run(resources, newer)
    run(resources, older)
    assert ear.messages.empty()
    states = {row["captured_at"][11:13]: row["ingest_status"] for row in rows(database, device)}
    assert states == {"08": "stored", "20": "failed"}


def test_a_clock_of_1970_is_stored_by_its_arrival(resources, database, device):
    run(resources, arrive(resources, device, photo(), time="1970-01-01T00:00:08Z"))
    [row] = rows(database, device)
    assert row["captured_at_source"] == "arrival"
    assert not row["captured_at"].startswith("1970")


def test_a_capture_that_kills_its_workers_is_put_aside(resources, database, device, ear):
    ref = arrive(resources, device, photo())
    key = f"*capture:{ref}"
    [name] = resources.store.redis.keys(key)
    resources.store.redis.hset(name, "attempts", pipeline.MAX_ATTEMPTS)
    run(resources, ref)
    [row] = rows(database, device)
    assert (row["ingest_status"], row["error_code"]) == ("failed", 2200)
    assert ear.messages.empty()


def test_another_worker_that_took_over_is_left_to_finish(resources, device):
    ref = arrive(resources, device, photo())
    claim = resources.store.captures.claim(ref, "slow")
    [name] = resources.store.redis.keys(f"*capture:{ref}")
    resources.store.redis.hset(name, "owner", "quick")
    with pytest.raises(LeaseLost):
        pipeline.run(resources, claim)


def test_a_usual_name_is_not_needed(resources, database, bucket, device):
    run(resources, arrive(resources, device, photo(), "a strange (1) name!.jpg"))
    [row] = rows(database, device)
    assert row["device_capture_id"] == "a strange (1) name!.jpg"
    assert bucket.download(row["storage_path"]) == photo()
