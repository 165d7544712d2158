"""Shows what a fleet is doing: a live table on a terminal, otherwise plain lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from simulator.events import DeviceEvent

_COLUMNS: dict[str, Literal["left", "right"]] = {
    "device": "left",
    "image": "left",
    "": "left",
    "chunks": "right",
    "NACKs": "right",
    "resent": "right",
    "ACKs": "right",
    "last ACK": "right",
    "now": "left",
}
# The events that plain output prints, one line each: a line for a picture, and what went wrong.
_TOLD = ("ack", "hung", "offline", "error")


@dataclass
class _Device:
    images: int
    image_name: str = ""
    state: str = "asleep"
    sent: int = 0
    total: int = 0
    nacks: int = 0
    asked_again: int = 0
    acknowledged: set[str] = field(default_factory=set)
    latency_ms: float | None = None


class FleetView:
    """Takes a fleet's events in `on_event` and shows one row per device; use `shown()` around the run."""

    def __init__(self, console: Console, images: int) -> None:
        self._console = console
        self._images = images
        self._devices: dict[str, _Device] = {}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Keep the table on the terminal while the block runs, and leave its last state there."""
        if not self._console.is_terminal:
            yield
            return
        with Live(console=self._console, get_renderable=self.table, refresh_per_second=12):
            yield

    def on_event(self, event: DeviceEvent) -> None:
        """Handle one event."""
        device = self._devices.setdefault(event.device_id, _Device(self._images))
        _update(device, event)
        if not self._console.is_terminal and event.kind in _TOLD:
            self._console.print(f"{event.at:6.2f} s  {event.device_id}  {_line(event)}", highlight=False)

    def table(self) -> Table:
        """Return the present state as a table; it fits 80 columns if the terminal is narrower than 100."""
        wide = self._console.width >= 100
        table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), header_style="dim")
        for column, justify in _COLUMNS.items():
            table.add_column(column, justify=justify, no_wrap=True)
        for device_id in sorted(self._devices):
            device = self._devices[device_id]
            style = "green" if len(device.acknowledged) >= device.images else ""
            table.add_row(
                device_id,
                device.image_name,
                ProgressBar(
                    total=max(1, device.total),
                    completed=device.sent,
                    width=20 if wide else 7,
                    complete_style="cyan",  # by itself a bar that is not full is red
                    finished_style="green",
                ),
                f"{device.sent}/{device.total}",
                str(device.nacks or ""),
                str(device.asked_again or ""),
                Text(f"{len(device.acknowledged)}/{device.images}", style),
                "" if device.latency_ms is None else f"{device.latency_ms:.0f} ms",
                Text(device.state, style),
            )
        return table


def _update(device: _Device, event: DeviceEvent) -> None:
    device.image_name = event.image_name or device.image_name
    match event.kind:
        case "metadata":
            device.sent, device.total, device.state = event.sent, event.total, "sending"
        case "chunk":
            device.sent, device.total, device.state = event.sent, event.total, "sending"
        case "nack":
            device.nacks += 1
            device.asked_again += len(event.missing)
            device.state = f"resending {len(event.missing)}"
        case "ack":
            device.acknowledged.add(event.image_name)
            device.latency_ms, device.state = event.latency_ms, "stored"
        case "wake" | "hello" | "sleep" | "finished" | "hung" | "offline":
            device.state = _STATES[event.kind]


_STATES = {
    "wake": "awake",
    "hello": "awake",
    "sleep": "asleep",
    "finished": "done",
    "hung": "no answer",
    "offline": "offline",
}


def _line(event: DeviceEvent) -> str:
    match event.kind:
        case "ack":
            after = "" if event.latency_ms is None else f" {event.latency_ms:.0f} ms after its last chunk"
            return f"{event.image_name}: acknowledged{after}"
        case _:
            return f"{event.kind} {event.detail}".rstrip()
