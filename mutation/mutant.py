"""A mutant: one file of the service with one change."""

import difflib
from collections.abc import Callable
from typing import NamedTuple


class Mutant(NamedTuple):
    """A changed file: `path` from the top of the repository, the `operator` that changed it, its new `text`.

    `was` and `now` are the lines that differ, without their indentation; `line` is the number of the first.
    """

    path: str
    operator: str
    line: int
    was: str
    now: str
    text: str

    @property
    def change(self) -> tuple[str, str, str]:
        """What identifies the mutant, wherever in its file the line is."""
        return self.path, self.was, self.now

    def __str__(self) -> str:
        return f"{self.path}:{self.line} ({self.operator})\n    - {self.was}\n    + {self.now}"


# A place in a file and how it is changed there; called, it makes the mutant.
Site = Callable[[], Mutant]


def make_mutant(path: str, operator: str, original: str, text: str) -> Mutant:
    """Make the mutant of a file whose text was `original`."""
    old, new = original.splitlines(), text.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    changes = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    first, last = changes[0], changes[-1]
    return Mutant(
        path,
        operator,
        first[1] + 1,
        _shown(old[first[1] : last[2]]),
        _shown(new[first[3] : last[4]]),
        text,
    )


def _shown(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())
