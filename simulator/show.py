"""Shows a run: a live table on a terminal, otherwise plain lines, and a summary at the end."""

from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from simulator.events import DeviceEvent, EventKind
from simulator.options import FleetOptions
from simulator.report import FleetReport, ImageReport

ROWS_MAX = 20  # a larger fleet is shown as sums instead of one row per device
REFRESH_SECONDS = 0.25
PLAIN_SECONDS = 5.0  # interval between progress lines of a large fleet without a terminal
TOLD: frozenset[EventKind] = frozenset({"nack", "ack", "partial", "hung", "offline", "error", "silent"})


@dataclass(slots=True)
class _Row:
    state: str = "asleep"
    image: str = ""
    sent: int = 0
    total: int = 0
    nacks: int = 0
    acked: int = 0
    latency_ms: float | None = None


class FleetShow:
    """Shows a fleet on a console: a context manager around the run; pass `on_event` to the fleet."""

    def __init__(self, console: Console, options: FleetOptions) -> None:
        self._console = console
        self._rows: dict[str, _Row] = {}
        self._counts: Counter[EventKind] = Counter()
        self._one_by_one = options.device_count <= ROWS_MAX
        self._drawn_at = 0.0
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(self._picture(), refresh=True)
            self._live.stop()

    def on_event(self, event: DeviceEvent) -> None:
        """Record an event and redraw the table at most every `REFRESH_SECONDS`."""
        self._counts[event.kind] += 1
        if self._one_by_one:
            self._note(self._rows.setdefault(event.device_id, _Row()), event)
        if self._live is not None:
            if event.at - self._drawn_at >= REFRESH_SECONDS:
                self._drawn_at = event.at
                self._live.update(self._picture(), refresh=True)
        elif self._one_by_one:
            if event.kind in TOLD:
                self._say(f"{event.at:8.2f} s  {event.device_id}  {_tell(event)}")
        elif event.at - self._drawn_at >= PLAIN_SECONDS:
            self._drawn_at = event.at
            self._say(f"{event.at:8.2f} s  {self._counted()}")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _note(self, row: _Row, event: DeviceEvent) -> None:
        row.state = event.kind
        match event.kind:
            case "metadata" | "chunk":
                row.state, row.image, row.sent, row.total = (
                    "sending",
                    event.image_name,
                    event.sent,
                    event.total,
                )
            case "nack":
                row.nacks += 1
            case "ack":
                row.acked, row.latency_ms = row.acked + 1, event.latency_ms

    def _counted(self) -> str:
        c = self._counts
        return (
            f"{c['hello']} hellos, {c['metadata']} images offered, {c['chunk']} chunks, {c['nack']} NACKs, "
            f"{c['ack']} ACKs, {c['hung']} hung"
        )

    def _picture(self) -> Table:
        if not self._one_by_one:
            table = Table("hellos", "images offered", "chunks", "NACKs", "ACKs", "hung", "finished")
            kinds: tuple[EventKind, ...] = ("hello", "metadata", "chunk", "nack", "ack", "hung", "finished")
            table.add_row(*(str(self._counts[kind]) for kind in kinds))
            return table
        table = Table("device", "state", "image", "chunks", "NACKs", "ACKs", "last ACK after")
        for device_id, row in self._rows.items():
            latency = "" if row.latency_ms is None else f"{row.latency_ms:.0f} ms"
            chunks = f"{row.sent}/{row.total}" if row.total else ""
            table.add_row(
                device_id, row.state, escape(row.image), chunks, str(row.nacks), str(row.acked), latency
            )
        return table


def _tell(event: DeviceEvent) -> str:
    match event.kind:
        case "ack":
            after = "" if event.latency_ms is None else f", {event.latency_ms:.0f} ms after its last chunk"
            return f"{event.image_name}: acknowledged{after}"
        case "nack":
            count = len(event.missing)
            return f"{event.image_name}: {count} {'chunk' if count == 1 else 'chunks'} asked for again"
        case "hung":
            return f"no answer: waited for {event.detail}"
        case "partial":
            return f"{event.image_name}: the device goes after its first chunks"
        case "offline":
            return "no connection"
        case "silent":
            return "is not heard any more"
        case _:
            return f"{event.image_name} {event.detail}".strip()


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def show_summary(console: Console, report: FleetReport) -> None:
    """Print the totals, and up to ten images whose outcome is not the expected one."""
    t = report.totals
    lines = [
        f"{_count(len(report.devices), 'device')}, {_count(t.images, 'image')}, {t.bytes / 1e6:.1f} MB"
        f" in {report.seconds:.1f} s"
        f" (seed {report.seed}, dialect {report.dialect})",
        f"chunks    {t.chunks_sent} sent for {t.chunks}: {t.chunks_lost} lost, {t.chunks_repeated} repeated, "
        f"{t.chunks_resent} asked for again by {t.nacks} NACKs",
        f"images    {t.acked} acknowledged of {t.expected_stored} that can be stored; "
        f"{t.expected_failed} damaged, {t.device_errors} device errors",
    ]
    if t.ack_latency_median_ms is not None:
        lines.append(
            f"ACK       {t.ack_latency_median_ms:.0f} ms after the last chunk (median), "
            f"{t.ack_latency_p95_ms:.0f} ms (95 %), {t.ack_latency_max_ms:.0f} ms (worst)"
        )
    if t.awake_seconds_per_capture is not None:
        lines.append(
            f"battery   {t.awake_seconds_per_capture:.1f} s awake per image, "
            f"{t.battery_mah_per_capture:.3f} mAh"
        )
    lines.append(
        f"waits     {t.hung} hung without an answer, {t.offline} without a connection, "
        f"{t.unusable_messages} unusable messages"
    )
    wrong = [i for i in report.images if i.acked_early or i.acked != (i.expected == "stored")]
    wrong = [i for i in wrong if i.expected != "error"]
    lines.extend(_complain(image) for image in wrong[:10])
    if len(wrong) > 10:
        lines.append(f"… and {len(wrong) - 10} more")
    if t.images_not_taken:
        lines.append(f"{t.images_not_taken} images were never asked for")
    lines.append(_verdict(report))
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _complain(image: ImageReport) -> str:
    what = f"not acknowledged ({image.offers} offers)"
    if image.acked:
        what = "acknowledged before it was sent" if image.acked_early else "acknowledged although damaged"
    return f"{image.device_id} {image.image_name} of {image.captured_at}: {what}"


def _verdict(report: FleetReport) -> str:
    if report.interrupted:
        return "stopped before the end"
    return "everything acknowledged" if report.ok else "NOT everything acknowledged"
