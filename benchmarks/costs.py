"""What a fleet costs a month, and what of it is full first: for docs/costs.md.

    python -m benchmarks.costs                bills for 100, 10,000 and 1,000,000 devices
    python -m benchmarks.costs --photos 12 --looks 3

What a fleet takes is what `benchmarks.capacity` says, with the same options. What others ask for it stands in
prices.toml, with day, source, and how far to rely on it.
"""

import math
import tomllib
from collections.abc import Mapping
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.capacity import (
    BUSY,
    Figures,
    Needs,
    Use,
    listener_rate,
    needs,
    parser,
    read,
    table,
    use_of,
    worker_rate,
)

PRICES: Final = Path(__file__).with_name("prices.toml")
# The memory in MB of each size of Render's Key Value.
KEY_VALUE: Final = {"starter": 256, "standard": 1_024, "pro": 5_120, "pro_plus": 10_240}
HIVEMQ_SESSIONS, HIVEMQ_GB = 100, 10
EMQX_SESSIONS, EMQX_LOGINS, EMQX_PER_S = 1_000, 2_000, 1_000
# Assumed: what a small server may send a month. Mosquitto uses one of its cores.
SERVER_GB: Final = 20_000
STORAGE_GB, EGRESS_GB, DISK_GB, COMPUTE_CREDIT = 100, 250, 8, 10
# The memory in GB and the cores of each compute size of Supabase; up to Medium the cores are shared with
# others.
COMPUTE: Final = {
    "micro": (1, 2),
    "small": (2, 2),
    "medium": (4, 2),
    "large": (8, 2),
    "xl": (16, 4),
    "2xl": (32, 8),
    "4xl": (64, 16),
    "8xl": (128, 32),
    "12xl": (192, 48),
    "16xl": (256, 64),
}
# A general purpose disk of a project ends here.
PROJECT_GB: Final = 16_000
# What belongs to the service, and not to a plan of somebody else's.
OURS: Final = ("one listener", "one worker", "one Mosquitto", "one Redis", "one PostgreSQL on 2 cores")


class Price(NamedTuple):
    """What somebody asks for something: dollars a month, or None if that is not known."""

    what: str
    seen: date
    basis: str
    source: str
    usd: float | None = None


def prices() -> dict[str, Price]:
    """Read prices.toml."""
    found: dict[str, dict[str, Any]] = tomllib.loads(PRICES.read_text())
    return {name: Price(**price) for name, price in found.items()}


def projects(need: Needs, use: Use) -> tuple[int, str]:
    """Return the fewest projects among which the devices can be divided, and the compute size of each."""
    for number in count(1):
        memory = use.memory_share * need.database_gb / number
        cores = need.database_cores / BUSY / number
        sizes = (name for name, (has_gb, has) in COMPUTE.items() if has_gb >= memory and has >= cores)
        size = next(sizes, None)
        if size and need.database_gb / number <= PROJECT_GB:
            return number, size
    raise AssertionError("never")


def _fitting(sizes: Mapping[str, int], wanted: float) -> tuple[int, str]:
    """Return the smallest size that is large enough, or how many of the largest."""
    name = next((name for name, has in sizes.items() if has >= wanted), list(sizes)[-1])
    return math.ceil(wanted / sizes[name]), name


def bill(need: Needs, asked: dict[str, Price], use: Use) -> dict[str, float | str]:
    """Return the lines of a month's bill in dollars; a word where there is no such number."""

    def usd(name: str) -> float:
        amount = asked[name].usd
        assert amount is not None, name  # noqa: S101 - a price that the model cannot do without
        return amount

    def beyond(name: str, amount: float, included: float) -> float:
        return max(0.0, amount - included) * usd(name)

    instances = need.listeners + need.workers + 2  # beat, Flower
    stores, store = _fitting(KEY_VALUE, need.redis_mb)
    databases, size = projects(need, use)
    servers = math.ceil(max(need.broker_cores / BUSY, need.wire_gb / 2 / SERVER_GB))
    render = (
        usd("render_workspace")
        + instances * usd("render_starter")
        + stores * usd(f"render_key_value_{store}")
    )
    sent = beyond("render_egress", need.sent_gb, 0)
    supabase = usd("supabase_pro")
    compute = max(0.0, databases * usd(f"supabase_{size}") - COMPUTE_CREDIT)
    disk = beyond("supabase_disk", need.database_gb, databases * DISK_GB)
    egress = beyond("supabase_egress", need.egress_gb, EGRESS_GB)
    objects = beyond("supabase_storage", need.stored_gb, STORAGE_GB)
    thinned = beyond("supabase_storage", need.thinned_gb, STORAGE_GB)
    shared = render + sent + supabase + compute + disk + egress + servers * usd("server")
    free = need.sessions <= HIVEMQ_SESSIONS and need.wire_gb <= HIVEMQ_GB
    starter = asked["hivemq_starter"].usd
    fits = (
        need.sessions <= EMQX_SESSIONS
        and need.devices < EMQX_LOGINS
        and 2 * need.messages_per_s <= EMQX_PER_S
    )
    emqx = beyond("emqx_sessions", need.wire_minutes / 1e6, 1) + beyond("emqx_traffic", need.wire_gb, 1)
    return {
        "instances of Render": str(instances),
        "projects of Supabase, their compute": f"{databases} {size.upper() if 'xl' in size else size}",
        "Render: instances and Key Value": render,
        "Render: egress": sent,
        "Supabase: Pro": supabase,
        "Supabase: compute": compute,
        "Supabase: the database's disk": disk,
        "Supabase: egress": egress,
        "Supabase: storage, nothing let go": objects,
        "Supabase: storage, one a day": thinned,
        "broker: Mosquitto on servers": servers * usd("server"),
        "  or EMQX Serverless": emqx if fits else "too large",
        "  or HiveMQ Cloud": usd("hivemq_serverless") if free else starter or "not known",
        "all, with Mosquitto, nothing let go": shared + objects,
        "all, with Mosquitto, one a day": shared + thinned,
        "for a device": (shared + objects) / need.devices,
    }


def shares(need: Needs, figures: Figures, use: Use) -> dict[str, float]:
    """Return how much is used of what one of each carries, and of what is in the plans: 1 is all of it."""
    return {
        "one listener": need.messages_per_s / listener_rate(figures, use.cores) / BUSY,
        "one worker": need.captures_per_s / worker_rate(figures, use.supabase_s, use.cores) / BUSY,
        "one Mosquitto": need.broker_cores / BUSY,
        "one Redis": need.redis_cores / BUSY,
        "one PostgreSQL on 2 cores": need.database_cores / 2 / BUSY,
        "Key Value of 256 MB": need.redis_mb / KEY_VALUE["starter"],
        "HiveMQ Serverless: sessions": need.sessions / HIVEMQ_SESSIONS,
        "HiveMQ Serverless: traffic": need.wire_gb / HIVEMQ_GB,
        "EMQX Serverless: logins": (need.devices + 1) / EMQX_LOGINS,
        "EMQX Serverless: messages": 2 * need.messages_per_s / EMQX_PER_S,
        "Supabase: disk": need.database_gb / DISK_GB,
        "Supabase: storage, nothing let go": need.stored_gb / STORAGE_GB,
        "Supabase: storage, one a day": need.thinned_gb / STORAGE_GB,
        "Supabase: egress": need.egress_gb / EGRESS_GB,
    }


def _dollars(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 10 or not value else f"{value:.2f}"


def _share(value: float) -> str:
    return f"{value:,.0%}" if value >= 0.005 else "0%"


def _devices(number: float) -> str:
    """Return a number of devices, rounded down to two digits: it is no more exact than what is assumed."""
    step = 10 ** max(0, int(math.log10(number)) - 1)
    return f"{int(number / step) * step:,}"


def _price_table(asked: dict[str, Price]) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    for column in ("$", "seen", "basis", "what"):
        grid.add_column(column, justify="right" if column == "$" else "left")
    for price in asked.values():
        grid.add_row("?" if price.usd is None else f"{price.usd:g}", f"{price.seen}", price.basis, price.what)
    return grid


def _fullest(used: Mapping[str, float]) -> str:
    name = max(used, key=lambda each: used[each])
    return f"{name} ({_share(used[name])})"


def main() -> None:
    """Read the command line, and print bills, shares and prices."""
    given = parser("What a fleet costs a month, in dollars.").parse_args()
    figures, asked, use = read(), prices(), use_of(given)
    fleets = [needs(devices, figures, use) for devices in given.devices]
    heads = [f"{devices:,}" for devices in given.devices]
    console = Console(highlight=False, width=150)
    console.print(table("$ a month", heads, [bill(need, asked, use) for need in fleets], _dollars))
    used = [shares(need, figures, use) for need in fleets]
    console.print()
    console.print(table("used", heads, used, _share))
    console.print()
    console.print("fullest of the service's own parts, and of what is rented")
    for head, shown in zip(heads, used, strict=True):
        ours = {name: shown[name] for name in OURS}
        rented = {name: share for name, share in shown.items() if name not in OURS}
        console.print(f"{head:>9}  {_fullest(ours)}, {_fullest(rented)}")
    console.print()
    console.print("full at so many devices, the first of all first")
    for name, share in sorted(used[-1].items(), key=lambda each: -each[1]):
        console.print(f"{_devices(given.devices[-1] / share):>9}  {name}")
    console.print()
    console.print(_price_table(asked))


if __name__ == "__main__":
    main()
