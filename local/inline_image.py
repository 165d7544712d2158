"""Shows a picture between the lines of a terminal that can.

Which ones can is told by their environment, also through SSH. None is asked: its answer comes as typed keys,
and where the line is slow, into the shell.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from rich.console import Console

Protocol = Callable[[bytes, int], Iterator[str]]

# The terminals that set TERM to a name of their own.
_KITTY: Final = frozenset({"xterm-kitty", "xterm-ghostty"})
_ITERM2: Final = frozenset({"iTerm.app", "WezTerm", "mintty"})
# These take what is written and hand on text alone, and what is set around them is set in them too.
_AROUND: Final = ("tmux", "screen", "dumb")
_PIECE: Final = 4096


def kitty(png: bytes, rows: int) -> Iterator[str]:
    """Yield what shows a PNG `rows` lines high: https://sw.kovidgoyal.net/kitty/graphics-protocol/."""
    data = base64.b64encode(png).decode()
    # The terminal is to answer nothing (q=2).
    keys = f"a=T,f=100,r={rows},q=2,"
    for start in range(0, len(data), _PIECE):
        more = int(start + _PIECE < len(data))
        yield f"\x1b_G{keys}m={more};{data[start : start + _PIECE]}\x1b\\"
        keys = ""


def iterm2(png: bytes, rows: int) -> Iterator[str]:
    """Yield what shows a picture `rows` lines high: https://iterm2.com/documentation-images.html."""
    yield f"\x1b]1337;File=inline=1;size={len(png)};height={rows}:{base64.b64encode(png).decode()}\a"


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """Return how the terminal with this environment takes pictures, None where it is not known to."""
    term = environment.get("TERM", "dumb")
    if term.startswith(_AROUND):
        return None
    if term in _KITTY:
        return kitty
    # iTerm2 sets LC_TERMINAL because SSH hands it on.
    if environment.get("TERM_PROGRAM") in _ITERM2 or environment.get("LC_TERMINAL") == "iTerm2":
        return iterm2
    return None


def show(console: Console, environment: Mapping[str, str], picture: Path, rows: int) -> None:
    """Show a PNG `rows` lines high, unless the console is no terminal that can."""
    protocol = protocol_of(environment) if console.file.isatty() else None
    if protocol:
        console.file.writelines([*protocol(picture.read_bytes(), rows), "\n"])
        console.file.flush()
