"""Builds the documentation site in .local/site/html: `make docs`. A broken link or anchor ends it.

The pages are those of the repository, at the same places, with the files that they lead to. So their links
are those that a forge follows.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from local.part import REPOSITORY

SITE: Final = REPOSITORY / ".local" / "site"
CONFIGURATION: Final = REPOSITORY / "docs" / "zensical.toml"
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
_CODE: Final = re.compile(r"(?ms)^ *```.*?^ *```|`[^`\n]+`")


class BrokenLink(Exception):
    """A page leads to what is not there."""


def pages() -> list[Path]:
    """Return the pages of the site, relative to the repository."""
    tops = [REPOSITORY / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")]
    parts = [REPOSITORY / part / "README.md" for part in ("console", "firmware")]
    return sorted(
        page.relative_to(REPOSITORY) for page in (*tops, *parts, *(REPOSITORY / "docs").rglob("*.md"))
    )


def linked(page: Path) -> set[Path]:
    """Return the files to which a page leads, relative to the repository; raises BrokenLink."""
    text = _CODE.sub("", (REPOSITORY / page).read_text(encoding="utf-8"))
    files = set()
    for target in _LINK.findall(text):
        file = (REPOSITORY / page).parent / target
        if not file.is_file():
            raise BrokenLink(f"{page}: {target} is no file")
        files.add(file.resolve().relative_to(REPOSITORY))
    return files


def lay_out(folder: Path) -> None:
    """Copy pages, what they lead to and the configuration into a folder, which is emptied before.

    Raises BrokenLink.
    """
    shutil.rmtree(folder, ignore_errors=True)
    those = pages()
    for file in {*those, *(target for page in those for target in linked(page))}:
        to = folder / "pages" / file
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / file, to)
    shutil.copy(CONFIGURATION, folder)


def build(folder: Path) -> int:
    """Build what is laid out in a folder into its folder html; return the exit status."""
    command = [str(Path(sys.executable).parent / "zensical"), "build", "--strict"]
    modules = {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, cwd=folder, env=os.environ | modules, check=False).returncode


if __name__ == "__main__":
    try:
        lay_out(SITE)
    except BrokenLink as broken:
        sys.exit(str(broken))
    sys.exit(build(SITE))
