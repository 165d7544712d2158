"""What a listener still writes when it is told to stop."""

import threading

import orjson
import redis
from paho.mqtt import publish

from core.store import keys
from core.store.streams import Streams
from local.services import Services


def test_a_listener_that_stops_writes_the_log_of_what_was_arriving(mosquitto_stack):
    stack = mosquitto_stack
    client = redis.Redis.from_url(stack.redis.url)
    client.flushall()
    chunk = orjson.dumps({"image_name": "i.jpg", "chunk_id": 0, "payload": "AAAA"})
    with Services(stack, only={"listener"}):
        publish.single("ESP32CAM/STOPS001/data", chunk, qos=1, hostname=stack.mqtt_host, port=stack.mqtt_port)
        waiting = threading.Event()
        for _ in range(400):
            if any(b":chunks:" in key for key in client.scan_iter()):
                break
            waiting.wait(0.05)
        assert client.xlen(keys.LOG) == 0
    [batch] = Streams(client).oldest(keys.LOG, 10)
    [row] = batch.entries
    assert (row["device_id"], row["payload"]["chunks"], row["payload"]["bytes"]) == ("STOPS001", 1, 3)
