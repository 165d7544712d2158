"""A hostile device at full rate beside an honest fleet: the processes live on, and the others get their ACKs."""

import threading
import time
from random import Random

import chaos_ledger
import paho.mqtt.client as paho
import pytest
from chaos_wire import Wire
from paho.mqtt.enums import CallbackAPIVersion

BOUND_S = 30.0


class Flood:
    """Publishes as fast as one connection can, until it is stopped."""

    def __init__(self, port: int, message) -> None:
        self.sent = 0
        self._message = message
        self._stopping = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="flood")
        self._client.max_inflight_messages_set(500)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            last = [self._client.publish(*self._message(), qos=1) for _ in range(200)][-1]
            last.wait_for_publish(20)
            self.sent += 200

    def __enter__(self) -> "Flood":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(30)
        self._client.disconnect()
        self._client.loop_stop()


def _garbage(rng: Random):
    return "ESP32CAM/FLOODGARBAGE/data", rng.randbytes(rng.randrange(1, 300))


def _hello(_rng: Random):
    return "ESP32CAM/FLOODHELLO/status", b'{"device_id": "FLOODHELLO", "status": "Alive", "pendingImg": 0}'


def _chunks(rng: Random):
    name = f"image_{rng.randrange(10**6)}.jpg"
    return "ESP32CAM/FLOODCHUNKS/data", b'{"image_name": "%s", "chunk_id": 0, "payload": "%s"}' % (
        name.encode(),
        b"A" * 1364,
    )


@pytest.mark.parametrize("kind", [_garbage, _hello, _chunks], ids=["garbage", "hellos", "chunks"])
def test_a_flood_of_one_device_leaves_the_others_their_acks(rig, seed, is_long, show, kind):
    if not is_long and kind is not _garbage:
        pytest.skip("part of the long form: make chaos")
    rng = Random(f"{seed}/{kind.__name__}")
    restarts = len(rig.platform.restarts)
    with Flood(rig.stack.mqtt_port, lambda: kind(rng)) as flood:
        began = time.monotonic()
        with rig.fleet(
            devices=10 if is_long else 5,
            images=4 if is_long else 2,
            names_prefix=f"BESIDE{kind.__name__[1:].upper()}",
            image_seconds=1.0,
            chunk_size=256,
            timeout=120.0,
            seed=seed,
        ) as fleet:
            report = fleet.finish(150)
        rate = flood.sent / (time.monotonic() - began)
    tally = chaos_ledger.count(rig.stack, report.images)
    show(
        f"one device floods with {kind.__name__[1:]} at {rate:.0f} messages/s: ACKs of the others after "
        f"{report.totals.ack_latency_median_ms:.0f} ms (median), {report.totals.ack_latency_max_ms:.0f} ms (worst)"
    )
    assert (tally.lost, tally.duplicated) == (0, 0), f"seed {seed}: {tally.problems}"
    assert report.totals.ack_latency_max_ms < 1000 * BOUND_S
    assert len(rig.platform.restarts) == restarts
    with rig.http() as http:
        answer = http.get(
            "/rest/v1/device_errors",
            params={
                "select": "error_id",
                "error_code": "lt.2200",
                "device_id": f"eq.FLOOD{kind.__name__[1:].upper()}",
            },
        )
        # 20 errors a minute, and a row for each budget that is exceeded.
        assert len(answer.json()) <= 25 * (1 + (time.monotonic() - began) // 60 + 1)


def test_any_bytes_on_any_topic_reach_no_worker(rig, seed, is_long):
    from hostile_messages import message

    rng = Random(seed)
    restarts = len(rig.platform.restarts)
    # What the faults before this test have left in the logs is not of its making.
    written = {name: len(rig.platform.log(name)) for name in ("listener", "worker")}
    wire = Wire(rig.stack.mqtt_port, "HOSTILE")
    client = wire._client
    for _ in range(20_000 if is_long else 2_000):
        topic, payload = message(rng)
        if "\ufffe" in topic:
            continue  # the broker ends the connection of a client that publishes there
        try:
            client.publish(topic, payload, qos=rng.choice((0, 1)))
        except ValueError:
            continue  # not a topic that any client could publish to
    client.publish("ESP32CAM/fleet/ping", b"not a number", qos=1)
    client.publish("ESP32CAM/BIG/data", b"x" * 3_000_000, qos=1)
    client.publish("ESP32CAM/FLEET/data", b"{}", qos=1).wait_for_publish(60)
    client.publish("ESP32CAM/BIGGER/data", b"x" * 9_000_000, qos=0)
    with rig.fleet(devices=2, images=1, names_prefix="AFTERHOSTILE", chunk_size=512, seed=seed) as fleet:
        report = fleet.finish(60)
    wire.close()
    assert report.ok
    assert rig.platform.restarts[restarts:] == []
    for name, before in written.items():
        assert "Traceback" not in rig.platform.log(name)[before:]
