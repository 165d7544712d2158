"""The objects of the bucket, by Storage's API: fetched into the folder of a backup, and uploaded from it.

An object never changes. So one that is in the folder is not fetched again, and one that is in the bucket
already is compared.
"""

import mimetypes
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from core.errors import Transient
from core.supabase import AlreadyThere, SupabaseGateway
from operate.backup import BackupError
from operate.backup.folder import Folder

BELOW: Final = "objects/"
_AT_ONCE: Final = 8
_TRIES: Final = 6
# As the service names its objects. No such name leads out of the folder.
_SEGMENT: Final = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
_NAME: Final = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")

Result = TypeVar("Result")


def fetch(
    gateway: SupabaseGateway, folder: Folder, names: Iterable[str], tell: Callable[[str], None]
) -> dict[str, str]:
    """Fetch those that the folder lacks; return all that there are, by their names in the folder."""
    at_hand = folder.at_hand()

    def put(file: str, name: str) -> str | None:
        with gateway.stream(name) as parts:
            return None if parts is None else folder.put(file, parts)

    def one(name: str) -> tuple[str, str | None]:
        if not _NAME.fullmatch(name):
            raise BackupError(
                f"{name!r} is no name that the service gives: move this object to another bucket"
            )
        file = BELOW + name
        if file in at_hand:
            return file, at_hand[file]
        return file, _patiently(lambda: put(file, name))

    found = dict(_together(one, names))
    for file in (file for file, digest in found.items() if digest is None):
        tell(f"! {file} was removed meanwhile")
    return {file: digest for file, digest in found.items() if digest is not None}


def upload(gateway: SupabaseGateway, folder: Folder, objects: dict[str, str]) -> None:
    """Upload objects of the folder; raise BackupError for one that is damaged, or another in the bucket."""

    def one(file: str) -> None:
        name, data = file.removeprefix(BELOW), folder.checked(file, objects[file]).read_bytes()
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        try:
            _patiently(lambda: gateway.upload(name, data, kind))
        except AlreadyThere:
            if _patiently(lambda: gateway.download(name)) != data:
                raise BackupError(f"{name} is in the bucket already, with other bytes") from None

    for _ in _together(one, objects):
        pass


def _patiently(act: Callable[[], Result]) -> Result:
    """Do it, and again where an error may pass."""
    return Retrying(
        retry=retry_if_exception_type(Transient), wait=wait_random_exponential(multiplier=0.5, max=20),
        stop=stop_after_attempt(_TRIES), reraise=True,
    )(act)  # fmt: skip


def _together(act: Callable[[str], Result], names: Iterable[str]) -> Iterator[Result]:
    """Do it for all, some at once; the first error ends it."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            yield from pool.map(act, names)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
