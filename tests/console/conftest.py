"""The console in Debian's Chromium, on the embedded stack; without Chromium these tests are skipped."""

import shutil
from collections.abc import Callable, Iterator

import pytest
from pages import PHONE, WIDE, Visitor, address
from playwright.sync_api import Browser, sync_playwright

from local.company import Account, found_company, join
from local.console import ConsoleServer, build
from local.stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium itself; each visitor has a context of their own in it."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH")
    with sync_playwright() as playwright:
        # Root may not use the sandbox, and what is shown here is the project's own page.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def console(browser: Browser, stack: Stack) -> Iterator[ConsoleServer]:
    """The built console beside the session's stack."""
    build()
    server = ConsoleServer(stack.directory, stack.supabase)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def visit(browser: Browser, console: ConsoleServer) -> Iterator[Callable[..., Visitor]]:
    """Make somebody who looks at the console: `visit()`, `visit(phone=True, scheme="dark", language="de")`."""
    visitors: list[Visitor] = []

    def make(*, phone: bool = False, scheme: str = "light", language: str = "en") -> Visitor:
        context = browser.new_context(
            base_url=console.url,
            viewport=PHONE if phone else WIDE,
            device_scale_factor=2 if phone else 1,
            has_touch=phone,
            color_scheme=scheme,
            locale=language,
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
        )
        visitors.append(Visitor(context))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.leave()


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Account:
    """The one who has founded a company of this module's own."""
    return found_company(stack, "Greenhouse Ltd", address())


@pytest.fixture(scope="module")
def operator(stack: Stack, admin: Account) -> Account:
    """An operator of that company."""
    return join(stack, admin, address(), "operator")


@pytest.fixture(scope="module")
def viewer(stack: Stack, admin: Account) -> Account:
    """A viewer of that company."""
    return join(stack, admin, address(), "viewer")
