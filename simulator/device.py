"""One device as a state machine without I/O: messages and time in, messages out.

    asleep ──▶ connecting ──▶ sending ──▶ waiting for a command or an ACK ──▶ … ──▶ asleep | finished

`now` is real seconds since the run began. The caller does three things: it calls `due(now, room)` for
messages when `next_send` or `next_timer` is reached, it passes incoming messages to `on_message`, and it
keeps a connection open while `awake` is true. All random draws come from the seed, so the same inputs
give the same outputs.
"""

from collections import deque
from math import inf
from zoneinfo import ZoneInfo

from simulator.alarm import DAY, Alarm
from simulator.card import Camera, Card, Image
from simulator.clock import Clock, iso
from simulator.course import Course
from simulator.dialects import Dialect, encode_hello
from simulator.events import DeviceEvent, EventKind, EventSink
from simulator.hear import Acknowledged, Capture, Custom, Missing, SendImage, Unusable, WakeAt, hear
from simulator.offer import Offer
from simulator.options import FleetOptions
from simulator.pictures import REFUSED
from simulator.state import Message, State, Tally
from simulator.vitals import charge_left, vitals

OFFLINE_AWAKE_SECONDS = 5.0  # time awake without network: take a picture, search for the access point
CATCH_UP_SECONDS = 0.5  # a delayed device catches up on at most this much of its sending schedule


class Device:
    """A camera with its SD card, from its first wake until it has done everything the options ask for.

    `sink` receives every event of the device.
    """

    def __init__(
        self,
        device_id: str,
        options: FleetOptions,
        dialect: Dialect,
        camera: Camera,
        clock: Clock,
        *,
        sink: EventSink | None = None,
    ) -> None:
        self.device_id = device_id
        self.dialect = dialect
        self.card = Card()
        self.tally = Tally()
        self.state = State.ASLEEP
        self.next_send = inf
        self._options = options
        self._camera = camera
        self._clock = clock
        self._sink = sink
        self._zone = ZoneInfo(options.time_zone)
        root = f"ESP32CAM/{device_id}"
        self._status, self._data, self._ack, self._cmd = (
            f"{root}/{t}" for t in ("status", "data", "ack", "cmd")
        )
        self._says_hello = False
        self._offer: Offer | None = None
        self._agenda: deque[Image] = deque()
        self._alarm = Alarm(options, clock, camera.rng("spread"))
        self._course = Course(options, clock)
        self._run_share = 0.0
        self._idle_wakes = 0
        self._progress = False
        self._awake_since = 0.0
        self._deadline = inf
        for age in range(options.backlog, 0, -1):
            camera.take(self.card, 0.0, age=age * DAY / 3)

    @property
    def subscriptions(self) -> tuple[str, str]:
        """The topics on which the service sends to this device: `ack` and `cmd`."""
        return self._ack, self._cmd

    @property
    def awake(self) -> bool:
        """Whether the device is awake, with its radio on."""
        return self.state not in (State.ASLEEP, State.FINISHED)

    @property
    def is_silent(self) -> bool:
        """Whether this is the device's last wake, because the options let it go silent then."""
        return 0 < self._options.silent_after <= self.tally.wakes

    @property
    def next_timer(self) -> float:
        """The time of the device's next own action besides sending: it wakes, or a timeout ends its wait."""
        if self.state is State.FINISHED:
            return inf
        return self._alarm.wake_at if self.state is State.ASLEEP else self._deadline

    # Input from the caller

    def on_connected(self, now: float) -> None:
        """Begin with the hello; after a reconnection within the same wake, continue without a new hello."""
        if self.state is State.CONNECTING:
            self._says_hello = True
            self._keep_sending(now)

    def on_message(self, topic: str, payload: bytes, now: float) -> None:
        """Handle one message from the service; a sleeping device ignores it."""
        if not self.awake:
            return
        options = self._options
        time = self._clock.at(now) if options.wake_clock == "device" else self._clock.real(now)
        heard = hear(topic, payload, self.device_id, options, zone=self._zone, time=time)
        match heard:
            case Acknowledged():
                if heard.sleep_seconds is not None:
                    self._alarm.schedule(heard.sleep_seconds, now)
                if heard.problem:
                    self._unusable(now, heard.problem)
                self._on_ack(heard.image_name, now)
            case Missing():
                self._on_nack(heard, now)
            case Unusable():
                self._unusable(now, heard.reason)
            case _:
                self._on_command(heard, now)

    def due(self, now: float, room: int) -> list[Message]:
        """Return at most `room` messages that are due; `room` is 0 without a connection.

        A call may also wake the device, or end a wait whose timeout has passed.
        """
        out: list[Message] = []
        if not self.awake:
            if self.state is State.ASLEEP and now >= self._alarm.wake_at:
                self._wake(now)
            return out
        while self.next_send <= now and len(out) < room:
            out.append(self._send(now))
        if not out and now >= self._deadline:
            self._give_up(now)
        self.tally.messages += len(out)
        return out

    def power_off(self, now: float) -> None:
        """Stop the device in its present state, because the run is over."""
        if self.awake:
            self.tally.awake_seconds += now - self._awake_since
        self._close_offer()
        self.state = State.FINISHED
        self.next_send = inf

    # Waking and sleeping

    def _wake(self, now: float) -> None:
        self.tally.wakes += 1
        self._awake_since = now
        self._progress = False
        self._run_share = self._course.share(now, self._pictures_taken)
        self._wait(State.CONNECTING, now)
        self._emit("wake", now)
        if self._alarm.is_cut_off(now, self._camera.rng("outage", self.tally.wakes)):
            # Without network the device still takes its picture on the last known schedule and keeps it.
            if self._options.days or self._pictures_left:
                self._take_picture(now)
            self.tally.offline += 1
            self.tally.awake_seconds += OFFLINE_AWAKE_SECONDS
            self._progress = True
            self._emit("offline", now)
            self._fall_asleep(now)

    def _fall_asleep(self, now: float) -> None:
        self.tally.awake_seconds += now - self._awake_since
        before_end = self._options.days and not self._alarm.is_past_end(self._awake_since)
        self._idle_wakes = 0 if self._progress or before_end else self._idle_wakes + 1
        self._agenda.clear()
        self._close_offer()
        self._says_hello = False
        self.next_send = inf
        self._alarm.wind_up(now)
        if self._is_done():
            self.state = State.FINISHED
            self._emit("finished", now)
        elif self.is_silent:
            self.state = State.FINISHED
            self._emit("silent", now)
        else:
            self.state = State.ASLEEP
            self._emit("sleep", now, detail=iso(self._clock.at(self._alarm.wake_at)))

    @property
    def _pictures_taken(self) -> int:
        return len(self.card.taken) - self._options.backlog

    @property
    def _pictures_left(self) -> bool:
        return self._pictures_taken < self._options.images

    def _is_done(self) -> bool:
        options = self._options
        settled = all(image.offers >= options.wakes for image in self.card.held.values())
        # In conversation the service decides what happens. A device also ends after `wakes` idle wakes.
        idle = options.conversation and self._idle_wakes >= options.wakes
        if options.days:
            return self._alarm.is_past_end(self._alarm.wake_at) and (settled or idle)
        return idle or (settled and not self._pictures_left)

    def _give_up(self, now: float) -> None:
        if self.state in (State.CONNECTING, State.SENDING):
            self.tally.offline += 1
            self._emit("offline", now)
        elif self.state is not State.LINGERING and not self._silence_is_right():
            self.tally.hung += 1
            self._emit("hung", now, detail=self.state.value)
        self._fall_asleep(now)

    def _silence_is_right(self) -> bool:
        """Whether the missing ACK is correct, because the picture cannot be stored."""
        offer = self._offer
        return self.state is State.AWAIT_ANSWER and offer is not None and offer.image.damage in REFUSED

    def _wait(self, state: State, now: float) -> None:
        self.state = state
        self.next_send = inf
        self._deadline = now + (self._options.linger if state is State.LINGERING else self._options.timeout)

    # Sending

    def _keep_sending(self, now: float) -> None:
        """Schedule the next planned message; if none is left, go on to the step that follows."""
        if self._says_hello or (self._offer is not None and self._offer.steps):
            self.state = State.SENDING
            if self.next_send == inf:
                self.next_send = now
            self._deadline = max(now, self.next_send) + self._options.timeout
        elif self._offer is None:
            self._after_hello(now)
        elif self._offer.image.metadata.error:
            self._after_error_report(now)
        elif self._offer.image.acked:
            self._after_answer(now)
        elif self._offer.image.breaks_off:
            self._emit("partial", now, self._offer.image.name)
            self._fall_asleep(now)
        else:
            self._wait(State.AWAIT_ANSWER, now)

    def _send(self, now: float) -> Message:
        if self._says_hello:
            message = self._hello(now)
        else:
            assert self._offer is not None  # noqa: S101 (next_send is only set where there is something to send)
            message = self._next_step(self._offer, now)
        self._keep_sending(now)
        return message

    def _hello(self, now: float) -> Message:
        self._says_hello = False
        self.next_send = inf
        self.tally.hellos += 1
        held = list(self.card.held)
        self._emit("hello", now, total=len(held))
        rng = self._camera.rng("vitals", self.tally.wakes)
        left = self._course.battery_left(self._run_share)
        if left is None:
            left = charge_left(self.tally.awake_seconds)
        values = vitals(rng, self.tally.wakes, left, self._course.rssi(self._run_share))
        return Message(self._status, encode_hello(self.dialect, self.device_id, held, values))

    def _next_step(self, offer: Offer, now: float) -> Message:
        step = offer.steps.popleft()
        message = Message(self._data, offer.write(step, now))
        image = offer.image
        if step.kind == "metadata":
            self._emit("metadata", now, image.name, total=image.metadata.chunks)
        elif step.kind == "chunk":
            self._emit("chunk", now, image.name, sent=offer.distinct_sent, total=image.chunks)
            self.next_send = max(self.next_send, now - CATCH_UP_SECONDS) + offer.pace * step.slots
        if not offer.steps:
            self.next_send = inf
        return message

    # Which step follows which

    def _after_hello(self, now: float) -> None:
        if self._options.conversation:
            self._wait(State.AWAIT_COMMAND, now)
            return
        held = [image for image in self.card.held.values() if image.offers < self._options.wakes]
        if self._pictures_left:
            self._agenda.append(self._take_picture(now))
        self._agenda.extend(sorted(held, key=lambda image: image.offers))
        self._after_answer(now)

    def _after_answer(self, now: float) -> None:
        self._close_offer()
        if self._options.conversation:
            self._wait(State.LINGERING, now)
            return
        while self._agenda:
            image = self._agenda.popleft()
            if not image.acked:
                self._offer_image(image, now)
                return
        self._fall_asleep(now)

    def _after_error_report(self, now: float) -> None:
        if self._options.conversation:
            self._wait(State.AWAIT_RELEASE, now)
        else:
            self._after_answer(now)

    def _take_picture(self, now: float) -> Image:
        self._progress = self._progress or (self._pictures_left and not self._options.days)
        image = self._camera.take(self.card, now)
        kind: EventKind = "error" if image.metadata.error else "capture"
        detail = f"device error {image.metadata.error}" if image.metadata.error else ""
        self._emit(kind, now, image.name, total=image.metadata.chunks, detail=detail)
        return image

    def _offer_image(self, image: Image, now: float) -> None:
        self._offer = Offer(
            self.device_id,
            self._options,
            self.dialect,
            image,
            self._camera.develop(image),
            loss=self._course.loss(self._run_share),
            rng=self._camera.rng,
        )
        self._keep_sending(now)

    def _close_offer(self) -> None:
        if self._offer is not None:
            self.tally.chunks_lost += self._offer.chunks_lost
            self.tally.chunks_repeated += self._offer.chunks_repeated
            self._offer = None

    # Messages from the service

    def _on_ack(self, name: str, now: float) -> None:
        offer = self._offer
        image = self.card.delete(name)
        if image is None:
            if self.state is State.AWAIT_RELEASE and offer is not None and offer.image.name == name:
                self._after_answer(now)
            else:
                self.tally.repeated_acks += 1
            return
        self._progress = True
        image.acked = True
        # If some chunk was never sent, deleting the picture here loses it for good.
        image.acked_early = not image.has_left
        if image.last_chunk_at is not None:
            image.ack_latency_ms = round((now - image.last_chunk_at) * 1000, 1)
        self._emit("ack", now, name, latency_ms=image.ack_latency_ms)
        self._emit("deleted", now, name)
        if offer is not None and offer.image is image:
            offer.drop_chunks()
            self._keep_sending(now)

    def _on_nack(self, heard: Missing, now: float) -> None:
        offer = self._offer
        if offer is None or offer.image.name != heard.image_name or offer.image.acked:
            self._unusable(now, f"missing_chunks for {heard.image_name!r}, which is not being sent")
            return
        wanted = [chunk_id for chunk_id in heard.chunk_ids if 0 <= chunk_id < offer.image.chunks]
        if len(wanted) != len(heard.chunk_ids) or not wanted:
            self._unusable(now, f"missing_chunks names chunks that {heard.image_name} does not have")
        offer.image.nacks += 1
        self._emit("nack", now, heard.image_name, missing=tuple(wanted))
        offer.resend(wanted)
        self._keep_sending(now)

    def _on_command(self, heard: Capture | SendImage | WakeAt | Custom, now: float) -> None:
        self._emit("command", now, detail=heard.describe())
        if isinstance(heard, WakeAt):
            self._alarm.schedule(heard.sleep_seconds, now)
            if self._options.conversation and self.state not in (State.SENDING, State.CONNECTING):
                self._fall_asleep(now)
        elif self._options.conversation and self.state in (
            State.AWAIT_COMMAND,
            State.AWAIT_RELEASE,
            State.LINGERING,
        ):
            if isinstance(heard, Capture):
                self._close_offer()
                self._offer_image(self._take_picture(now), now)
            elif isinstance(heard, SendImage):
                image = self.card.held.get(heard.image_name)
                if image is None:
                    self._unusable(now, f"send_image for {heard.image_name!r}, which is not on the card")
                else:
                    self._close_offer()
                    self._offer_image(image, now)

    def _unusable(self, now: float, reason: str) -> None:
        self.tally.unusable_messages += 1
        self._emit("error", now, detail=reason)

    def _emit(
        self,
        kind: EventKind,
        now: float,
        image_name: str = "",
        *,
        sent: int = 0,
        total: int = 0,
        missing: tuple[int, ...] = (),
        latency_ms: float | None = None,
        detail: str = "",
    ) -> None:
        if self._sink is not None:
            self._sink(
                DeviceEvent(self.device_id, kind, now, image_name, sent, total, missing, latency_ms, detail)
            )
