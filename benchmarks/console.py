"""How fast the console is with 100,000 pictures of 1,000 devices: `python -m benchmarks.console`.

The embedded stack, and the built console in Chromium, all on this machine. It prints what is aimed at beside
what was measured, and ends with status 1 if something is missed. `--directory` keeps the fleet for another
run. Of what others on the machine may slow down, the best of three tries counts.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Final, NamedTuple

import typer
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.console_fleet import COMPANY, DAYS, make
from benchmarks.console_meter import WATCH, Meter, Scrolled
from local.company import Account, enter, service
from local.console import FOLDER, ConsoleServer, build
from local.node import node_binary
from local.part import REPOSITORY
from local.stack import Stack

WIDE: Final[ViewportSize] = {"width": 1440, "height": 900}
SPEED_PX_PER_S: Final = 3_000
SCROLL_MS: Final = 10_000
TRIES: Final = 3
JUMPS: Final = 8


class Row(NamedTuple):
    """A line of the table."""

    what: str
    target: float
    measured: float
    unit: str


def main(
    directory: Annotated[Path | None, typer.Option(help="where the fleet is kept, made if missing")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="of long use: scrolls, pictures and pages")] = 60,
) -> None:
    """Measure, and print the table."""
    build()
    with tempfile.TemporaryDirectory(dir=_local()) as folder:
        stack = Stack(directory or Path(folder))
        make(stack)
        with stack:
            page = ConsoleServer(stack.directory, stack.supabase)
            page.start()
            try:
                rows = [*_sizes(), *_measured(page.url, _viewer(stack), rounds)]
            finally:
                page.stop()
    _show(rows)
    raise typer.Exit(any(row.measured > row.target for row in rows))


def _local() -> Path:
    folder = REPOSITORY / ".local"
    folder.mkdir(exist_ok=True)
    return folder


def _viewer(stack: Stack) -> Account:
    """Return an admin of the company; a directory that was kept gets another one at each run."""
    [company] = service(stack).rows("companies", name=f"eq.{COMPANY}", select="company_id")
    email = f"{token_hex(6)}@bench.example"
    token = service(stack).call(
        "invite_to_company", p_company=company["company_id"], p_email=email, p_role="admin"
    )
    return enter(stack, email, token)


def _sizes() -> Iterator[Row]:
    """Yield what is loaded first, and the most that a page loads besides, as the console's check says."""
    told = subprocess.run(
        [node_binary(), "scripts/size.mjs"], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    found = [line.split() for line in told.stdout.splitlines()]
    for name, chosen in (
        ("first load, gzip", [words for words in found if words[-2:] == ["first", "load"]]),
        ("page nearest to its most, gzip", [words for words in found if words[-2:] != ["first", "load"]]),
    ):
        size, _, target = max(
            (words[1:4] for words in chosen), key=lambda words: float(words[0]) / float(words[2])
        )
        yield Row(name, float(target), float(size), "kB")


def _measured(url: str, account: Account, rounds: int) -> Iterator[Row]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with _opened(browser, url) as page:
            paints = [_sign_in_paint(page) for _ in range(TRIES)]
            yield Row("largest paint, sign-in", 600, min(paints), "ms")
        state = _session(browser, url, account)
        for name, path, target in (("devices", "/devices", 800), ("gallery", "/gallery", 1200)):
            paints = []
            for _ in range(TRIES):
                with _opened(browser, url, state) as page:
                    paints.append(Meter(page).largest_paint(path, until="meter.wait()"))
            yield Row(f"largest paint, {name}", target, min(paints), "ms")
        with _opened(browser, url, state) as page:
            yield from _gallery(Meter(page), rounds)
        browser.close()


def _sign_in_paint(page: Page) -> float:
    return Meter(page).largest_paint("/sign-in", until="meter.field()")


def _gallery(meter: Meter, rounds: int) -> Iterator[Row]:
    meter.page.goto("/gallery")
    meter.pictures_are_there()
    scrolls = [meter.scroll(SPEED_PX_PER_S, SCROLL_MS) for _ in range(TRIES)]
    yield Row("frame, scrolling 3,000 px/s, 95 %", 17, min(scroll.frame for scroll in scrolls), "ms")
    yield Row("longest task, scrolling", 50, min(scroll.task for scroll in scrolls), "ms")
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=3 + number * (DAYS - 6) // JUMPS) for number in range(JUMPS)]
    # To and fro, since a neighbour is loaded already.
    jumps = [meter.jump(day.isoformat()) for day in [*days[::2], *reversed(days[1::2])]]
    yield Row("jump to a date, the slowest", 500, max(jumps), "ms")
    used = [*scrolls, *(_use(meter) for _ in range(rounds))]
    yield Row("elements at most", 1_500, max(*(scroll.nodes for scroll in used), meter.nodes()), "")
    yield Row("heap after long use", 100, meter.heap_mb(), "MB")


def _use(meter: Meter) -> Scrolled:
    """What somebody does within a minute, without the pauses."""
    page = meter.page
    scrolled = meter.scroll(2 * SPEED_PX_PER_S, 2_000)
    meter.open_picture()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    page.get_by_role("link", name="Devices", exact=True).first.click()
    page.get_by_role("heading", name="Devices").wait_for()
    page.mouse.wheel(0, 5_000)
    page.get_by_role("link", name="Gallery", exact=True).first.click()
    meter.pictures_are_there()
    return scrolled


@contextmanager
def _opened(browser: Browser, url: str, state: StorageState | None = None) -> Iterator[Page]:
    """Open a page in a browser of its own, with an empty cache, as whoever `state` has signed in."""
    context = browser.new_context(base_url=url, viewport=WIDE, locale="en", storage_state=state)
    context.add_init_script(WATCH)
    try:
        yield context.new_page()
    finally:
        context.close()


def _session(browser: Browser, url: str, account: Account) -> StorageState:
    """Sign in, and return what the browser keeps of that."""
    with _opened(browser, url) as page:
        page.goto("/sign-in")
        page.locator("input[name=email]").fill(account.email)
        page.locator("input[name=password]").fill(account.password)
        page.locator("button[type=submit]").click()
        page.locator("#content").wait_for()
        return page.context.storage_state()


def _show(rows: list[Row]) -> None:
    table = Table("", "target", "measured", "", box=None)
    for row in rows:
        mark = "✓" if row.measured <= row.target else "✗"
        table.add_row(row.what, f"{row.target:g} {row.unit}", f"{row.measured:.0f} {row.unit}", mark)
    Console(width=80, highlight=False).print(table)


if __name__ == "__main__":
    typer.run(main)
