"""Somebody who looks at the console, and what every page is held to."""

import uuid
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route, expect

from local.company import Account
from local.part import REPOSITORY

WIDE: Final = {"width": 1440, "height": 900}
PHONE: Final = {"width": 390, "height": 844}
PATIENCE_MS: Final = 40_000
_AXE: Final = REPOSITORY / "console" / "node_modules" / "axe-core" / "axe.min.js"

expect.set_options(timeout=PATIENCE_MS)


def address() -> str:
    """Return an e-mail address that nobody has yet."""
    return f"{uuid.uuid4().hex[:12]}@fleet.test"


def hold(page: Page, url: str) -> list[Route]:
    """Leave what is asked of this address without an answer, until somebody continues it."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(url, keep)
    return held


class Visitor:
    """A browser of its own, with one page; `leave` fails if the page complained about anything."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        # Tests that cut the connection expect what Chromium then says of each request.
        self.expected: tuple[str, ...] = ()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")

    def sign_in(self, account: Account, path: str = "/") -> Page:
        """Sign in as this account, and go to this path."""
        page = self.page
        page.goto("/sign-in" if path == "/" else path)
        page.get_by_label("E-mail").fill(account.email)
        page.locator("input[name=password]").fill(account.password)
        page.locator("button[type=submit]").click()
        expect(page.locator("#content")).to_be_visible()
        return page

    def end_session(self) -> None:
        """End the session as after a night: neither the token nor what renews it holds any more."""
        self.expected += ("400", "401")
        self.page.evaluate(
            """() => {
              const session = JSON.parse(localStorage.getItem('fleet-session'))
              const ended = { ...session, expires_at: 1, access_token: 'x.y.z', refresh_token: 'gone' }
              localStorage.setItem('fleet-session', JSON.stringify(ended))
            }"""
        )

    def sign_in_again(self, account: Account) -> None:
        """Give the password that is asked for over the page."""
        dialog = self.page.get_by_role("dialog", name="Your session has ended")
        dialog.get_by_label("Password", exact=True).fill(account.password)
        dialog.get_by_role("button", name="Go on").click()
        expect(dialog).to_be_hidden()

    def violations(self) -> list[str]:
        """Return what axe finds on the page as it is now, a line for each element.

        It is run by DevTools, which the page's policy does not bind.
        """
        self.page.evaluate(_AXE.read_text() + "; undefined")
        found: dict[str, Any] = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    def picture(self, path: Path) -> None:
        """Write what is seen as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window; 0 is right."""
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return max(width, 0)

    def leave(self) -> None:
        """Close the browser; fail if the page has complained."""
        self.context.close()
        heard = [line for line in self.complaints if not any(known in line for known in self.expected)]
        assert heard == [], heard
