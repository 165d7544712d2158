"""A fleet and the service in simulated time: days pass as fast as the machine computes them.

Devices are the simulator's state machines. What they send goes through the listener's receiver into the
chunk store, and every task runs at once, as a function, with the real SQL behind it. Only the broker and
Celery's queue are left out, because they know no time but the real one.
"""

import heapq
from datetime import UTC, datetime
from itertools import count
from math import inf

from core.settings import IntakeSettings
from core.store.devices import Hello
from core.store.listeners import Heartbeat
from core.store.store import open_store
from listener.batch import Batches
from listener.buttons import Buttons
from listener.connection import Received
from listener.error_log import ErrorLog
from listener.message_log import MessageLog
from listener.receive import Receiver
from simulator.clock import Clock
from simulator.state import State
from tasks import agenda, pipeline, sweep

TRAVEL_S = 0.05  # one way between device and service
SWEEP_S = 1.0
WEEK_START = datetime(2025, 10, 20, tzinfo=UTC)  # in it Europe's clocks go back


class Week:
    """One run; it stands for the dispatcher and the publisher of the workers too."""

    def __init__(self, devices, resources):
        self.now = 0.0
        self.devices = {device.device_id: device for device in devices}
        self._order = count()
        self._events = []
        self._planned = {}
        self._sweeping = False
        store = open_store(resources.store.redis, resources.settings, self.milliseconds)
        self._resources = resources._replace(store=store, publisher=self)
        settings = IntakeSettings()
        self._batches = Batches(store.redis, settings)
        self._receiver = Receiver(settings, ErrorLog(10**6), MessageLog(9_000), Buttons())
        for device in devices:
            self._plan(device)

    connected = True  # as a publisher

    def milliseconds(self):
        return int((WEEK_START.timestamp() + self.now) * 1000)

    def run(self):
        while self._events:
            moment, _, act = heapq.heappop(self._events)
            self.now = max(self.now, moment)
            act()
        for device in self.devices.values():
            device.power_off(self.now)

    def _at(self, moment, act):
        heapq.heappush(self._events, (moment, next(self._order), act))

    def _plan(self, device):
        moment = min(device.next_timer, device.next_send)
        self._planned[device.device_id] = moment
        if moment < inf:
            self._at(moment, lambda: self._step(device, moment))

    def _step(self, device, moment):
        if self._planned[device.device_id] != moment:
            return  # it has been planned anew since
        was_awake = device.awake
        messages = device.due(self.now, 50)
        if device.awake and not was_awake:
            device.on_connected(self.now)
        if messages:
            self._at(self.now + TRAVEL_S, lambda: self._arrive(messages))
        if device.state is not State.FINISHED:
            self._plan(device)

    # The service

    def _arrive(self, messages):
        received = [Received(message.topic, message.payload, 0, 1, 1) for message in messages]
        now = self.milliseconds()
        batch = self._batches.begin()
        hellos = self._receiver.fill(batch, received, now)
        for outcome in batch.commit():
            if outcome.superseded:
                self.store_capture(outcome.superseded)
            if outcome.status == "complete":
                self.store_capture(outcome.ref)
            elif outcome.status == "stored":
                self.acknowledge_again(outcome.ref)
        for hello in hellos:
            self.answer_hello(Hello.of(hello, now))
        if not self._sweeping:
            self._sweeping = True
            self._at(self.now + SWEEP_S, self._sweep)

    def _sweep(self):
        batch = self._batches.begin()
        batch.heard(Heartbeat("week", self.milliseconds(), self.milliseconds()))
        batch.commit()
        sweep.sweep_once(self._resources, self)
        busy = any(device.awake for device in self.devices.values())
        if busy or self._resources.store.captures.count():
            self._at(self.now + SWEEP_S, self._sweep)
        else:
            self._sweeping = False

    # What the dispatcher enqueues, done at once

    def store_capture(self, ref):
        claim = self._resources.store.captures.claim(ref, "week")
        if claim is not None:
            pipeline.run(self._resources, claim)

    def acknowledge_again(self, ref):
        if agenda.acknowledge(self._resources, ref):
            agenda.tell_next(self._resources, ref.device_id)

    def answer_hello(self, hello):
        agenda.answer_from_database(self._resources, hello)

    def record_timeout(self, ref):
        self._resources.store.captures.settle_timeout(ref)

    def record_assembling(self, rows):
        self._resources.supabase.call("record_assembling", p_captures=rows)

    # The publisher

    def send(self, device_id, kind, payload):
        device = self.devices[device_id]

        def hear():
            if device.awake:
                device.on_message(f"ESP32CAM/{device_id}/{kind}", payload, self.now)
                if device.state is not State.FINISHED:
                    self._plan(device)

        self._at(self.now + TRAVEL_S, hear)

    def send_all(self, messages):
        for message in messages:
            self.send(*message)


def clock():
    return Clock(WEEK_START.timestamp(), 1.0, WEEK_START.timestamp())
