"""The console as docker-compose.yml serves it: its Caddyfile in a real Caddy, before the embedded Supabase."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime

import httpx
import pytest
from pages import WIDE, Visitor
from playwright.sync_api import expect
from test_gallery import Owner

from local import console as built
from local.node import find_node
from local.part import Part
from local.ports import LOOPBACK

HEADERS = json.loads((built.FOLDER / "headers.json").read_text())


class Composed(Part):
    name = "caddy"
    title = "the console's web server"

    def __init__(self, directory, supabase, files):
        super().__init__(directory)
        self.url_of_supabase, self.files = supabase.url, files

    @property
    def url(self):
        return f"http://{LOOPBACK}:{self.port}"

    def command(self):
        return ["caddy", "run", "--config", str(built.FOLDER / "Caddyfile"), "--adapter", "caddyfile"]

    def environment(self):
        return {
            **super().environment(),
            "PORT": str(self.port),
            "SUPABASE_URL": self.url_of_supabase,
            "CONSOLE_FILES": str(self.files),
            "XDG_CONFIG_HOME": str(self.directory),
            "XDG_DATA_HOME": str(self.directory),
        }


@pytest.fixture(scope="module")
def composed(stack, tmp_path_factory):
    """What the image holds, served as the image serves it."""
    if shutil.which("caddy") is None:
        pytest.skip("no caddy on PATH")
    folder = tmp_path_factory.mktemp("composed")
    built.build()
    shutil.copytree(built.FOLDER / "dist", folder / "dist")
    (folder / "scripts").mkdir()
    script = shutil.copy(built.FOLDER / "scripts" / "config.mjs", folder / "scripts")
    key = {"SUPABASE_PUBLISHABLE_KEY": stack.supabase.publishable_key}
    subprocess.run([find_node(), script, "--same-origin"], env={**os.environ, **key}, check=True)
    server = Composed(folder, stack.supabase, folder / "dist")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ask(composed):
    with httpx.Client(base_url=composed.url, trust_env=False) as client:
        yield client.get


def test_each_address_of_a_page_is_answered_with_the_page_and_its_headers(ask, composed):
    page = (composed.files / "index.html").read_text()
    for path in ("/", "/devices", "/devices/AABBCCDDEEFF", "/no/such.page", "/assets"):
        answer = ask(path)
        assert (answer.status_code, answer.text) == (200, page), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
        assert "strict-transport-security" in answer.headers


def test_assets_are_kept_and_those_that_are_gone_are_neither_the_page_nor_kept(ask, composed):
    # A small one is sent as it is.
    script = max((composed.files / "assets").glob("*.js"), key=lambda file: file.stat().st_size)
    answer = ask(f"/assets/{script.name}")
    assert answer.text == script.read_text()
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] in ("gzip", "zstd")
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    gone = ask("/assets/index-of-the-version-before.js")
    assert gone.status_code == 404
    assert "immutable" not in gone.headers.get("cache-control", "")


def test_what_the_page_is_told_is_not_kept(ask, stack):
    answer = ask("/config.js")
    assert answer.headers["cache-control"] == "no-store"
    assert "javascript" in answer.headers["content-type"]
    assert answer.text == (f'window.CONSOLE_CONFIG = {{"url":"","key":"{stack.supabase.publishable_key}"}}\n')


def test_of_supabase_only_what_the_page_asks_is_there_and_is_no_page(ask):
    for path in ("/auth/v1/health", "/rest/v1/devices", "/storage/v1/object/public/x/y"):
        answer = ask(path)
        assert "text/html" not in answer.headers.get("content-type", ""), path
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
    for path in ("/functions/v1/x", "/pg/v1/x", "/auth/v2/x", "/rest/v1/%2e%2e/%2e%2e/pg/x"):
        assert ask(path).headers["content-security-policy"] == HEADERS["Content-Security-Policy"], path


def test_somebody_signs_in_and_sees_a_picture(browser, composed, stack):
    owner = Owner(stack, "Composed Ltd")
    owner.take_one(datetime.now(UTC))
    someone = Visitor(browser.new_context(base_url=composed.url, viewport=WIDE))
    page = someone.sign_in(owner.account, "/gallery")
    expect(page.get_by_role("heading", name="Gallery")).to_be_visible()
    picture = page.locator("[data-id] img").first
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 64)
    assert picture.get_attribute("src").startswith(f"{composed.url}/storage/v1/object/sign/")
    someone.leave()
