"""What others write is shown so that it cannot pretend to be something else."""

import io
import logging
import sys

import pytest

from core import logs
from core.settings import LogSettings
from core.text import printable
from operate.command import console_on
from operate.overview import CaptureInFlight, Overview
from operate.status import render

HOSTILE = {
    "a\nb": r"a\nb",
    "a\r\x1b[2Jb": r"a\r\x1b[2Jb",
    "\u202eevil\u2066": r"\u202eevil\u2066",
    "one\u2028two\u2029three\x85four": r"one\u2028two\u2029three\x85four",
    "a\u200bb\ufeff": r"a\u200bb\ufeff",
}
FINE = ["", "image 1.jpg", "Küche", "写真", "[red]x[/red]"]


@pytest.mark.parametrize("text", FINE)
def test_what_can_be_read_stays(text):
    assert printable(text) == text


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_what_cannot_be_seen_is_shown(text, shown):
    assert printable(text) == shown


@pytest.fixture
def output(monkeypatch):
    """What is logged as text."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    before = logging.root.handlers[:], logging.root.level
    logs.configure(LogSettings())
    yield stream
    logging.root.handlers[:], level = before
    logging.root.setLevel(level)


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items())
def test_a_log_line_is_one_line_whatever_a_device_is_called(output, text, shown):
    logging.getLogger("tasks").warning("from %s", text, extra={"device": text})
    [line] = output.getvalue().splitlines()
    assert f"from {shown} device={shown}" in line


def test_a_traceback_keeps_its_lines(output):
    try:
        raise ValueError("a mistake")
    except ValueError:
        logging.getLogger("tasks").exception("it failed", extra={"device": "AABB"})
    first, *rest = output.getvalue().splitlines()
    assert first.endswith("it failed device=AABB")
    assert rest[0].startswith("Traceback")


@pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "[link=file:///etc/passwd]x[/link]", *HOSTILE])
def test_the_status_shows_a_name_as_it_is(name):
    capture = CaptureInFlight("AABB", name, "arriving", 1, 3, "1", 0, 1.0, 1.0, 1.0)
    error = {"occurred_at": "2025-10-04", "device_id": name, "error_code": 2101, "message": name}
    output = io.StringIO()
    console_on(output).print(render(Overview(captures=[capture], errors=[error])))
    assert output.getvalue().count(printable(name)) == 3
