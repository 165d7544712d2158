"""A device of the operations tests: it publishes what it is told to, and nothing else."""

import base64
import io
import json
import queue
import threading
import time

import httpx
from paho.mqtt import publish
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image

TIME = "2026-03-04T05:06:07Z"


def photograph(seed=0, size=(320, 240)):
    """A JPEG that no other seed gives."""
    image = Image.effect_noise(size, 40).convert("RGB")
    image.putpixel((0, 0), (seed % 256, seed // 256 % 256, 7))
    output = io.BytesIO()
    image.save(output, "JPEG", quality=80)
    return output.getvalue()


class Device:
    """Speaks the protocol by hand: chunk by chunk, as far as the test wants it to go."""

    def __init__(self, stack, name, chunk_size=1024, **login):
        self.name = name
        self._chunk_size = chunk_size
        self._address = {"hostname": stack.mqtt_host, "port": stack.mqtt_port, **login}
        self._version = MQTTv5 if stack.broker.mqtt_version == "5" else MQTTv311

    def chunks(self, image):
        size = self._chunk_size
        return [image[start : start + size] for start in range(0, len(image), size)]

    def metadata(self, image_name, image, time=TIME, **more):
        total = len(self.chunks(image))
        self.publish("data", {
            "device_id": self.name, "capture_timeStamp": time, "image_name": image_name,
            "image_size": len(image), "max_chunks_size": self._chunk_size, "total_chunk_count": total,
            "error": 0, "temperature": 21.5, "humidity": 40.0, "pressure": 1000.0, "gas_resistance": 50.0, **more,
        })  # fmt: skip
        return total

    def send(self, image_name, image, *, only=None):
        """Send the chunks, or `only` those."""
        pieces = self.chunks(image)
        numbers = range(len(pieces)) if only is None else only
        self.publish("data", *(
            {"device_id": self.name, "image_name": image_name, "chunk_id": number,
             "max_chunk_size": self._chunk_size, "payload": base64.b64encode(pieces[number]).decode()}
            for number in numbers
        ))  # fmt: skip

    def hello(self):
        self.publish("status", {"device_id": self.name, "status": "Alive", "pendingImg": 0})

    def publish(self, kind, *payloads):
        messages = [(f"ESP32CAM/{self.name}/{kind}", json.dumps(payload), 1, False) for payload in payloads]
        publish.multiple(messages, **self._address, client_id=self.name, protocol=self._version)


class Ear:
    """Hears what is sent to a device, from the start of the block on."""

    def __init__(self, place, device, **login):
        self._messages = queue.Queue()
        subscribed = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"ear{device}")
        if auth := login.get("auth"):
            self._client.username_pw_set(auth["username"], auth["password"])
        self._client.on_message = lambda _client, _data, message: self._messages.put(
            json.loads(message.payload)
        )
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect(place.mqtt_host, place.mqtt_port)
        self._client.subscribe([(f"ESP32CAM/{device}/{kind}", 1) for kind in ("ack", "cmd")])
        self._client.loop_start()
        assert subscribed.wait(10)

    def ack(self, image_name, seconds=60):
        """Wait for the ACK of an image, and give it."""
        return self.hear(
            lambda message: message.get("image_name") == image_name and "ACK_OK" in message, seconds
        )

    def hear(self, wanted, seconds=60):
        """Wait for a message, and give it."""
        deadline = time.monotonic() + seconds
        while True:
            message = self._messages.get(timeout=max(0.01, deadline - time.monotonic()))
            if wanted(message):
                return message

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.disconnect()
        self._client.loop_stop()


def rows(stack, table, **query):
    """Rows of a table as the database gives them now."""
    key = stack.supabase_secret_key
    headers = {"apikey": key, "authorization": f"Bearer {key}"}
    with httpx.Client(base_url=stack.supabase_url, headers=headers, timeout=30, trust_env=False) as http:
        answer = http.get(f"/rest/v1/{table}", params=query)
        answer.raise_for_status()
        return answer.json()


def until(question, seconds=60):
    """Ask until the answer is true, and give it."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.05)
    return answer
