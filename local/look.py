"""Takes pictures of pages of the console, wide and on a phone, light and dark, while `make up` runs.

`python -m local.look http://127.0.0.1:8000 owner@greenhouse.example PASSWORD FOLDER / /devices`. It needs
Chromium on PATH. A picture has the name of its address; `overflow` in what it prints says that a page is
too wide.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

_WINDOWS: Final = {"wide": (1440, 900), "phone": (390, 844)}


def _take(page: Page, address: str, path: str, target: Path) -> None:
    page.goto(f"{address}{path}")
    page.wait_for_load_state("networkidle")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    page.screenshot(path=target)
    print(target, f"overflow {overflow} px" if overflow > 0 else "")


def main(address: str, email: str, password: str, folder: str, *paths: str) -> None:
    """Sign in once for each window and scheme, and take a picture of each page."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox"],
        )
        for window, (width, height) in _WINDOWS.items():
            for scheme in ("light", "dark"):
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                    locale="en",
                )
                page.goto(f"{address}/sign-in")
                page.locator("input[name=email]").fill(email)
                page.locator("input[name=password]").fill(password)
                page.locator("button[type=submit]").click()
                page.locator("#content").wait_for()
                for path in paths or ("/",):
                    name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "overview"
                    _take(page, address, path, Path(folder) / f"{name}-{window}-{scheme}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
