"""The result of a run: every picture with its outcome, and the totals."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

import orjson

from simulator.card import Image
from simulator.clock import iso
from simulator.device import Device
from simulator.pictures import REFUSED, Damage
from simulator.vitals import charge_used_mah

Expected = Literal["stored", "failed", "error"]


@dataclass(frozen=True, slots=True)
class ImageReport:
    """One picture: what the device sent and how the service answered.

    `captured_at` is ISO 8601 in UTC. `bytes` and `sha256` describe the image as the device sends it.
    `expected` is the outcome that the service must reach: `stored` means stored and acknowledged, `failed`
    means that it cannot be stored, or never left whole, and `error` means that the device could not take
    it. `acked_early` means that ACK_OK came before the device had sent every chunk, which loses the image.
    Sensor readings are in °C, %, hPa and ohms.
    """

    device_id: str
    image_name: str
    captured_at: str
    bytes: int
    sha256: str
    chunks: int
    expected: Expected
    damage: str
    device_error: int
    offers: int
    nacks: int
    chunks_sent: int
    chunks_resent: int
    acked: bool
    acked_early: bool
    ack_latency_ms: float | None
    temperature: float
    humidity: float
    pressure: float
    gas_ohms: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the fleet.

    The ACK latencies are measured from the last chunk sent to the image's ACK. The seconds awake are real
    seconds.
    """

    images: int
    images_not_taken: int
    expected_stored: int
    expected_failed: int
    device_errors: int
    acked: int
    not_acked: int
    wrongly_acked: int
    acked_early: int
    bytes: int
    chunks: int
    chunks_sent: int
    chunks_lost: int
    chunks_repeated: int
    chunks_resent: int
    nacks: int
    messages: int
    wakes: int
    hellos: int
    hung: int
    offline: int
    unusable_messages: int
    repeated_acks: int
    ack_latency_median_ms: float | None
    ack_latency_p95_ms: float | None
    ack_latency_max_ms: float | None
    awake_seconds: float
    awake_seconds_per_capture: float | None
    battery_mah_per_capture: float | None


@dataclass(frozen=True, slots=True)
class FleetReport:
    """The result of a run. `seconds` is real time; `started_at` is ISO 8601 by the device clock."""

    seed: int
    dialect: str
    conversation: bool
    devices: tuple[str, ...]
    started_at: str
    seconds: float
    interrupted: bool
    totals: Totals
    images: tuple[ImageReport, ...]

    @property
    def ok(self) -> bool:
        """Whether the run reached its end without a fault.

        Every image that can be stored was acknowledged, no damaged image was, no ACK came before all chunks
        were sent, and all pictures were taken. In conversation, no device waited without an answer either.
        """
        t = self.totals
        acks_amiss = t.not_acked or t.wrongly_acked or t.acked_early
        unanswered = self.conversation and t.hung
        return not (self.interrupted or acks_amiss or t.images_not_taken or unanswered)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, with the structure of the JSON form."""
        return {"ok": self.ok, **asdict(self)}

    def as_json(self) -> bytes:
        """Return the report as indented JSON."""
        return orjson.dumps(self.as_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def report_image(device_id: str, image: Image) -> ImageReport:
    """Return the report of one picture."""
    expected: Expected = "stored"
    if image.damage is Damage.DEVICE_ERROR:
        expected = "error"
    elif image.damage in REFUSED or (image.damage is Damage.PARTIAL and not image.has_left):
        expected = "failed"
    sensors = image.metadata.sensors
    none_taken = expected == "error"
    return ImageReport(
        device_id=device_id,
        image_name=image.name,
        captured_at=iso(image.captured_at),
        bytes=0 if none_taken else image.size,
        sha256="" if none_taken else image.sha256,
        chunks=image.metadata.chunks,
        expected=expected,
        damage=image.damage.value,
        device_error=image.metadata.error,
        offers=image.offers,
        nacks=image.nacks,
        chunks_sent=image.chunks_sent,
        chunks_resent=image.chunks_resent,
        acked=image.acked,
        acked_early=image.acked_early,
        ack_latency_ms=image.ack_latency_ms,
        temperature=sensors.temperature,
        humidity=sensors.humidity,
        pressure=sensors.pressure,
        gas_ohms=sensors.gas_ohms,
    )


def sum_up(devices: Sequence[Device], images: Sequence[ImageReport], asked_for: int) -> Totals:
    """Add up the counts of all devices; `asked_for` is the number of pictures they should have taken."""
    tallies = [device.tally for device in devices]
    latencies = sorted(i.ack_latency_ms for i in images if i.ack_latency_ms is not None)
    awake = sum(tally.awake_seconds for tally in tallies)
    per_capture = awake / len(images) if images else None
    return Totals(
        images=len(images),
        images_not_taken=max(0, asked_for - len(images)),
        expected_stored=sum(i.expected == "stored" for i in images),
        expected_failed=sum(i.expected == "failed" for i in images),
        device_errors=sum(i.expected == "error" for i in images),
        acked=sum(i.acked for i in images),
        not_acked=sum(i.expected == "stored" and not i.acked for i in images),
        wrongly_acked=sum(i.expected == "failed" and i.acked for i in images),
        acked_early=sum(i.acked_early for i in images),
        bytes=sum(i.bytes for i in images),
        chunks=sum(i.chunks for i in images),
        chunks_sent=sum(i.chunks_sent for i in images),
        chunks_lost=sum(t.chunks_lost for t in tallies),
        chunks_repeated=sum(t.chunks_repeated for t in tallies),
        chunks_resent=sum(i.chunks_resent for i in images),
        nacks=sum(i.nacks for i in images),
        messages=sum(t.messages for t in tallies),
        wakes=sum(t.wakes for t in tallies),
        hellos=sum(t.hellos for t in tallies),
        hung=sum(t.hung for t in tallies),
        offline=sum(t.offline for t in tallies),
        unusable_messages=sum(t.unusable_messages for t in tallies),
        repeated_acks=sum(t.repeated_acks for t in tallies),
        ack_latency_median_ms=round(median(latencies), 1) if latencies else None,
        ack_latency_p95_ms=_percentile(latencies, 0.95),
        ack_latency_max_ms=latencies[-1] if latencies else None,
        awake_seconds=round(awake, 2),
        awake_seconds_per_capture=round(per_capture, 2) if per_capture is not None else None,
        battery_mah_per_capture=round(charge_used_mah(per_capture), 3) if per_capture is not None else None,
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def all_images(devices: Iterable[Device]) -> tuple[ImageReport, ...]:
    """Return the reports of all pictures, device by device, in the order in which they were taken."""
    return tuple(report_image(device.device_id, image) for device in devices for image in device.card.taken)
