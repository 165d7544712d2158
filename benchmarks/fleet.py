"""The load generator: each device sends a capture, waits for its ACK, and sends the next one.

Each device is a separate MQTT connection without a client library, and its packets are encoded before the
clock starts. The generator prints `begin` and `end` around the measured time, then one line of JSON.

    python -m benchmarks.fleet PORT DEVICES SECONDS [--spread S] [--warm-up S] [--number N]
"""

import argparse
import asyncio
import json
import time
from functools import partial

from benchmarks import wire
from benchmarks.photograph import CaptureTemplate, device_ids


class Measured:
    """What the devices have observed during the measured time."""

    def __init__(self) -> None:
        self.running = False
        self.stopping = False
        self.latencies_ms: list[float] = []
        self.nacked_chunks = 0


class Device(asyncio.Protocol):
    """One device. It spreads the packets of a capture over `spread_s` seconds, as real devices do.

    With `spread_s` 0 it sends them all at once. `number` is the number of the last capture sent earlier.
    """

    def __init__(self, device_id: str, measured: Measured, spread_s: float, number: int) -> None:
        self.ready = asyncio.get_running_loop().create_future()
        self.idle = asyncio.Event()
        self._device_id = device_id
        self._template = CaptureTemplate(device_id)
        self._measured = measured
        self._spread_s = spread_s
        self._number = number
        self._splitter = wire.Splitter()
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send CONNECT and subscribe to this device's ACK topic."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._transport.set_write_buffer_limits(high=0)
        topic = f"ESP32CAM/{self._device_id}/ack"
        self._transport.write(wire.connect(self._device_id) + wire.subscribe(topic, 1))

    def data_received(self, data: bytes) -> None:
        """Handle what the broker sends; a PUBACK needs no answer."""
        for head, body in self._splitter.feed(data):
            if head >> 4 == wire.PUBLISH:
                self._heard(bytes(body), head)
            elif head >> 4 == wire.SUBSCRIBE + 1:
                self.ready.set_result(None)

    def resume_writing(self) -> None:
        """Note the time at which the socket took the last bytes of a capture."""
        self._sent_at = time.perf_counter()

    def start(self) -> None:
        """Send the next capture."""
        self._number += 1
        self._next = self._template.packets(self._number)
        if self._spread_s:
            packets = self._template.packet_list(self._number)
            loop, pause = asyncio.get_running_loop(), self._spread_s / len(packets)
            for position, packet in enumerate(packets):
                loop.call_later(position * pause, self._send, packet)
        else:
            self._send(self._next)

    def _send(self, data: bytes) -> None:
        self._transport.write(data)
        self._sent_at = time.perf_counter()  # resume_writing sets it later if the socket was full

    def _heard(self, body: bytes, head: int) -> None:
        start = 2 + int.from_bytes(body[:2], "big")
        if head & 6:
            self._transport.write(wire.puback(body[start : start + 2]))
            start += 2
        message = json.loads(body[start:])
        if "missing_chunks" in message:
            self._measured.nacked_chunks += len(message["missing_chunks"])
            return
        if not message["image_name"].endswith(f"{self._number:06d}.jpg"):
            return  # a repeated ACK of an earlier capture
        if self._measured.running:
            self._measured.latencies_ms.append((time.perf_counter() - self._sent_at) * 1000)
        if self._measured.stopping:
            self.idle.set()
        else:
            self.start()


def _same(device: Device) -> Device:
    return device


async def run(
    port: int, devices: int, seconds: float, spread_s: float, warm_up_s: float, number: int
) -> None:
    """Run the fleet and print what it observed; all times are in seconds."""
    loop, measured = asyncio.get_running_loop(), Measured()
    fleet = []
    for device_id in device_ids(devices):
        device = Device(device_id, measured, spread_s, number)
        await loop.create_connection(partial(_same, device), "127.0.0.1", port)
        await device.ready
        fleet.append(device)
    for device in fleet:
        device.start()
    await asyncio.sleep(warm_up_s)
    measured.running = True
    begun, cpu = time.perf_counter(), time.process_time()
    print("begin", flush=True)
    await asyncio.sleep(seconds)
    measured.running = False
    elapsed, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print("end", flush=True)
    measured.stopping = True
    # Wait for the captures that are still being sent, so that they do not disturb the next round.
    await asyncio.wait([asyncio.ensure_future(device.idle.wait()) for device in fleet], timeout=20)
    print(
        json.dumps(
            {
                "captures": len(measured.latencies_ms),
                "seconds": elapsed,
                "cpu_s": cpu,
                "latencies_ms": measured.latencies_ms,
                "nacked_chunks": measured.nacked_chunks,
                "unanswered": sum(not device.idle.is_set() for device in fleet),
            }
        ),
        flush=True,
    )


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("devices", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--spread", type=float, default=0.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--number", type=int, default=0, help="of the last capture sent earlier")
    asked = parser.parse_args()
    asyncio.run(run(asked.port, asked.devices, asked.seconds, asked.spread, asked.warm_up, asked.number))


if __name__ == "__main__":
    main()
