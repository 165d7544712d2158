"""The limit for a capture: only the work that no service can avoid, done in sequence by one thread.

It decodes the JSON and base64 of 50 chunks, joins them, computes the SHA-256, decodes the JPEG in draft
mode, makes and saves the thumbnail, and makes two uploads and one rpc call over one keep-alive connection.
It uses no MQTT, no Redis, no Celery and no second thread.

    python -m benchmarks.straight_line URL CAPTURES
"""

import argparse
import io
import json
import statistics
import time
from hashlib import sha256

import httpx
import orjson
from PIL import Image
from pybase64 import b64decode

from benchmarks.photograph import payloads


def one_capture(http: httpx.Client, messages: list[bytes]) -> None:
    """Do the unavoidable work of one capture; raise httpx.HTTPError if a request fails."""
    metadata, *chunks = map(orjson.loads, messages)
    image = b"".join(b64decode(chunk["payload"], validate=True) for chunk in chunks)
    digest = sha256(image).hexdigest()
    picture = Image.open(io.BytesIO(image), formats=["JPEG"])
    picture.draft("RGB", (320, 240))
    picture.load()
    output = io.BytesIO()
    picture.resize((320, 240), Image.Resampling.BICUBIC).save(output, "JPEG", quality=80)
    headers = {"content-type": "image/jpeg"}
    for folder, data in (("captures", image), ("thumbnails", output.getvalue())):
        path = f"/storage/v1/object/gxp-captures/{folder}/x/{metadata['image_name']}"
        http.post(path, content=data, headers=headers).raise_for_status()
    http.post(
        "/rest/v1/rpc/record_capture", json={"p_capture": {**metadata, "sha256": digest}}
    ).raise_for_status()


def main() -> None:
    """Repeat the work, and print the median wall time and the mean CPU time of one capture in ms."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("captures", type=int)
    asked = parser.parse_args()
    messages = payloads("BE0000000000")
    with httpx.Client(base_url=asked.url, headers={"apikey": "sb_secret_benchmark"}) as http:
        for _ in range(5):
            one_capture(http, messages)
        print("begin", flush=True)
        cpu, times = time.process_time(), []
        for _ in range(asked.captures):
            begun = time.perf_counter()
            one_capture(http, messages)
            times.append((time.perf_counter() - begun) * 1000)
        cpu = time.process_time() - cpu
        print("end", flush=True)
    print(
        json.dumps({"wall_ms": statistics.median(times), "cpu_ms": 1000 * cpu / asked.captures}), flush=True
    )


if __name__ == "__main__":
    main()
