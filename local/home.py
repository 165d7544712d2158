"""What `up` has for somebody's own cameras: one owner, to whose company each device comes that is heard."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

import httpx

from local.company import claim, found_company, offer, service, visitor
from local.entry import CAMERA, SERVICE, Entry
from local.news import News
from local.ports import StackError
from local.secret_files import SecretFiles
from local.stack import Stack

COMPANY: Final = "My cameras"
OWNER: Final = "owner@cameras.example"


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Make a directory for data unless it is there, and hold it for this process alone during a block.

    Raises StackError if it cannot be made, or another process holds it: two databases in one would ruin it.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (directory / "lock").open("w")
    except OSError as error:
        raise StackError(f"data: {error.strerror}: {directory}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(f"data: {directory} is in use by another `up`") from None
        yield


def entry_of(host: str, directory: Path | None) -> Entry:
    """Return how cameras come to the broker: where other machines reach it, by logins alone.

    The passwords are kept in the directory, if there is one. Raises StackError unless this machine has the
    address.
    """
    entry = Entry(host)
    entry.check()
    if not entry.is_open:
        return entry
    kept = SecretFiles(directory) if directory else None
    users = (SERVICE, CAMERA)
    return Entry(host, {user: kept.get(user, _password) if kept else _password() for user in users})


def _password() -> str:
    """Make one that is short enough to be typed: 72 random bits."""
    return token_urlsafe(9)


class Home:
    """The owner of a stack's devices; the first start makes them, and their company."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        kept = SecretFiles(stack.directory)
        self._password = kept.get("owner", lambda: found_company(stack, COMPANY, OWNER).password)
        self._asked: set[str] = set()

    def words(self) -> dict[str, str]:
        """Say whose the devices are, and what to type into a camera."""
        broker = self._stack.broker
        return {
            "owner": f"{OWNER}, password {self._password} or what you have set",
            **camera_lines(broker.entry, broker.port),
        }

    def look(self, news: News) -> None:
        """Make each device that is heard for the first time the owner's, unless Supabase is away."""
        try:
            found = service(self._stack).rows("devices", company_id="is.null", select="device_id")
            for device_id in sorted({row["device_id"] for row in found} - self._asked):
                self._take(device_id, news)
        except httpx.HTTPError:
            return

    def _take(self, device_id: str, news: News) -> None:
        try:
            owner = visitor(self._stack).sign_in(OWNER, self._password)
        except httpx.HTTPStatusError:
            # They have set a password of their own.
            code = offer(self._stack, device_id)
            self._asked.add(device_id)
            news.tell("device", f"{device_id} is heard: claim it in the console with {code}")
            return
        claim(self._stack, owner, device_id)
        news.tell("device", f"{device_id} is heard for the first time: it is in the console now")


def camera_lines(entry: Entry, port: int) -> dict[str, str]:
    """Return what to type into a camera, and what to know of it."""
    if not entry.logins:
        return {"cameras": f"reach {entry.far}:{port} from this machine alone; HOST=0.0.0.0 lets others in"}
    return {
        "camera": f"host {entry.far}, port {port}, without TLS",
        "user": f"{CAMERA}, password {entry.logins[CAMERA]}",
        "mind": "without TLS whoever is in this network can read the pictures and this password,",
        "": "and with it be any camera. All else is reached from this machine alone.",
    }
