"""The whole service as a device and an operator see it: MQTT in, HTTP out, nothing of ours imported.

(The simulator is the device; it knows the wire and none of the service's code.)
"""

import hashlib
import json
import queue
from itertools import count

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from simulator.fleet import Fleet
from simulator.options import FleetOptions

pytestmark = pytest.mark.usefixtures("services")

_names = count(1)
BUCKET = "gxp-captures"


@pytest.fixture
def prefix():
    return f"SYSTEM{next(_names)}X"


@pytest.fixture(scope="module")
def http(stack):
    headers = {"apikey": stack.supabase_secret_key, "authorization": f"Bearer {stack.supabase_secret_key}"}
    with httpx.Client(base_url=stack.supabase_url, headers=headers, timeout=20, trust_env=False) as client:
        yield client


@pytest.fixture
def rows(http, wait_for):
    """Rows of a table by PostgREST filters, once there are `expect` of them."""

    def read(table, expect, **filters):
        def found():
            answer = http.get(f"/rest/v1/{table}", params=filters).raise_for_status().json()
            return answer if len(answer) >= expect else None

        return wait_for(found)

    return read


@pytest.fixture
def wait_for():
    import time

    def wait(condition, seconds=30):
        end = time.monotonic() + seconds
        while True:
            if result := condition():
                return result
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.05)

    return wait


def fleet(stack, prefix, **options):
    return Fleet(
        FleetOptions(host=stack.mqtt_host, port=stack.mqtt_port, names_prefix=prefix, seed=7, **options)
    )


def like(prefix):
    return {"device_id": f"like.{prefix}*"}


def stored(http, path):
    return http.get(f"/storage/v1/object/{BUCKET}/{path}").raise_for_status().content


def test_every_photograph_of_a_poor_line_is_stored_byte_for_byte(stack, http, rows, prefix):
    report = fleet(
        stack,
        prefix,
        devices=4,
        images=2,
        loss=0.05,
        duplicates=0.1,
        reorder=0.3,
        dialect="mixed",
        sha256=True,
    ).run()
    assert report.ok
    found = {
        (row["device_id"], row["device_capture_id"]): row
        for row in rows("captures", 8, ingest_status="eq.stored", **like(prefix))
    }
    assert len(found) == len(report.images) == 8
    for image in report.images:
        row = found[image.device_id, image.image_name]
        assert (
            hashlib.sha256(stored(http, row["storage_path"])).hexdigest()
            == image.sha256
            == row["image_sha256"]
        )
        assert stored(http, row["thumbnail_path"]).startswith(b"\xff\xd8")
    readings = rows("sensor_readings", 8, **like(prefix))
    assert all(0.1 < reading["gas_kohm"] < 1000 for reading in readings)
    assert len(rows("device_status", 4, **like(prefix))) >= 4


def test_images_that_are_cut_short_are_stored_when_they_come_again_so(stack, rows, prefix):
    report = fleet(stack, prefix, devices=3, images=2, truncate=0.5).run()
    assert report.ok
    damaged = {row["image_sha256"] for row in rows("captures", 6, **like(prefix)) if row["damaged"]}
    assert damaged == {image.sha256 for image in report.images if image.damage == "cut short"}
    assert all((image.nacks > 0) == (image.sha256 in damaged) for image in report.images)


def test_broken_images_fail_and_whole_ones_do_not_suffer(stack, rows, prefix):
    report = fleet(stack, prefix, devices=3, images=2, wrong_size=0.5, timeout=6, wakes=1).run()
    assert report.ok
    states = {row["ingest_status"] for row in rows("captures", 6, **like(prefix))}
    expected = {"stored" if image.expected == "stored" else "failed" for image in report.images}
    assert states == expected == {"stored", "failed"}
    codes = {row["error_code"] for row in rows("device_errors", 1, **like(prefix))}
    assert codes <= {2202, 2203}


def test_a_reused_name_is_another_capture(stack, http, rows, prefix):
    report = fleet(stack, prefix, devices=2, images=2, reuse_names=True).run()
    assert report.ok
    found = rows("captures", 4, ingest_status="eq.stored", **like(prefix))
    images = {hashlib.sha256(stored(http, row["storage_path"])).hexdigest() for row in found}
    assert images == {image.sha256 for image in report.images}
    assert len({row["storage_path"] for row in found}) == 4


def test_a_device_error_is_recorded_and_acknowledged(stack, rows, prefix):
    report = fleet(stack, prefix, devices=2, images=1, device_error=1.0).run()
    assert all(image.expected == "error" for image in report.images)
    errors = rows("device_errors", 2, **like(prefix))
    assert {error["error_code"] for error in errors} <= set(range(1000, 1006))


def test_the_traffic_is_in_the_log_without_its_payload(stack, http, wait_for, prefix):
    report = fleet(stack, prefix, devices=1, images=1).run()
    [image] = report.images

    def whole_log():
        log = http.get("/rest/v1/device_publish_log", params=like(prefix)).raise_for_status().json()
        counts = [row["payload"]["chunks"] for row in log if "chunks" in row["payload"]]
        return log if sum(counts) >= image.chunks_sent else None

    log = wait_for(whole_log)
    sums = [row["payload"] for row in log if "chunks" in row["payload"]]
    assert sum(each["chunks"] for each in sums) == image.chunks_sent
    assert sum(each["bytes"] for each in sums) == image.bytes
    topics = {(row["topic"].rpartition("/")[2], row["direction"]) for row in log}
    assert {("status", "in"), ("data", "in")} <= topics
    assert max(len(json.dumps(row["payload"])) for row in log) < 2000
    wait_for(
        lambda: http.get("/rest/v1/device_publish_log", params={"direction": "eq.out", **like(prefix)}).json()
    )


@pytest.fixture
def client(stack, prefix):
    """An MQTT client that plays a device by hand."""
    heard = queue.Queue()
    device = f"{prefix}BYHAND"
    subscribed = queue.Queue()
    hand = paho.Client(CallbackAPIVersion.VERSION2, client_id=device)
    hand.on_message = lambda _client, _data, message: heard.put(
        (message.topic.rpartition("/")[2], json.loads(message.payload))
    )
    hand.on_subscribe = lambda *_: subscribed.put(True)
    hand.connect(stack.mqtt_host, stack.mqtt_port)
    hand.subscribe([(f"ESP32CAM/{device}/ack", 1), (f"ESP32CAM/{device}/cmd", 1)])
    hand.loop_start()
    subscribed.get(timeout=10)
    hand.device, hand.heard = device, heard
    hand.say = lambda kind, fields: hand.publish(f"ESP32CAM/{device}/{kind}", json.dumps(fields), qos=1)
    yield hand
    hand.disconnect()
    hand.loop_stop()


def test_a_capture_that_is_still_arriving_stands_as_assembling(client, rows):
    client.say(
        "data",
        {
            "image_name": "slow.jpg",
            "total_chunk_count": 9,
            "image_size": 9000,
            "capture_timeStamp": "2025-10-4T1:02:03Z",
        },
    )
    client.say("data", {"image_name": "slow.jpg", "chunk_id": 0, "payload": "AAAA"})
    [row] = rows("captures", 1, device_id=f"eq.{client.device}")
    assert (row["ingest_status"], row["captured_at"][:19].replace(" ", "T")) == (
        "assembling",
        "2025-10-04T01:02:03",
    )
    kind, nack = client.heard.get(timeout=20)
    assert kind == "ack"
    assert nack == {"device_id": client.device, "image_name": "slow.jpg", "missing_chunks": list(range(1, 9))}


def test_bad_messages_are_recorded_and_hurt_nobody(client, rows):
    client.publish(f"ESP32CAM/{client.device}/data", b"\xff\x00{", qos=1)
    client.say("data", {"image_name": "../../etc/passwd", "total_chunk_count": 1})
    client.say("data", {"image_name": "x.jpg", "chunk_id": 10**9, "payload": "AAAA"})
    client.say("data", {"device_id": "SOMEBODYELSE", "image_name": "x.jpg", "chunk_id": 0, "payload": "AAAA"})
    errors = rows("device_errors", 4, device_id=f"eq.{client.device}")
    assert {error["error_code"] for error in errors} == {2101, 2104, 2105, 2107}


def test_a_hello_is_answered(client):
    client.say("status", {"device_id": client.device, "status": "Alive", "pendingImg": 0})
    assert client.heard.get(timeout=20) == ("cmd", {"device_id": client.device, "capture_image": True})


def test_a_fleet_in_conversation_is_never_left_waiting(stack, http, rows, prefix):
    """Devices with a backlog do only what they are told, and end with nothing on their cards."""
    report = fleet(
        stack,
        prefix,
        devices=3,
        images=1,
        backlog=2,
        conversation=True,
        dialect="newer",
        time_scale=3600,
        wake_clock="service",
        timeout=30,
    ).run()
    assert report.ok
    assert report.totals.hung == 0
    assert report.totals.acked == report.totals.images >= 9
    found = rows("captures", report.totals.images, ingest_status="eq.stored", **like(prefix))
    images = {hashlib.sha256(stored(http, row["storage_path"])).hexdigest() for row in found}
    assert images == {image.sha256 for image in report.images}
    assert all(row["battery_mv"] for row in rows("devices", 3, **like(prefix)))
