"""Supabase is away while many captures wait: how many messages there are then, and how fast all is stored after."""

import base64
import json
import threading
import time
from random import Random

import chaos_ledger
import paho.mqtt.client as paho
import pytest
import redis
from chaos_proxy import Fault
from chaos_wire import Picture, photograph
from paho.mqtt.enums import CallbackAPIVersion

PICTURES_OF_A_DEVICE = 10
SHORT, LONG = (300, 45), (2_000, 240)  # captures, seconds of outage


class Crowd:
    """Many devices on one connection, each with its pictures."""

    def __init__(self, port, prefix, number, rng):
        self.pictures = {
            (f"{prefix}{index // PICTURES_OF_A_DEVICE:04}", f"image_{index}.jpg"): Picture(
                f"image_{index}.jpg", photograph(rng, 16)
            )
            for index in range(number)
        }
        self.acknowledged = {}
        self.changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"crowd{prefix}")
        self._client.max_inflight_messages_set(100)
        self._client.on_message = self._on_message
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("ESP32CAM/+/ack", 1)
        self._client.loop_start()
        assert subscribed.wait(10)

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()

    def offer(self):
        """Send every picture whole, and wait for the last PUBACK."""
        for (device, _), picture in self.pictures.items():
            topic, name = f"ESP32CAM/{device}/data", {"device_id": device, "image_name": picture.name}
            self._client.publish(topic, json.dumps({**picture.metadata, **name}), qos=1)
            for number, chunk in enumerate(picture.chunks):
                body = {**name, "chunk_id": number, "payload": base64.b64encode(chunk).decode()}
                last = self._client.publish(topic, json.dumps(body), qos=1)
        last.wait_for_publish(60)

    def wait_acknowledged(self, timeout):
        with self.changed:
            return self.changed.wait_for(lambda: set(self.acknowledged) >= set(self.pictures), timeout)

    def _on_message(self, _client, _data, message):
        said = json.loads(message.payload)
        if "ACK_OK" in said:
            with self.changed:
                self.acknowledged.setdefault((said["device_id"], said["image_name"]), time.monotonic())
                self.changed.notify_all()


class MessageCount:
    """Counts the messages in Celery's broker, waiting and taken, twice a second."""

    def __init__(self, url):
        self.most = 0
        self._redis = redis.Redis.from_url(url)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._count)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
        self._redis.close()

    def _count(self):
        while not self._stopping.wait(0.5):
            waiting, taken = self._redis.llen("captures"), self._redis.hlen("unacked")
            self.most = max(self.most, waiting + taken)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["hang", "reset"])
def test_messages_stay_few_in_an_outage_and_all_is_stored_after_it(rig, seed, is_long, show, kind):
    if kind != "hang" and not is_long:
        pytest.skip("part of the long form: make chaos")
    captures, outage_s = LONG if is_long else SHORT
    crowd = Crowd(rig.stack.mqtt_port, f"OUTAGE{kind.upper()}", captures, Random(f"{seed}/{kind}"))
    rig.platform.wait_ready("worker")
    asked = len(rig.supabase.requests)
    rig.supabase.set(Fault(kind))
    try:
        with MessageCount(rig.stack.redis.database_url(1)) as messages:
            crowd.offer()
            time.sleep(outage_s)
            asked = len(rig.supabase.requests) - asked
            rig.supabase.set(None)
            began = time.monotonic()
            assert crowd.wait_acknowledged(600), (
                f"{len(crowd.pictures) - len(crowd.acknowledged)} not acknowledged"
            )
            times = sorted(at - began for at in crowd.acknowledged.values())
    finally:
        rig.supabase.set(None)
        crowd.close()
    show(
        f"Supabase {kind}s for {outage_s} s, {captures} captures wait: at most {messages.most} messages, "
        f"{asked / outage_s:.1f} requests a second; after its return the first was acknowledged within "
        f"{times[0]:.1f} s, half within {times[len(times) // 2]:.0f} s, the last within {times[-1]:.0f} s"
    )
    assert messages.most <= 2 * captures
    # Two probes a second of Storage and of the database, and what was asked before the outage was noticed.
    assert asked <= 4 * outage_s + 100
    with rig.http() as http:
        for device in {device for device, _ in crowd.pictures}:
            rows = chaos_ledger.rows_of(http, device)
            mine = [picture.sha256 for (of, _), picture in crowd.pictures.items() if of == device]
            assert sorted(row["image_sha256"] for row in rows if row["ingest_status"] == "stored") == sorted(
                mine
            )
