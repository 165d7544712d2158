"""The contact sheet between the lines of a terminal: which terminals get it, and what is written to them."""

import base64
import io
import os
import re
import threading

import pytest
from PIL import Image
from rich.console import Console

from local.inline_image import iterm2, kitty, protocol_of, show


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, kitty),
        ({"TERM": "xterm-ghostty", "TERM_PROGRAM": "ghostty"}, kitty),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, iterm2),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, iterm2),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, iterm2),
        ({"TERM": "xterm", "TERM_PROGRAM": "mintty"}, iterm2),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, None),
        ({"TERM": "linux"}, None),
        ({"TERM": "dumb", "TERM_PROGRAM": "iTerm.app"}, None),
        ({"TERM": "tmux-256color", "LC_TERMINAL": "iTerm2"}, None),
        ({"TERM": "screen.xterm-256color", "TERM_PROGRAM": "WezTerm"}, None),
        ({"LC_TERMINAL": "iTerm2"}, None),
        ({}, None),
    ],
)
def test_a_terminal_is_known_by_its_environment(environment, protocol):
    assert protocol_of(environment) is protocol


@pytest.fixture
def sheet(tmp_path):
    """A picture of many pieces."""
    path = tmp_path / "sheet.png"
    Image.frombytes("RGB", (80, 60), os.urandom(80 * 60 * 3)).save(path)
    return path


def written(environment, sheet):
    """What a terminal with this environment is written."""
    master, slave = os.openpty()
    got = bytearray()

    def read():
        try:
            while data := os.read(master, 65536):
                got.extend(data)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(slave, "w") as file:
        show(Console(file=file), environment, sheet, 10)
    reader.join(10)
    os.close(master)
    return bytes(got)


def test_kitty_gets_the_picture_in_pieces_and_answers_nothing(sheet):
    got = written({"TERM": "xterm-kitty"}, sheet)

    pieces = re.findall(rb"\x1b_G([^;]*);([^\x1b]*)\x1b\\", got)
    assert b"".join(b"\x1b_G%b;%b\x1b\\" % piece for piece in pieces) + b"\r\n" == got
    keys, data = zip(*pieces, strict=True)
    assert keys[0] == b"a=T,f=100,r=10,q=2,m=1"
    assert len(keys) > 2 and set(keys[1:-1]) == {b"m=1"} and keys[-1] == b"m=0"
    assert all(len(each) == 4096 for each in data[:-1]) and 0 < len(data[-1]) <= 4096
    assert base64.b64decode(b"".join(data)) == sheet.read_bytes()


def test_iterm2_gets_the_picture_in_one(sheet):
    got = written({"TERM": "xterm", "TERM_PROGRAM": "iTerm.app"}, sheet)

    size = sheet.stat().st_size
    told = re.fullmatch(rb"\x1b\]1337;File=inline=1;size=%d;height=10:(.*)\a\r\n" % size, got)
    assert base64.b64decode(told[1]) == sheet.read_bytes()


def test_nothing_is_written_where_there_is_no_such_terminal(sheet):
    assert written({"TERM": "xterm-256color"}, sheet) == b""
    # As with FORCE_COLOR, which colours the logs of a CI.
    file = io.StringIO()
    show(Console(file=file, force_terminal=True), {"TERM": "xterm-kitty"}, sheet, 10)
    assert file.getvalue() == ""
