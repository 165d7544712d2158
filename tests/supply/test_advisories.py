"""Advisories: what is known is told, and no answer is never taken for a good one."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from local.part import REPOSITORY
from local.ports import free_port
from supply import advisories, lock
from supply.advisories import Unanswered, npm_lines, python_lines

LOCKED = json.loads((REPOSITORY / "local" / "package-lock.json").read_text())["packages"][
    "node_modules/aedes"
]


def known(name, version, *vulns):
    return {"name": name, "version": version, "vulns": list(vulns)}


def test_what_is_known_against_a_package_of_python_is_told():
    bad = {"id": "PYSEC-2030-1", "fix_versions": ["2.0", "1.5"], "aliases": [], "description": "x"}
    worse = {"id": "GHSA-x", "fix_versions": []}
    report = {"dependencies": [known("b", "1.0"), known("a", "1.0", bad, worse), known("a", "1.0", bad)]}
    assert python_lines(json.dumps(report)) == [
        "a 1.0: GHSA-x, mended by nothing yet",
        "a 1.0: PYSEC-2030-1, mended by 2.0, 1.5",
    ]


@pytest.mark.parametrize(
    "dependencies",
    [[], [known("a", "1.0"), {"name": "b", "skip_reason": "Dependency not found on PyPI: b (1.0)"}]],
)
def test_a_package_that_was_not_looked_up_is_no_good_answer(dependencies):
    with pytest.raises(Unanswered, match="could not be looked up"):
        python_lines(json.dumps({"dependencies": dependencies, "fixes": []}))


def test_nor_is_what_npm_says_of_its_registry():
    with pytest.raises(Unanswered, match="405"):
        npm_lines(
            json.dumps({"message": "405 Method Not Allowed", "statusCode": 405, "error": {"summary": ""}})
        )


@pytest.fixture
def registry(monkeypatch):
    """A registry of npm with one advisory, and what it was asked."""
    asked = []

    class Registry(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append(self.path)
            body = json.dumps({"aedes": [{
                "id": 1, "url": "https://advisories.test/1", "title": "a broken broker", "severity": "high",
                "vulnerable_versions": f"<={LOCKED['version']}",
            }]}).encode()  # fmt: skip
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_npm_itself_looks_up_what_is_locked(registry):
    lines = advisories.of_npm(lock.NPM["npm"])
    assert any("a broken broker https://advisories.test/1 (high)" in line for line in lines)
    assert registry


def test_where_no_database_answers_the_audit_fails_with_a_line_for_each():
    nobody = f"http://127.0.0.1:{free_port()}"
    names = (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "npm_config_proxy",
        "npm_config_https_proxy",
    )
    environment = {**os.environ, **dict.fromkeys(names, nobody), "no_proxy": "", "NO_PROXY": ""}
    environment["npm_config_fetch_retries"] = "0"
    answer = subprocess.run(
        [sys.executable, "-m", "supply", "audit"],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 1
    assert answer.stdout == ""
    lines = answer.stderr.splitlines()
    assert [line.partition(": not looked up: ")[0] for line in lines] == ["python", *lock.NPM]
