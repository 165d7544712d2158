"""The console: built when its sources have changed, and served with the embedded Supabase on one origin."""

import hashlib
from pathlib import Path
from typing import Final

from local import node
from local.part import REPOSITORY, Part
from local.ports import LOOPBACK
from local.supabase_lite import SupabaseLite

FOLDER: Final = REPOSITORY / "console"
_BUILT: Final = FOLDER / "dist" / ".built"
_INSTALLED: Final = FOLDER / "node_modules" / ".installed"
_SERVER: Final = REPOSITORY / "local" / "console_server.mjs"
# What a build depends on, besides everything in these folders.
_FILES: Final = ("package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "index.html")
_FOLDERS: Final = ("src", "public")


def _hash(paths: list[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(f"{path.relative_to(FOLDER)}\0".encode())
        found.update(path.read_bytes())
        found.update(b"\0")
    return found.hexdigest()


def _is(stamp: Path, value: str) -> bool:
    return stamp.exists() and stamp.read_text() == value


def prepare() -> None:
    """Install the locked npm packages unless they are there. Raises StackError if that fails."""
    locked = _hash([FOLDER / "package-lock.json"])
    if not _is(_INSTALLED, locked):
        node.install(FOLDER)
        _INSTALLED.write_text(locked)


def run(*words: str) -> None:
    """Run a script of the console's package.json. Raises StackError with what it wrote if it fails."""
    prepare()
    command, environment = node.need_npm()
    node.run([*command, "run", "--silent", *words], environment, FOLDER)


def build() -> None:
    """Build the console unless it is built from these very sources. Raises StackError if that fails."""
    sources = [path for folder in _FOLDERS for path in (FOLDER / folder).rglob("*") if path.is_file()]
    wanted = _hash(sorted([*sources, *(FOLDER / name for name in _FILES)]))
    if not _is(_BUILT, wanted):
        run("build")
        _BUILT.write_text(wanted)


class ConsoleServer(Part):
    """The page and Supabase on one port; the console must be built, and Supabase's port known."""

    name = "console"
    title = "the console"

    def __init__(self, directory: Path, supabase: SupabaseLite, port: int | None = None) -> None:
        super().__init__(directory, port)
        self._supabase = supabase

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{LOOPBACK}:{self.port}"

    def command(self) -> list[str]:
        """Run the server with Node.js; the key opens nothing by itself."""
        where = [str(self.port), str(FOLDER), self._supabase.url, self._supabase.publishable_key]
        return [node.node_binary(), str(_SERVER), *where]
