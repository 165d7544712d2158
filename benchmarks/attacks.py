"""What a hostile device makes the service keep: `python -m benchmarks.attacks [--seconds S] [NAME …]`.

Each attack is a device of its own on the embedded stack with Mosquitto, that sends as fast as it can. The
bytes of rows are those that Postgres stores (`pg_column_size`), those of Redis the growth of its memory.
"""

import argparse
import base64
import io
import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from PIL import Image
from redis import Redis
from rich.console import Console
from rich.table import Table

from local.services import Services
from local.snapshot import query
from local.stack import Stack

Messages = Iterator[tuple[str, bytes]]

IN_FLIGHT: Final = 500
# The log of a capture is written when it has been quiet for some seconds.
SETTLED_S: Final = 20.0
TABLES: Final = ("captures", "sensor_readings", "device_status", "device_errors", "device_publish_log")
SQL: Final = "".join(
    f"select device_id, count(*), sum(pg_column_size(t.*)) from public.{name} as t group by 1;"  # noqa: S608
    for name in TABLES
)


def picture(number: int = 0) -> bytes:
    """Return a small JPEG; each number gives another one."""
    output = io.BytesIO()
    colour = (number % 256, number // 256 % 256, number // 65_536 % 256)
    Image.new("RGB", (16, 16), colour).save(output, "JPEG", quality=80)
    return output.getvalue()


def taken(number: int) -> str:
    """Return a capture time; each number gives another one."""
    return f"{datetime.now(UTC) - timedelta(days=1, seconds=number):%Y-%m-%dT%H:%M:%SZ}"


def message(**fields: object) -> bytes:
    """Return a payload."""
    return json.dumps(fields).encode()


def reports() -> Messages:
    """Report an error under ever new names."""
    for number in itertools.count():
        yield "data", message(image_name=f"{number}", error=2)


def superseding() -> Messages:
    """Begin ever new pictures of one name; each ends the one before it."""
    for number in itertools.count():
        yield "data", message(image_name="i.jpg", total_chunk_count=2, capture_timeStamp=taken(number))


def pictures() -> Messages:
    """Send whole pictures of one chunk, each with metadata of 8 kB."""
    for number in itertools.count():
        data, name = picture(number), f"{number}.jpg"
        yield (
            "data",
            message(
                image_name=name,
                total_chunk_count=1,
                capture_timeStamp=taken(number),
                temperature=20,
                note="x" * 8_000,
            ),
        )
        yield "data", message(image_name=name, chunk_id=0, payload=base64.b64encode(data).decode())


def repeats() -> Messages:
    """Store some pictures, no more at a time than are taken, and then offer them again without end."""
    kept = 100
    offers = []
    for number in range(kept):
        data, name = picture(number), f"{number}.jpg"
        offers.append(message(image_name=name, total_chunk_count=1, capture_timeStamp=taken(number)))
        yield "data", offers[-1]
        yield "data", message(image_name=name, chunk_id=0, payload=base64.b64encode(data).decode())
        time.sleep(0.05)
    while True:
        for offer in offers:
            yield "data", offer


def hellos() -> Messages:
    """Say hello without end, with 8 kB."""
    for number in itertools.count():
        yield "status", message(status="Alive", pendingImg=0, boot_count=number, note="x" * 8_000)


def garbage() -> Messages:
    """Send what is no JSON."""
    while True:
        yield "data", b"{"


def descriptions() -> Messages:
    """Describe ever new pictures in 8 kB, and send none of them."""
    for number in itertools.count():
        yield "data", message(image_name=f"{number}.jpg", total_chunk_count=99, note="x" * 8_000)


def chunks() -> Messages:
    """Send chunks of 60 kB of ever new pictures, which are never complete."""
    payload = base64.b64encode(bytes(range(256)) * 240).decode()
    for number in itertools.count():
        yield "data", message(image_name=f"{number // 100}.jpg", chunk_id=number % 100, payload=payload)


def crumbs() -> Messages:
    """Send pictures of 16,384 chunks of one byte; of each chunk the end is remembered."""
    data = picture().ljust(16_384, b"\0")
    for number in itertools.count():
        name = f"{number}.jpg"
        yield "data", message(image_name=name, total_chunk_count=16_384, capture_timeStamp=taken(number))
        for at in range(16_384):
            payload = base64.b64encode(data[at : at + 1]).decode()
            yield "data", message(image_name=name, chunk_id=at, payload=payload)


ATTACKS: Final[dict[str, Callable[[], Messages]]] = {
    attack.__name__: attack
    for attack in (reports, superseding, pictures, repeats, hellos, garbage, descriptions, chunks, crumbs)
}


def flood(port: int, device_id: str, messages: Messages, seconds: float) -> tuple[int, int]:
    """Publish for some seconds; return how many messages and bytes the broker has taken."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=device_id)
    client.max_inflight_messages_set(IN_FLIGHT)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = size = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for kind, payload in itertools.islice(messages, 100):
            last = client.publish(f"ESP32CAM/{device_id}/{kind}", payload, qos=1)
            sent, size = sent + 1, size + len(payload)
        last.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()
    return sent, size


def wait_for_a_minute(seconds: float) -> None:
    """Wait until so many seconds of the minute are left: a budget is for a minute."""
    left = 60 - time.time() % 60
    if left < seconds + 1:
        time.sleep(left)


def main() -> None:
    """Read the command line, attack, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("attacks", nargs="*", choices=[*ATTACKS, []], metavar="NAME")
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    names = asked.attacks or list(ATTACKS)
    table = Table("attack", "messages", "MB sent", *TABLES, "MB of rows", "MB of Redis", "lines")
    with Stack(broker="mosquitto") as stack, Services(stack, only={"listener", "worker", "beat"}) as services:
        redis = Redis.from_url(stack.redis_url)
        done = {}
        for name in names:
            wait_for_a_minute(asked.seconds)
            before, lines = redis.info("memory")["used_memory"], _lines(services)
            sent, size = flood(stack.mqtt_port, name.upper(), ATTACKS[name](), asked.seconds)
            time.sleep(SETTLED_S)
            grown = redis.info("memory")["used_memory"] - before
            done[name] = sent, size, grown, _lines(services) - lines
        answers = query(stack.supabase, SQL)
    counts = [{device: (rows, size) for device, rows, size in answer.rows} for answer in answers]
    for name, (sent, size, grown, lines) in done.items():
        made = [of_table.get(name.upper(), (0, 0)) for of_table in counts]
        rows = [f"{count}" for count, _ in made]
        stored = sum(int(str(of)) for _, of in made)
        table.add_row(name, f"{sent:,}", *map(_mb, [size]), *rows, *map(_mb, (stored, grown)), f"{lines}")
    Console(width=170).print(table)


def _lines(services: Services) -> int:
    return sum(process.output().count("\n") for process in services.processes.values())


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f}"


if __name__ == "__main__":
    main()
