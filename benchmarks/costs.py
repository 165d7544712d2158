"""What a fleet costs a month, and what of it is full first: for docs/costs.md.

    python -m benchmarks.costs                bills for 10, 100, 1,000 and 10,000 devices
    python -m benchmarks.costs --photos 12 --looks 3

What a picture takes is measured: CPU and Redis as in capacity.json, bytes in the database as in
docs/scaling.md, bytes on the wire of the photograph itself. What others ask for it stands in prices.toml,
with day, source, and how far to rely on it. How the fleet is used is assumed; each assumption is an option.
"""

import argparse
import math
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.capacity import BUSY, OBJECT_BYTES, THREADS, Assumptions, Figures, Plan, plan, read
from benchmarks.photograph import IMAGE_BYTES, payloads
from core.settings import KeepSettings, WakeSettings

PRICES: Final = Path(__file__).with_name("prices.toml")
FLEETS: Final = (10, 100, 1_000, 10_000)
DAYS: Final = 30
YEAR: Final = 365
# The rows of a picture that stay for good, and its log, hello and errors: the table of docs/scaling.md,
# and the story of its capture. What goes does so by whole weeks.
ROWS_BYTES: Final = 1_608 + 324 + 444 + 20
LOG_BYTES, STATUS_BYTES, ERROR_BYTES = 2_375, 1_018, 7
DEVICE_BYTES: Final = 3_400
WEEK: Final = 7
# An instance `starter` of Render has half a core; its Key Value has 256 MB.
STARTER_CORES: Final = 0.5
KEY_VALUE_MB: Final = 256
THUMBNAIL_BYTES: Final = OBJECT_BYTES - IMAGE_BYTES
# Assumed: what a worker sends with a picture, as calls and to the device, and what Supabase answers to it.
CALLS_BYTES: Final = 5_000
ANSWERS_BYTES: Final = 3_000
HIVEMQ_SESSIONS, HIVEMQ_GB = 100, 10
EMQX_SESSIONS, EMQX_LOGINS, EMQX_PER_S = 1_000, 2_000, 1_000
# Sessions at the broker that are always there: a listener's and a worker's.
OWN_SESSIONS: Final = 2
STORAGE_GB, EGRESS_GB, DISK_GB, COMPUTE_CREDIT = 100, 250, 8, 10
# The memory in GB of each compute size of Supabase.
COMPUTE: Final = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xl": 16}


class Price(NamedTuple):
    """What somebody asks for something: dollars a month, or None if that is not known."""

    what: str
    seen: date
    basis: str
    source: str
    usd: float | None = None


class Use(NamedTuple):
    """How a fleet is used.

    `photos` a device takes a day, at its wakes, which are spread over `window_s`. `looks` is how often a
    thumbnail is loaded, `opened` the share of these after which the whole picture is; `transfer_s` and
    `supabase_s` are those of the capacity model. `days` is how old the project is, and `memory_share` the
    share of the database for which Supabase is to have memory.
    """

    photos: float
    window_s: float
    looks: float
    opened: float
    transfer_s: float
    supabase_s: float
    days: int
    memory_share: float


class Needs(NamedTuple):
    """What a fleet takes: GB are 10⁹ bytes and of a month, unless they stay."""

    plan: Plan
    sent_gb: float
    wire_gb: float
    wire_minutes: float
    sessions: float
    egress_gb: float
    database_gb: float
    stored_gb: float
    thinned_gb: float


def prices() -> dict[str, Price]:
    """Read prices.toml."""
    found: dict[str, dict[str, Any]] = tomllib.loads(PRICES.read_text())
    return {name: Price(**price) for name, price in found.items()}


def needs(devices: int, figures: Figures, use: Use) -> Needs:
    """Return what the fleet takes in a month of 30 days, when it is `use.days` old."""
    half = figures._replace(
        listener_s_per_message=figures.listener_s_per_message / STARTER_CORES,
        worker_s_per_capture=figures.worker_s_per_capture / STARTER_CORES,
    )
    sized = plan(devices, half, Assumptions(use.photos, use.window_s, use.transfer_s, use.supabase_s))
    pictures = devices * use.photos * DAYS
    wire_bytes = 2 * sum(map(len, payloads("AABBCCDDEEFF")))  # in, and out to the listener
    look_bytes = use.looks * (THUMBNAIL_BYTES + use.opened * IMAGE_BYTES)
    a_day = devices * use.photos
    return Needs(
        sized,
        pictures * (OBJECT_BYTES + CALLS_BYTES) / 1e9,
        pictures * wire_bytes / 1e9,
        pictures * math.ceil(use.transfer_s / 60) + OWN_SESSIONS * DAYS * 24 * 60,
        min(devices, devices / use.window_s * use.transfer_s) + OWN_SESSIONS,
        pictures * (look_bytes + ANSWERS_BYTES) / 1e9,
        (a_day * _database_bytes(use.days) + devices * DEVICE_BYTES) / 1e9,
        a_day * use.days * OBJECT_BYTES / 1e9,
        devices * (use.photos * min(use.days, DAYS) + max(0, use.days - DAYS)) * OBJECT_BYTES / 1e9,
    )


def _database_bytes(days: int) -> float:
    """Return the bytes in the database after so many days, for each picture a day."""
    keep = KeepSettings.model_construct()
    dropped = (
        (LOG_BYTES, keep.keep_log_days),
        (STATUS_BYTES, keep.keep_status_days),
        (ERROR_BYTES, keep.keep_errors_days),
    )
    return ROWS_BYTES * days + sum(each * min(days, kept + WEEK) for each, kept in dropped)


def bill(need: Needs, asked: dict[str, Price], use: Use) -> dict[str, float | str]:
    """Return the lines of a month's bill in dollars; a word where there is no such number."""

    def usd(name: str) -> float:
        amount = asked[name].usd
        assert amount is not None, name  # noqa: S101 - a price that the model cannot do without
        return amount

    def beyond(name: str, amount: float, included: float) -> float:
        return max(0.0, amount - included) * usd(name)

    instances = need.plan.listeners + need.plan.workers + 2  # beat, Flower
    memory = use.memory_share * need.database_gb
    size = next((name for name, gigabytes in COMPUTE.items() if gigabytes >= memory), None)
    if size is None:
        raise SystemExit(f"prices.toml has no compute of Supabase with {memory:.0f} GB of memory")
    render = usd("render_workspace") + instances * usd("render_starter") + usd("render_key_value")
    sent = beyond("render_egress", need.sent_gb, 0)
    supabase = usd("supabase_pro")
    compute = max(0.0, usd(f"supabase_{size}") - COMPUTE_CREDIT)
    disk = beyond("supabase_disk", need.database_gb, DISK_GB)
    egress = beyond("supabase_egress", need.egress_gb, EGRESS_GB)
    objects = beyond("supabase_storage", need.stored_gb, STORAGE_GB)
    thinned = beyond("supabase_storage", need.thinned_gb, STORAGE_GB)
    shared = render + sent + supabase + compute + disk + egress + usd("server")
    free = need.sessions <= HIVEMQ_SESSIONS and need.wire_gb <= HIVEMQ_GB
    starter = asked["hivemq_starter"].usd
    fits = (
        need.sessions <= EMQX_SESSIONS
        and need.plan.devices < EMQX_LOGINS
        and 2 * need.plan.messages_per_s <= EMQX_PER_S
    )
    emqx = beyond("emqx_sessions", need.wire_minutes / 1e6, 1) + beyond("emqx_traffic", need.wire_gb, 1)
    return {
        "Render: instances and Key Value": render,
        "Render: egress": sent,
        "Supabase: Pro": supabase,
        "Supabase: compute": compute,
        "Supabase: the database's disk": disk,
        "Supabase: egress": egress,
        "Supabase: storage, nothing let go": objects,
        "Supabase: storage, one a day": thinned,
        "broker: Mosquitto on a server": usd("server"),
        "  or EMQX Serverless": emqx if fits else "too large",
        "  or HiveMQ Cloud": usd("hivemq_serverless") if free else starter or "not known",
        "all, with Mosquitto, nothing let go": shared + objects,
        "all, with Mosquitto, one a day": shared + thinned,
        "for a device": (shared + objects) / need.plan.devices,
    }


def shares(need: Needs, figures: Figures, use: Use) -> dict[str, float]:
    """Return how much is used of what one of each carries, and of what is in the plans: 1 is all of it."""
    busy_s = figures.worker_s_per_capture / STARTER_CORES
    return {
        "one listener": need.plan.messages_per_s * figures.listener_s_per_message / STARTER_CORES / BUSY,
        "one worker": need.plan.captures_per_s * max(busy_s, (use.supabase_s + busy_s) / THREADS) / BUSY,
        "Key Value": need.plan.redis_mb / KEY_VALUE_MB,
        "HiveMQ Serverless: sessions": need.sessions / HIVEMQ_SESSIONS,
        "HiveMQ Serverless: traffic": need.wire_gb / HIVEMQ_GB,
        "EMQX Serverless: logins": (need.plan.devices + 1) / EMQX_LOGINS,
        "EMQX Serverless: messages": 2 * need.plan.messages_per_s / EMQX_PER_S,
        "Supabase: disk": need.database_gb / DISK_GB,
        "Supabase: storage, nothing let go": need.stored_gb / STORAGE_GB,
        "Supabase: storage, one a day": need.thinned_gb / STORAGE_GB,
        "Supabase: egress": need.egress_gb / EGRESS_GB,
    }


def table(title: str, columns: list[dict[str, Any]], cell: Callable[[Any], str]) -> Table:
    """Return a table with a column for each fleet."""
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="")
    grid.add_column(title)
    for devices in FLEETS:
        grid.add_column(f"{devices:,}", justify="right")
    for name in columns[0]:
        grid.add_row(name, *(cell(column[name]) for column in columns))
    return grid


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


def main() -> None:
    """Read the command line, and print bills, shares and prices."""
    wakes_a_day = 24 * 60 / WakeSettings.model_construct().default_wake_minutes
    parser = argparse.ArgumentParser(description="What a fleet costs a month, in dollars.")
    parser.add_argument("--photos", type=float, default=wakes_a_day, help="of each device a day")
    parser.add_argument("--window", type=float, default=3600, help="s in which all wake")
    parser.add_argument("--looks", type=float, default=1, help="how often each thumbnail is loaded")
    parser.add_argument("--opened", type=float, default=0.1, help="share of looks that load the picture too")
    parser.add_argument("--transfer", type=float, default=30, help="s that a device takes to send one")
    parser.add_argument("--supabase", type=float, default=0.3, help="s that uploads and row of one take")
    parser.add_argument("--days", type=int, default=YEAR, help="how old the project is")
    parser.add_argument("--memory", type=float, default=0.05, help="share of the database held in memory")
    given = parser.parse_args()
    use = Use(
        given.photos, given.window, given.looks, given.opened,
        given.transfer, given.supabase, given.days, given.memory,
    )  # fmt: skip
    figures, asked = read(), prices()
    fleets = [needs(devices, figures, use) for devices in FLEETS]
    console = Console(highlight=False, width=150)
    console.print(table("$ a month", [bill(need, asked, use) for need in fleets], _dollars))
    used = [shares(need, figures, use) for need in fleets]
    console.print()
    console.print(table("used", used, _share))
    console.print()
    console.print("full at so many devices, the first of all first")
    for name, share in sorted(used[-1].items(), key=lambda each: -each[1]):
        console.print(f"{_devices(FLEETS[-1] / share):>9}  {name}")
    console.print()
    console.print(_price_table(asked))


if __name__ == "__main__":
    main()
