"""The message path over TLS, over a long line, and with several listeners: `python -m benchmarks.links`.

- `feed`: the real listener and Redis, fed by a broker that does nothing else, over four links and in both
  versions of MQTT.
- `path`: whole captures, from devices to their ACK, through Mosquitto. Devices are near to the broker;
  listener and worker are at the far end of the link.
- `share`: 1, 2 and 4 listeners in one shared group of Mosquitto, near to it and behind the long line.

A long line is a proxy that delays by 50 ms in each direction (`slow_link`). Rates are those of this machine,
on which everything shares the cores; CPU times and ratios are worth more.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import measures
from benchmarks.measures import SPREAD_S, Figures, Size
from benchmarks.processes import Reporter
from benchmarks.rig import Rig
from local.mqtt_broker import Mosquitto
from local.ports import LOOPBACK, free_port
from operate import certificates

LONG_MS: Final = 100
LISTENERS: Final = (1, 2, 4)


class Part(StrEnum):
    """What is measured."""

    FEED = "feed"
    PATH = "path"
    SHARE = "share"


class Version(StrEnum):
    """A version of MQTT, as MQTT_VERSION names it."""

    FIVE = "5"
    THREE = "3.1.1"


class Link(NamedTuple):
    """The way between the broker and the service; `delay_ms` is there and back."""

    name: str
    tls: bool
    delay_ms: int


LINKS: Final = (
    Link("plain", tls=False, delay_ms=0),
    Link("TLS", tls=True, delay_ms=0),
    Link(f"{LONG_MS} ms", tls=False, delay_ms=LONG_MS),
    Link(f"TLS, {LONG_MS} ms", tls=True, delay_ms=LONG_MS),
)


def certify(folder: Path) -> None:
    """Make broker.pem and broker.key of loopback in the folder, and ca.pem, as `fleet certificates` does."""
    with redirect_stdout(StringIO()):
        certificates.main([LOOPBACK], broker=folder, authority=folder)


class TwoDoors(Mosquitto):
    """Mosquitto that listens on `port` for devices, and by TLS on `tls_port`."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.tls_port = free_port()

    def prepare(self) -> None:
        """Write mosquitto.conf and the certificate."""
        super().prepare()
        certify(self.directory)
        with (self.directory / "mosquitto.conf").open("a") as config:
            config.write(f"listener {self.tls_port} {self.host}\n")
            config.write(f"certfile {self.directory}/broker.pem\nkeyfile {self.directory}/broker.key\n")


@contextmanager
def reached(link: Link, port: int, authority: Path) -> Iterator[dict[str, Any]]:
    """Yield the settings with which the service reaches `port` over a link."""
    tls = {"mqtt_tls": "true", "mqtt_ca_cert": authority} if link.tls else {}
    if not link.delay_ms:
        yield {**tls, "mqtt_port": port}
        return
    near = free_port()
    with Reporter("slow_link", near, port, link.delay_ms) as proxy:
        proxy.wait_ready()
        yield {**tls, "mqtt_port": near}


def feed(rig: Rig, link: Link, version: Version, captures: int) -> Figures:
    """Feed the listener over a link: messages per second, and CPU µs per message of listener and Redis."""
    folder, port = rig.broker.directory, free_port()
    secured = ("--tls", folder) if link.tls else ()
    with Reporter("feeder", port, captures, *secured) as feeder:
        feeder.wait_ready()
        with reached(link, port, folder / "ca.pem") as settings:
            rig.launch("listener", "python -m listener", mqtt_version=version, **settings)
            groups = rig.groups()
            measured = feeder.measure({name: groups[name] for name in ("listener", "redis")})
            rig.stop("listener")
    rig.redis.flushall()
    messages = measured.report["messages"]
    return {
        "messages_per_s": messages / measured.report["seconds"],
        **{f"{name}_us": 1e6 * used / messages for name, used in measured.cpu_s.items()},
    }


def path(rig: Rig, link: Link, version: Version, size: Size, number: int) -> Figures:
    """Let devices send through the whole service over a link: one with time between its chunks, then many."""
    assert isinstance(rig.broker, TwoDoors)  # noqa: S101 - for the type checker
    port = rig.broker.tls_port if link.tls else rig.broker.port
    with reached(link, port, rig.broker.directory / "ca.pem") as settings:
        # What a link costs each process is counted only after the last has connected.
        rig.start("listener", "worker", "beat", mqtt_version=version, **settings)
        light = measures.fleet(rig, size, 1, 0, number, spread_s=SPREAD_S)
        full = measures.fleet(rig, size, max(size.devices), 0, number + 5_000)
        rig.stop("listener", "worker", "beat")
    rig.redis.flushall()
    return {
        "light_ack_ms": light["ack_ms"],
        "ack_ms": full["ack_ms"],
        "captures_per_s": full["captures_per_s"],
        "nacked_chunks": light["nacked_chunks"] + full["nacked_chunks"],
        **{f"{name}_ms": full["cpu_ms"][name] for name in ("listener", "worker", "mosquitto")},
    }


def share(listeners: int, link: Link, captures: int) -> Figures:
    """Flood several listeners of one group: messages per second, and CPU µs per message of each part.

    Each measurement has a broker of its own, where no listener has left a session that takes a share too.
    """
    names = [f"listener{number}" for number in range(listeners)]
    with Rig() as rig, reached(link, rig.broker.port, rig.directory) as settings:
        for name in names:
            rig.launch(name, "python -m listener", mqtt_shared_group="flood", **settings)
        for name in names:
            rig.wait_ready(name)
        with Reporter("flood", rig.broker.port, rig.redis_server.database_url(1), captures) as flooding:
            flooding.wait_ready()
            measured = flooding.measure({**rig.groups(), "flood": flooding.group})
    messages = measured.report["messages"]
    used = {name: 1e6 * seconds / messages for name, seconds in measured.cpu_s.items()}
    return {
        "messages_per_s": messages / measured.report["seconds"],
        "listeners_us": sum(used[name] for name in names),
        "most_of_one": max(used[name] for name in names) / sum(used[name] for name in names),
        **{f"{name}_us": used[name] for name in ("mosquitto", "redis")},
        "cores": sum(measured.cpu_s.values()) / measured.report["seconds"],
    }


def _table(first: str, rounds: dict[str, list[Figures]]) -> Table:
    """Return the median of each figure, with its smallest and largest where there were several rounds."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    names = list(next(iter(rounds.values()))[0])
    for name in (first, *names):
        table.add_column(
            name.replace("_per_s", "/s").replace("_", " "), justify="left" if name == first else "right"
        )
    for name, each in rounds.items():
        table.add_row(name, *(_cell([figures[figure] for figures in each]) for figure in names))
    return table


def _cell(values: list[float]) -> str:
    middle = _number(statistics.median(values))
    return f"{middle} ({_number(min(values))}–{_number(max(values))})" if len(values) > 1 else middle


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or not value else f"{value:.3g}"


def main(
    parts: Annotated[list[Part] | None, typer.Argument(help="all, unless some are named")] = None,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    captures: Annotated[int, typer.Option(min=40, help="fed to listeners in each measurement")] = 800,
    seconds: Annotated[float, typer.Option(help="of each measurement with devices")] = 4.0,
    devices: Annotated[int, typer.Option(min=1, help="at most, of a measurement with devices")] = 50,
    mqtt: Annotated[list[Version] | None, typer.Option(help="both, unless one is named")] = None,
) -> None:
    """Print the figures: the median of the rounds, which take turns, with the smallest and the largest."""
    console = Console(highlight=False, width=170)
    size = Size(seconds=seconds, devices=(devices,))
    cases = [(version, link) for version in mqtt or Version for link in LINKS]
    with Rig(broker=TwoDoors) as rig:
        for part in parts or Part:
            found: defaultdict[str, list[Figures]] = defaultdict(list)
            for turn in range(rounds):
                if part is Part.SHARE:
                    for link in (LINKS[0], LINKS[2]):
                        for listeners in LISTENERS:
                            found[f"{listeners}, {link.name}"].append(share(listeners, link, captures))
                    continue
                for place, (version, link) in enumerate(cases):
                    number = 10_000 * (len(cases) * turn + place)
                    found[f"{link.name}, MQTT {version}"].append(
                        feed(rig, link, version, captures)
                        if part is Part.FEED
                        else path(rig, link, version, size, number)
                    )
            console.print(_table("listeners" if part is Part.SHARE else part.value, found))
            console.print()


if __name__ == "__main__":
    typer.run(main)
