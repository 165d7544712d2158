"""More than one of each: two listeners share a fleet, and what is urgent is served first."""

import hashlib
import signal
import threading

import httpx
import pytest
from kombu import Connection, Consumer, Producer, Queue
from wire import rows

from core import dispatch
from local.services import Services
from operate.run import procfile_lines
from simulator import Fleet, FleetOptions

DEVICES, IMAGES = 6, 3


@pytest.mark.parametrize(
    ("version", "how"), [("5", signal.SIGTERM), ("3.1.1", signal.SIGTERM), ("5", signal.SIGKILL)]
)
def test_two_listeners_share_one_fleet_and_one_is_stopped(mosquitto_stack, run, version, how):
    stack = mosquitto_stack
    settings = {**stack.environment(), "MQTT_SHARED_GROUP": "fleet", "MQTT_VERSION": version,
                "RETRANSMIT_DELAY_MS": "1000"}  # fmt: skip
    prefix = f"SHARE{version.replace('.', '')}{how.name}"
    with Services(stack, only={"worker", "beat"}, settings={"RETRANSMIT_DELAY_MS": "1000"}):
        listeners = [run("listener", **settings) for _ in range(2)]
        for listener in listeners:
            listener.wait_ready(lambda listener=listener: "Subscribed to topics" in listener.output(), 40)
        assert "$share/fleet/ESP32CAM/+/data" in listeners[0].output()
        acknowledged = []
        half_way = threading.Event()

        def watch(event):
            if event.kind == "ack":
                acknowledged.append(event.device_id)
                if len(acknowledged) == DEVICES * IMAGES // 3:
                    half_way.set()

        fleet = Fleet(
            FleetOptions(host=stack.mqtt_host, port=stack.mqtt_port, devices=DEVICES, images=IMAGES,
                         names_prefix=prefix, image_seconds=1.5, timeout=30, wakes=3),
            on_event=watch,
        )  # fmt: skip
        reports = []
        playing = threading.Thread(target=lambda: reports.append(fleet.run()))
        playing.start()
        assert half_way.wait(60)
        listeners[0].kill() if how == signal.SIGKILL else listeners[0].stop(20)
        playing.join(120)
    (report,) = reports
    assert report.ok
    assert report.totals.not_acked == 0
    stored = rows(stack, "captures", device_id=f"like.{prefix}*", ingest_status="eq.stored")
    assert len(stored) == DEVICES * IMAGES
    sent = {(image.device_id, image.image_name): image.sha256 for image in report.images}
    key = stack.supabase_secret_key
    with httpx.Client(headers={"apikey": key, "authorization": f"Bearer {key}"}, trust_env=False) as http:
        for row in stored:
            image = http.get(f"{stack.supabase_url}/storage/v1/object/gxp-captures/{row['storage_path']}")
            digest = hashlib.sha256(image.content).hexdigest()
            assert digest == sent[row["device_id"], row["device_capture_id"]]


def test_what_is_urgent_never_waits_behind_uploads(redis_server, monkeypatch):
    """The order in the Procfile and the strategy in celeryconfig.py, as the installed kombu carries them out."""
    words = procfile_lines()["worker"].split()
    names = words[words.index("--queues") + 1].split(",")
    assert names[0] == dispatch.CONTROL_QUEUE
    monkeypatch.setenv("MQTT_HOST", "broker.test")
    options = dispatch.make_app().conf.broker_transport_options
    served = []
    with Connection(redis_server.database_url(7), transport_options=options) as connection:
        queues = [Queue(name, routing_key=name) for name in names]
        with connection.channel() as channel:
            producer = Producer(channel)
            for name in [names[1]] * 20 + [names[0]] * 3:
                producer.publish({}, routing_key=name, declare=[queues[names.index(name)]])

            def take(_body, message):
                served.append(message.delivery_info["routing_key"])
                message.ack()

            channel.basic_qos(0, 1, False)
            with Consumer(channel, queues=queues, callbacks=[take], accept=["json"]):
                while len(served) < 23:
                    connection.drain_events(timeout=10)
    assert served == [names[0]] * 3 + [names[1]] * 20
