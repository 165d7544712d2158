"""Counts what was sent against what is in storage, in the rows, and acknowledged, by SHA-256."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

import httpx

from local.stack import BUCKET, Stack
from simulator import DeviceEvent, ImageReport


@dataclass
class Tally:
    """The sums of one run; `problems` has a line for each capture that is not as it should be."""

    sent: int = 0
    stored: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    sent_again: int = 0
    nacks: int = 0
    problems: list[str] = field(default_factory=list)


def count(stack: Stack, images: Iterable[ImageReport]) -> Tally:
    """Look up rows and objects of all images that must be stored."""
    tally = Tally()
    key = stack.supabase_secret_key
    headers = {"apikey": key, "authorization": f"Bearer {key}"}
    by_device: dict[str, list[ImageReport]] = {}
    for image in images:
        by_device.setdefault(image.device_id, []).append(image)
    with httpx.Client(base_url=stack.supabase_url, headers=headers, timeout=60, trust_env=False) as http:
        for device_id, wanted in by_device.items():
            _count_device(http, device_id, wanted, tally)
    return tally


def _count_device(http: httpx.Client, device_id: str, images: list[ImageReport], tally: Tally) -> None:
    rows = rows_of(http, device_id)
    objects = {
        path: hashlib.sha256(_download(http, path)).hexdigest() for path in objects_of(http, device_id)
    }
    copies = Counter(objects.values())
    stored = {row["image_sha256"]: row for row in rows if row["ingest_status"] == "stored"}
    for image in images:
        tally.sent += 1
        tally.nacks += image.nacks
        tally.acknowledged += image.acked
        tally.sent_again += image.offers > 1
        row = stored.get(image.sha256)
        is_stored = bool(row) and objects.get(row["storage_path"]) == image.sha256
        tally.stored += is_stored
        name = f"{device_id} {image.image_name}"
        if not is_stored or not image.acked:
            tally.lost += 1
            fate = [row for row in rows if row["device_capture_id"] == image.image_name]
            tally.problems.append(f"{name}: stored {is_stored}, acknowledged {image.acked}, rows {fate}")
        extra = copies[image.sha256] - 1 + sum(row["image_sha256"] == image.sha256 for row in rows) - 1
        if is_stored and extra > 0:
            tally.duplicated += 1
            tally.problems.append(f"{name}: {copies[image.sha256]} objects, {len(rows)} rows of the device")


def rows_of(http: httpx.Client, device_id: str) -> list[dict]:
    """All rows of a device in captures."""
    answer = http.get("/rest/v1/captures", params={"select": "*", "device_id": f"eq.{device_id}"})
    answer.raise_for_status()
    return answer.json()


def objects_of(http: httpx.Client, device_id: str, folder: str = "captures") -> Iterator[str]:
    """The paths of all objects of a device, wherever they lie below its folder."""
    waiting = [f"{folder}/{device_id}"]
    while waiting:
        prefix = waiting.pop()
        body = {"prefix": prefix, "limit": 10_000}
        answer = http.post(f"/storage/v1/object/list/{BUCKET}", json=body)
        answer.raise_for_status()
        for entry in answer.json():
            # The embedded server lists whole paths, at any depth; the hosted one a folder at a time.
            name = entry["name"]
            path = name if name.startswith(f"{folder}/") else f"{prefix}/{name}"
            if entry.get("id") is None:
                waiting.append(path)
            else:
                yield path


def _download(http: httpx.Client, path: str) -> bytes:
    answer = http.get(f"/storage/v1/object/{BUCKET}/{path}")
    answer.raise_for_status()
    return answer.content


class Recorder:
    """Notes when each capture was sent whole and when it was acknowledged (`time.monotonic`)."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, str], float] = {}
        self.acknowledged: dict[tuple[str, str], float] = {}
        self.false_nacks = 0
        self.changed = threading.Condition()

    def on_event(self, event: DeviceEvent) -> None:
        """Take one event of the fleet."""
        key = (event.device_id, event.image_name)
        with self.changed:
            if event.kind == "chunk" and event.sent == event.total:
                self.sent.setdefault(key, time.monotonic())
            elif event.kind == "ack":
                self.acknowledged.setdefault(key, time.monotonic())
            elif event.kind == "nack" and key in self.sent:
                self.false_nacks += 1
            else:
                return
            self.changed.notify_all()

    def wait_sent(self, number: int, timeout: float) -> bool:
        """Wait until so many captures are sent whole."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.sent) >= number, timeout)

    def wait_acknowledged(self, number: int, timeout: float) -> bool:
        """Wait until so many captures are acknowledged."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.acknowledged) >= number, timeout)

    def recovery(self, fault: "Injected", others: "Iterable[Injected]") -> float | None:
        """Seconds from the end of a fault until the last capture that it could hit was acknowledged.

        Such are those sent whole before its end and acknowledged after its beginning; None without any.
        The time while other faults were in force does not count.
        """
        with self.changed:
            last = max(
                (
                    self.acknowledged[key]
                    for key, sent in self.sent.items()
                    if sent <= fault.ended and self.acknowledged.get(key, 0) > fault.began
                ),
                default=None,
            )
        if last is None:
            return None
        elsewhere = sum(max(0.0, min(last, other.ended) - max(fault.ended, other.began)) for other in others)
        return max(0.0, last - fault.ended - elsewhere)


@dataclass(frozen=True)
class Injected:
    """A fault that was injected: from when to when (`time.monotonic`)."""

    name: str
    began: float
    ended: float


def table(injected: list[Injected], recorder: Recorder, tally: Tally, seed: object) -> str:
    """The table of a run, one line for each kind of fault and the sums below it."""
    kinds: dict[str, list[float]] = {}
    numbers: Counter[str] = Counter()
    for fault in injected:
        numbers[fault.name] += 1
        times = kinds.setdefault(fault.name, [])
        if (seconds := recorder.recovery(fault, injected)) is not None:
            times.append(seconds)
    lines = [f"{'fault':<44}{'times':>6}{'median s':>10}{'worst s':>9}"]
    for name, times in sorted(kinds.items()):
        middle, worst = (f"{median(times):.1f}", f"{max(times):.1f}") if times else ("-", "-")
        lines.append(f"{name:<44}{numbers[name]:>6}{middle:>10}{worst:>9}")
    every = [seconds for times in kinds.values() for seconds in times]
    lines.append(
        f"seed {seed}: faults injected {len(injected)}, captures sent {tally.sent}, stored {tally.stored}, "
        f"acknowledged {tally.acknowledged}, lost {tally.lost}, duplicated {tally.duplicated}, "
        f"offered again {tally.sent_again}, NACKs {tally.nacks}; recovery median "
        f"{median(every) if every else 0:.1f} s, worst {max(every, default=0):.1f} s"
    )
    return "\n".join(lines)
