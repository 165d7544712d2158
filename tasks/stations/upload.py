"""The station that uploads the image and its thumbnail to the bucket; it overwrites nothing."""

import re
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Final

from core.supabase import AlreadyThere, SupabaseGateway

# The characters that every Storage service accepts in an object key. A name that already ends like our suffix
# does not match, so that two names never get the same key.
_PLAIN: Final = re.compile(r"(?!.*--[0-9a-f]{12}(\.|$))[A-Za-z0-9._-]+")
_SUFFIX_DIGITS: Final = 12


def object_name(image_name: str) -> str:
    """Return the object key for an image name: a plain name itself, else with part of the name's SHA-256."""
    if _PLAIN.fullmatch(image_name):
        return image_name
    return with_suffix(re.sub(r"[^A-Za-z0-9._-]", "-", image_name), sha256(image_name.encode()).hexdigest())


def with_suffix(name: str, digest: str) -> str:
    """Return `name--digits.extension` with the first 12 hex digits of a SHA-256."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    return f"{stem}--{digest[:_SUFFIX_DIGITS]}{dot}{extension}"


def object_path(folder: str, device_id: str, captured_at: datetime, name: str) -> str:
    """Return the path `{folder}/{device}/YYYY/MM/DD/{name}`; the date is that of `captured_at`."""
    return f"{folder}/{device_id}/{captured_at:%Y/%m/%d}/{name}"


def upload(supabase: SupabaseGateway, path: str, data: bytes, image_sha256: str) -> str:
    """Upload `data` and return its final path; raise Transient or CaptureRejected (2204).

    If the path already holds the same bytes, an earlier try has succeeded. If it holds another image, because
    the device used the name twice on one date, the new one gets part of its SHA-256 as a suffix.
    """
    try:
        supabase.upload(path, data)
    except AlreadyThere:
        if supabase.download(path) == data:
            return path
    else:
        return path
    folder, _, name = path.rpartition("/")
    path = f"{folder}/{with_suffix(name, image_sha256)}"
    with suppress(AlreadyThere):  # an object with this suffix holds the same image
        supabase.upload(path, data)
    return path
