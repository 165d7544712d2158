"""The plots: throughput and latency by device count, CPU by process and station, cost of held captures."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot

from benchmarks.measures import Figures

PROCESSES = ("listener", "worker", "redis", "mosquitto", "beat", "stub", "fleet")


def draw(figures: Figures, folder: Path) -> list[Path]:
    """Write the PNG files into `folder` and return their paths."""
    return [
        _save(_against_devices(figures), folder / "devices.png"),
        _save(_cpu(figures), folder / "cpu.png"),
        _save(_held(figures), folder / "in-flight.png"),
    ]


def _save(figure: Any, path: Path) -> Path:
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _against_devices(figures: Figures) -> Any:
    figure, (rate, latency) = pyplot.subplots(1, 2, figsize=(10, 4))
    counts = figures["size"]["devices"]
    for delay in figures["size"]["delays_ms"]:
        rounds = [figures[f"fleet_{devices}_{delay}"] for devices in counts]
        label = "Supabase answers at once" if not delay else f"after {delay} ms"
        _line(rate, counts, rounds, "captures_per_s", label)
        _line(latency, counts, rounds, "ack_ms", label)
    rate.axhline(figures["naive"]["captures_per_s"], linestyle=":", color="grey", label="naive, 10 devices")
    rate.set(title="captures per second", xlabel="devices at once", xscale="log", ylim=(0, None))
    latency.set(title="last chunk → ACK, median, ms", xlabel="devices at once", xscale="log", yscale="log")
    for axes in (rate, latency):
        axes.legend()
        axes.grid(visible=True, alpha=0.3)
        axes.set_xticks(counts, [str(count) for count in counts])
    return figure


def _line(axes: Any, counts: list[int], rounds: list[Figures], name: str, label: str) -> None:
    middle = [each[name] for each in rounds]
    spread = [each[f"{name}_spread"] for each in rounds]
    below = [value - low for value, (low, _) in zip(middle, spread, strict=True)]
    above = [high - value for value, (_, high) in zip(middle, spread, strict=True)]
    axes.errorbar(counts, middle, yerr=[below, above], marker="o", capsize=3, label=label)


def _cpu(figures: Figures) -> Any:
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    _bars(left, figures[f"fleet_{max(figures['size']['devices'])}_0"]["cpu_ms"], PROCESSES)
    left.axvline(figures["straight_line_0"]["cpu_ms"], linestyle=":", color="grey", label="straight line")
    left.set(title="CPU per capture by process, ms")
    left.legend()
    stations = figures["stations_ms"]
    worker = figures[f"fleet_{max(figures['size']['devices'])}_0"]["cpu_ms"]["worker"]
    shown = {**stations, "Celery, threads": max(0.0, worker - sum(stations.values()))}
    _bars(right, shown, tuple(shown))
    right.set(title="CPU per capture in the worker by station, ms")
    return figure


def _bars(axes: Any, values: Figures, names: tuple[str, ...]) -> None:
    names = tuple(name for name in names if name in values)
    bars = axes.barh(names, [values[name] for name in names])
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.15)


def _held(figures: Figures) -> Any:
    figure, (cost, sweep) = pyplot.subplots(1, 2, figsize=(10, 4))
    held = figures["in_flight"]["held"]
    for name in ("listener", "worker", "redis"):
        cost.plot(list(held), [each["cpu_ms"][name] for each in held.values()], marker="o", label=name)
    cost.set(title="CPU per capture, ms", xlabel="captures in flight", ylim=(0, None))
    cost.legend()
    swept = figures["sweep"]
    sweep.bar([f"{each['captures']:,}" for each in swept], [each["ms"] for each in swept])
    sweep.set(title="one sweep, none due, ms", xlabel="captures waiting")
    return figure
