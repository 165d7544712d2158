"""The baseline: the whole service in one process, the way a first version is usually written.

It uses paho with paho's own thread, a dictionary for the chunks, and supabase-py inside the callback. For
each message it makes two HTTP requests: one logs the message, one counts it in the row of its capture. The
last message of a capture triggers upload, row and ACK. This service's predecessor made 160 requests for
each capture.

    python -m benchmarks.naive MQTT_PORT SUPABASE_URL
"""

import argparse
import base64
import io
import json
from typing import Any

import httpx
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image
from supabase import ClientOptions, create_client


class Naive:
    """A service that does all the work for a message in its callback."""

    def __init__(self, url: str) -> None:
        options = ClientOptions(httpx_client=httpx.Client())
        self._supabase = create_client(url, "sb_secret_benchmark", options)
        self._bucket = self._supabase.storage.from_("gxp-captures")
        self._captures: dict[tuple[str, str], dict[str, Any]] = {}

    def receive(self, client: Client, _data: object, received: MQTTMessage) -> None:
        """Handle one message; after the last one of a capture, store the image and acknowledge it."""
        message = json.loads(received.payload)
        device_id, image_name = message["device_id"], message["image_name"]
        self._supabase.rpc("log_message", {"device_id": device_id, "topic": received.topic}).execute()
        capture = self._captures.setdefault((device_id, image_name), {"metadata": None, "chunks": {}})
        if "chunk_id" in message:
            capture["chunks"][message["chunk_id"]] = base64.b64decode(message["payload"])
        else:
            capture["metadata"] = message
        self._supabase.rpc("count_chunk", {"device_id": device_id, "image_name": image_name}).execute()
        metadata, chunks = capture["metadata"], capture["chunks"]
        if metadata and len(chunks) == metadata["total_chunk_count"]:
            self._store(device_id, image_name, b"".join(chunks[number] for number in sorted(chunks)))
            del self._captures[device_id, image_name]
            ack = {"device_id": device_id, "image_name": image_name, "ACK_OK": {}}
            client.publish(f"ESP32CAM/{device_id}/ack", json.dumps(ack), qos=1)

    def _store(self, device_id: str, image_name: str, image: bytes) -> None:
        picture = Image.open(io.BytesIO(image))
        picture.thumbnail((320, 320))
        thumbnail = io.BytesIO()
        picture.save(thumbnail, "JPEG")
        for folder, data in (("captures", image), ("thumbnails", thumbnail.getvalue())):
            self._bucket.upload(
                f"{folder}/{device_id}/{image_name}", data, {"content-type": "image/jpeg", "x-upsert": "true"}
            )
        self._supabase.rpc("record_capture", {"p_capture": {"device_id": device_id}}).execute()


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("url")
    asked = parser.parse_args()
    client = Client(CallbackAPIVersion.VERSION2, client_id="naive")

    def subscribe(*_: object) -> None:
        client.subscribe("ESP32CAM/+/data", 1)

    client.on_connect = subscribe
    client.on_message = Naive(asked.url).receive
    client.connect("127.0.0.1", asked.port)
    client.loop_forever()


if __name__ == "__main__":
    main()
