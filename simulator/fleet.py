"""Runs a fleet: connects each device, calls it when it is due, and reports the results."""

import heapq
import os
import secrets
from collections import deque
from dataclasses import dataclass, field
from math import inf
from random import Random
from time import monotonic, time

from simulator.card import Camera
from simulator.clock import Clock, iso
from simulator.connection import Connection
from simulator.device import Device
from simulator.dialects import DIALECTS, MIXED
from simulator.events import EventSink
from simulator.network import BrokerUnreachableError, Network
from simulator.options import FleetOptions
from simulator.pictures import load_photos
from simulator.report import FleetReport, all_images, sum_up
from simulator.state import State

WINDOW_PER_DEVICE = 20  # messages that may wait for their PUBACK, as many as firmware keeps in flight
BURST = 20  # messages that one device may send before the next device has its turn
DRAIN_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class Seat:
    """A device with its connection and the time of its next step, in real seconds since the run began."""

    device: Device
    connection: Connection
    planned: float = inf


@dataclass(slots=True, eq=False)
class Line:
    """A connection with its devices, and those of them that wait until it can take more messages."""

    connection: Connection
    seats: list[Seat] = field(default_factory=list)
    waiting: deque[Seat] = field(default_factory=deque)


class Fleet:
    """A fleet of devices; `run` may be called once.

    `on_event` is called for every event of every device, in the thread of `run`, so it must be quick.
    Raises `OptionError` if the photographs or the CA certificate cannot be used.
    """

    def __init__(self, options: FleetOptions, on_event: EventSink | None = None) -> None:
        self.options = options
        self.seed = secrets.randbelow(2**31) if options.seed is None else options.seed
        self._shared = options.shared_connections > 0
        real = time()
        epoch = options.clock_start.timestamp() if options.clock_start else real
        self._clock = Clock(epoch, options.time_scale, real)
        self._began = monotonic()
        self._heap: list[tuple[float, int, Seat]] = []
        self._pushes = 0
        self._stopped = False
        self._ever_ready = False
        self._failure = ""
        photos = load_photos(options.photos)
        dialects = list(DIALECTS.values()) if options.dialect == MIXED else [DIALECTS[options.dialect]]
        devices = []
        for number, device_id in enumerate(_device_ids(options, self.seed)):
            own = options.of_device(number)
            camera = Camera(device_id, own, photos, self._clock, self.seed)
            dialect = dialects[number % len(dialects)]
            devices.append(Device(device_id, own, dialect, camera, self._clock, sink=on_event))
        self.devices = tuple(devices)
        self._lines = self._lay_lines()
        self._seats = {
            topic: seat
            for line in self._lines.values()
            for seat in line.seats
            for topic in seat.device.subscriptions
        }
        self._unfinished = len(self.devices)
        self._network = Network(options, self)

    def run(self) -> FleetReport:
        """Run until every device has finished or `stop` is called, and return the report.

        Raises `BrokerUnreachableError` if no connection was ever made, and `OptionError` if the system
        does not allow enough open files for the connections.
        """
        self._began = monotonic()
        try:
            self._network.make_room_for(len(self._lines))
            if self._shared:
                for line in self._lines.values():
                    self._network.want(line.connection)
            for line in self._lines.values():
                for seat in line.seats:
                    self._plan(seat)
            while self._unfinished and not self._stopped and not self._failure:
                self._work()
            self._drain()
        finally:
            self._network.close()
        if self._failure:
            raise BrokerUnreachableError(self._failure)
        return self._report()

    def stop(self) -> None:
        """Make `run` return soon with the report up to now.

        May be called from any thread and from a signal handler.
        """
        self._stopped = True
        self._network.wake()

    # The loop

    def _now(self) -> float:
        return monotonic() - self._began

    def _work(self) -> None:
        now = self._now()
        while self._heap and self._heap[0][0] <= now:
            moment, _, seat = heapq.heappop(self._heap)
            if moment == seat.planned:
                seat.planned = inf
                self._step(seat)
        timeout = max(0.0, self._heap[0][0] - self._now()) if self._heap else 1.0
        self._network.poll(timeout)

    def _step(self, seat: Seat) -> None:
        """Send the messages of a device that are due."""
        device, connection = seat.device, seat.connection
        was_awake, now = device.awake, self._now()
        for message in device.due(now, min(connection.room, BURST)):
            connection.send(message.topic, message.payload)
        self._network.flush(connection)
        self._settle(seat, was_awake)

    def _settle(self, seat: Seat, was_awake: bool) -> None:
        """Open or close the connection of a device that woke or fell asleep, and plan its next step."""
        device, connection = seat.device, seat.connection
        if device.awake and not was_awake and self._network.want(connection):
            device.on_connected(self._now())
        if was_awake and not device.awake and not self._shared:
            self._network.release(connection)
        if device.state is State.FINISHED:
            seat.planned = inf
            self._unfinished -= 1
            return
        self._plan(seat)

    def _plan(self, seat: Seat) -> None:
        device, connection = seat.device, seat.connection
        moment = device.next_timer
        if connection.room > 0:
            moment = min(moment, device.next_send)
        elif device.next_send < inf:
            waiting = self._lines[connection].waiting
            if seat not in waiting:
                waiting.append(seat)
        if moment != seat.planned:
            seat.planned = moment
            self._pushes += 1
            heapq.heappush(self._heap, (moment, self._pushes, seat))

    def _drain(self) -> None:
        """Wait for the last PUBACKs: at most `DRAIN_SECONDS`, or 1 s after `stop`."""
        if self._failure:
            return
        for line in self._lines.values():
            self._network.release(line.connection)
        until = monotonic() + (1.0 if self._stopped else DRAIN_SECONDS)
        while not self._network.is_quiet and monotonic() < until:
            self._network.poll(0.1)

    # Calls from the network

    def on_ready(self, connection: Connection) -> None:
        """Start the awake devices of this connection; after a reconnection they continue."""
        self._ever_ready = True
        now = self._now()
        for seat in self._lines[connection].seats:
            if seat.device.awake:
                seat.device.on_connected(now)
                self._plan(seat)
        self.on_room(connection)

    def on_message(self, topic: str, payload: bytes) -> None:
        """Pass a message to its device; a message for a sleeping device is dropped."""
        seat = self._seats.get(topic)
        if seat is not None and seat.device.awake:
            seat.device.on_message(topic, payload, self._now())
            self._settle(seat, was_awake=True)

    def on_room(self, connection: Connection) -> None:
        """Plan the devices that wait for this connection, in the order in which they began to wait."""
        waiting = self._lines[connection].waiting
        for _ in range(len(waiting)):
            if connection.room <= 0:
                break
            seat = waiting.popleft()
            if seat.device.awake:
                self._plan(seat)

    def on_failure(self, reason: str) -> None:
        """End the run if no connection was ready yet; later failed attempts are repeated instead."""
        if not self._ever_ready:
            self._failure = f"cannot reach the broker at {self.options.host}:{self.options.port}: {reason}"

    # Setting up and reporting

    def _lay_lines(self) -> dict[Connection, Line]:
        share = self.options.shared_connections
        groups = [self.devices[n::share] for n in range(share)] if share else [(d,) for d in self.devices]
        lines = {}
        for number, group in enumerate(groups):
            if not group:
                continue
            name = f"simulator-{os.getpid()}-{number}" if share else f"ESP32CAM-{group[0].device_id}"
            topics = [topic for device in group for topic in device.subscriptions]
            connection = Connection(name, topics, WINDOW_PER_DEVICE * len(group))
            lines[connection] = Line(connection, [Seat(device, connection) for device in group])
        return lines

    def _report(self) -> FleetReport:
        now = self._now()
        for device in self.devices:
            device.power_off(now)
        options, images = self.options, all_images(self.devices)
        per_device = options.backlog + (0 if options.days else options.images)
        asked_for = sum(len(d.card.taken) if d.is_silent else per_device for d in self.devices)
        return FleetReport(
            seed=self.seed,
            dialect=options.dialect,
            conversation=options.conversation,
            devices=tuple(device.device_id for device in self.devices),
            started_at=iso(self._clock.at(0)),
            seconds=round(now, 2),
            interrupted=self._stopped and self._unfinished > 0,
            totals=sum_up(self.devices, images, asked_for),
            images=images,
        )


def _device_ids(options: FleetOptions, seed: int) -> tuple[str, ...]:
    if options.device_ids:
        return options.device_ids
    if options.names_prefix:
        return tuple(f"{options.names_prefix}{number:03d}" for number in range(1, options.devices + 1))
    rng = Random(f"{seed}/devices")
    ids: dict[str, None] = {}
    while len(ids) < options.devices:
        # 24:0A:C4 is one of the MAC address prefixes of Espressif, the maker of the ESP32.
        ids[f"240AC4{rng.getrandbits(24):06X}"] = None
    return tuple(ids)
