"""A day of a fleet, simulated: what the capacity model says of averages, with its queues.

    python -m benchmarks.day                          10,000 devices that wake spread over an hour
    python -m benchmarks.day --window 60 --outage 6 1 --failing 0.01
    python -m benchmarks.day --check                  beside what was measured of the real processes

Devices wake by their schedule, each time at another moment of the window, and send their chunks evenly. A
listener takes them, one message after the other. A complete capture waits in one queue for a thread of any
worker, which works in three turns with the one interpreter of its worker, and waits for Supabase between
them: for the uploads, then for the row. What fails is tried again as `tasks/capture.py` does. A device waits
for its ACK, or gives up and offers the picture again at its next wake. Figures and options are those of
`benchmarks.capacity`.

Left out are lost chunks, hellos as tasks, and the time that broker, Redis and the way between them take.
"""

import json
import statistics
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import simpy
from rich.console import Console

from benchmarks.capacity import (
    THREADS,
    Figures,
    listener_rate,
    needs,
    parser,
    read,
    table,
    use_of,
    worker_rate,
)
from benchmarks.measures import SPREAD_S
from benchmarks.photograph import MESSAGES

DAY_S: Final = 86_400
HOUR_S: Final = 3_600
# A capture reaches the listener in so many parts; each chunk for itself takes ten times as long to simulate.
PARTS: Final = 5
# A worker's CPU for a capture comes in so many turns: before, between and after the waits for Supabase.
TURNS: Final = 3
# As BACKOFF_S and BACKOFF_MAX_S of tasks/app.py, and PROBE_EVERY_MS of core/store/breakers.py.
BACKOFF_S, BACKOFF_MAX_S, AGAIN_S = 2, 30, 0.5
# What `make bench` has measured.
MEASURED: Final = Path(__file__).parent / "results" / "latest.json"

Steps = Generator[simpy.Event, Any, None]


class Fleet(NamedTuple):
    """What is simulated: how many of each, and how long things take (s).

    `wakes` are the times at which windows of `window_s` begin; without any, a device sends its next capture
    as soon as it has its ACK, until `end_s`. `failing` is the share of calls of Supabase that fail, and in
    `outage` all do.
    """

    devices: int
    end_s: float
    transfer_s: float
    listener_s: float
    worker_s: float
    supabase_s: float
    wakes: tuple[float, ...] = ()
    window_s: float = 0.0
    patience_s: float = 60.0
    listeners: int = 1
    workers: int = 1
    threads: int = THREADS
    failing: float = 0.0
    outage: tuple[float, float] = (0.0, 0.0)
    seed: int = 1


@dataclass(slots=True)
class Capture:
    """A capture on its way: the event of its ACK, when its last chunk left and when all were there (s).

    `known` is one that is stored already.
    """

    stored: simpy.Event
    known: bool
    sent_at: float = 0.0
    complete_at: float = 0.0
    parts: int = 0
    tries: int = 0


class Day:
    """One run of a fleet, and what was seen of it: lists of (time, seconds) at the end of each wait."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.waited: list[tuple[float, float]] = []
        self.answered: list[tuple[float, float]] = []
        self.awake: list[tuple[float, float]] = []
        self.gave_up = self.retries = 0
        # CPU seconds of each kind of process.
        self.busy_s = {"listener": 0.0, "worker": 0.0}
        # Captures that are complete and not stored, and their sum over time (captures × s).
        self.waiting, self.waiting_s, self._counted_at = 0, 0.0, 0.0
        self._env, self._rng = simpy.Environment(), Random(fleet.seed)  # noqa: S311 - no secret
        self._queue: simpy.Store = simpy.Store(self._env)
        self._listeners = simpy.Resource(self._env, fleet.listeners)
        for _ in range(fleet.workers):
            interpreter = simpy.Resource(self._env, 1)
            for _ in range(fleet.threads):
                self._env.process(self._thread(interpreter))

    def run(self) -> "Day":
        """Play it to its end; with wakes also what is unfinished then."""
        for _ in range(self.fleet.devices):
            self._env.process(self._scheduled() if self.fleet.wakes else self._restless())
        self._env.run(None if self.fleet.wakes else self.fleet.end_s)
        self._count(0)
        return self

    @property
    def now(self) -> float:
        """The simulated time in s."""
        return float(self._env.now)

    def _scheduled(self) -> Steps:
        held = False
        for wake in self.fleet.wakes:
            yield self._env.timeout(max(0.0, wake + self._rng.random() * self.fleet.window_s - self.now))
            woke = self.now
            if held:  # offered again: the service knows it, and only the listener has work with it
                yield from self._send(known=True)
            stored = yield from self._send()
            answered = yield stored | self._env.timeout(self.fleet.patience_s)
            held = stored not in answered
            self.gave_up += held
            self.awake.append((self.now, self.now - woke))

    def _restless(self) -> Steps:
        while True:
            yield (yield from self._send())

    def _send(self, *, known: bool = False) -> Generator[simpy.Event, Any, simpy.Event]:
        """Send a capture; return the event of its ACK when the last chunk has left."""
        capture = Capture(self._env.event(), known)
        for _ in range(PARTS):
            yield self._env.timeout(self.fleet.transfer_s / PARTS)
            capture.sent_at = self.now
            self._env.process(self._listen(capture))
        return capture.stored

    def _listen(self, capture: Capture) -> Steps:
        yield from self._compute("listener", self._listeners, self.fleet.listener_s * MESSAGES / PARTS)
        capture.parts += 1
        if capture.parts == PARTS and not capture.known:
            capture.complete_at = self.now
            self._count(1)
            self._queue.put(capture)

    def _thread(self, interpreter: simpy.Resource) -> Steps:
        while True:
            capture = yield self._queue.get()
            if not capture.tries:
                self.waited.append((self.now, self.now - capture.complete_at))
            for turn in range(TURNS):
                if turn:
                    yield self._env.timeout(self.fleet.supabase_s / (TURNS - 1))
                    if self._fails():
                        self._env.process(self._again(capture))
                        break
                yield from self._compute("worker", interpreter, self.fleet.worker_s / TURNS)
            else:
                self._count(-1)
                self.answered.append((self.now, self.now - capture.sent_at))
                capture.stored.succeed()

    def _compute(self, kind: str, core: simpy.Resource, seconds: float) -> Steps:
        with core.request() as turn:
            yield turn
            yield self._env.timeout(seconds)
        self.busy_s[kind] += seconds

    def _away(self) -> bool:
        return self.fleet.outage[0] <= self.now < self.fleet.outage[1]

    def _fails(self) -> bool:
        return self._away() or (self.fleet.failing > 0 and self._rng.random() < self.fleet.failing)

    def _again(self, capture: Capture) -> Steps:
        """Let a capture be tried later: after a backoff with full jitter, or when Supabase is back."""
        self.retries += 1
        if self._away():
            yield self._env.timeout(self.fleet.outage[1] - self.now + self._rng.random() * AGAIN_S)
        else:
            most = min(BACKOFF_MAX_S, BACKOFF_S * 2**capture.tries)
            yield self._env.timeout(1 + self._rng.random() * most)
        capture.tries += 1
        self._queue.put(capture)

    def _count(self, change: int) -> None:
        self.waiting_s += self.waiting * (self.now - self._counted_at)
        self.waiting, self._counted_at = self.waiting + change, self.now


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that so much of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def hours(day: Day) -> dict[int, dict[str, float]]:
    """Return what was seen in each hour in which captures were acknowledged."""
    found = {}
    for hour in range(int(day.now // HOUR_S) + 1):
        waited, answered, awake = (
            [seconds for at, seconds in seen if at // HOUR_S == hour]
            for seen in (day.waited, day.answered, day.awake)
        )
        if answered and awake:
            found[hour] = {
                "captures": len(answered),
                "queue age, s, 95 %": quantile(waited, 0.95) if waited else 0.0,
                "at most": max(waited, default=0.0),
                "ACK, s, median": statistics.median(answered),
                "awake, s, median": statistics.median(awake),
                "95 %": quantile(awake, 0.95),
            }
    return found


def check(measured: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Play the fleets that `make bench` has measured on the real processes; return both, and the error.

    The simulation knows the CPU time of a message and of a capture in the fullest of them, with a Supabase
    that answers at once, and is to find out all the rest.
    """
    size = measured["size"]
    full = measured[f"fleet_{max(size['devices'])}_0"]["cpu_ms"]
    found = {}
    for name, real in measured.items():
        if not name.startswith(("fleet_", "light_")):
            continue
        fleet = Fleet(
            devices=int(real["devices"]),
            end_s=60,
            transfer_s=SPREAD_S if name.startswith("light_") else 0,
            listener_s=full["listener"] / 1000 / MESSAGES,
            worker_s=full["worker"] / 1000,
            supabase_s=2 * real["delay_ms"] / 1000,
        )
        acks = [1000 * waited for _, waited in Day(fleet).run().answered]
        rate, wait = len(acks) / fleet.end_s, statistics.median(acks)
        paced = ", paced" if fleet.transfer_s else ""
        found[f"{fleet.devices} devices, Supabase {real['delay_ms']:g} ms{paced}"] = {
            "captures/s": real["captures_per_s"],
            "simulated": rate,
            "error, %": 100 * (rate / real["captures_per_s"] - 1),
            "last chunk to ACK, ms": real["ack_ms"],
            "simulated ": wait,
            "error, % ": 100 * (wait / real["ack_ms"] - 1),
        }
    return found


def print_rows(console: Console, title: str, rows: Mapping[Any, Mapping[str, float]]) -> None:
    """Print a table with a line for each of the rows."""
    names = list(next(iter(rows.values())))
    columns = [{f"{head}": row[name] for head, row in rows.items()} for name in names]
    console.print(table(title, names, columns, _cell))


def fleet_of(devices: int, figures: Figures, asked: Any) -> Fleet:
    """Return the fleet of the options, with the listeners and workers that the capacity model gives it."""
    use = use_of(asked)
    need = needs(devices, figures, use)
    gap = DAY_S / use.photos
    begun, length = asked.outage
    return Fleet(
        devices=devices,
        end_s=DAY_S,
        transfer_s=use.transfer_s,
        listener_s=1 / listener_rate(figures, use.cores),
        worker_s=figures.worker_s_per_capture / min(use.cores, 1),
        supabase_s=use.supabase_s,
        wakes=tuple(number * gap for number in range(round(asked.hours * HOUR_S / gap))),
        window_s=min(use.window_s, gap),
        listeners=asked.listeners or need.listeners,
        workers=asked.workers or need.workers,
        failing=asked.failing,
        outage=(begun * HOUR_S, (begun + length) * HOUR_S),
        seed=asked.seed,
    )


def _cell(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def main() -> None:
    """Read the command line, and print the hours of the day, or the comparison."""
    arguments = parser("A day of a fleet, simulated.")
    arguments.set_defaults(devices=[10_000])
    arguments.add_argument("--hours", type=float, default=24, help="of wakes to simulate")
    arguments.add_argument("--listeners", type=int, default=0, help="0: as many as the capacity model says")
    arguments.add_argument("--workers", type=int, default=0, help="likewise")
    arguments.add_argument("--failing", type=float, default=0.0, help="share of Supabase's calls that fail")
    arguments.add_argument("--outage", type=float, nargs=2, default=(0, 0), help="of Supabase: hour, hours")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--check", action="store_true", help="beside what `make bench` has measured")
    asked = arguments.parse_args()
    console = Console(highlight=False, width=170)
    if asked.check:
        print_rows(console, "", check(json.loads(MEASURED.read_text())))
        return
    figures = read()
    for devices in asked.devices:
        fleet = fleet_of(devices, figures, asked)
        day = Day(fleet).run()
        windows_s = len(fleet.wakes) * fleet.window_s
        console.print(
            f"{devices:,} devices, {len(day.answered):,} captures, {fleet.listeners} listeners, "
            f"{fleet.workers} workers; {day.gave_up:,} waits in vain, {day.retries:,} retries"
        )
        offered = devices / fleet.window_s
        rate = fleet.workers * worker_rate(figures, fleet.supabase_s, asked.cores)
        listeners = day.busy_s["listener"] / windows_s / fleet.listeners
        workers = day.busy_s["worker"] / windows_s / fleet.workers
        console.print(
            f"CPU for {listeners:.1%} of the windows in each listener, for {workers:.1%} in each worker; "
            f"the captures are {offered / rate:.1%} of what the model says that the workers carry"
        )
        print_rows(console, "hour", hours(day))


if __name__ == "__main__":
    main()
