"""The station that puts the image and its thumbnail into the bucket, overwriting nothing."""

import re
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Final

from core.supabase import AlreadyThere, SupabaseGateway

# What every Storage service takes as an object key. A name that ends like our own suffix is renamed too,
# so that two names never meet in one key.
_PLAIN: Final = re.compile(r"(?!.*--[0-9a-f]{12}(\.|$))[A-Za-z0-9._-]+")
_SUFFIX_DIGITS: Final = 12


def object_name(image_name: str) -> str:
    """Map an image name to an object key: the usual ones stay, any other gets a part of its own SHA-256."""
    if _PLAIN.fullmatch(image_name):
        return image_name
    return with_suffix(re.sub(r"[^A-Za-z0-9._-]", "-", image_name), sha256(image_name.encode()).hexdigest())


def with_suffix(name: str, digest: str) -> str:
    """Put the first digits of a SHA-256 between the name and its extension."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    return f"{stem}--{digest[:_SUFFIX_DIGITS]}{dot}{extension}"


def object_path(folder: str, device_id: str, captured_at: datetime, name: str) -> str:
    """Name the object `{folder}/{device}/YYYY/MM/DD/{name}` by the capture date in UTC."""
    return f"{folder}/{device_id}/{captured_at:%Y/%m/%d}/{name}"


def upload(supabase: SupabaseGateway, path: str, data: bytes, image_sha256: str) -> str:
    """Upload `data` and give the path it has; raise Transient or CaptureRejected (2204).

    Where the path is taken by the same bytes, an earlier try has succeeded. Where it is taken by another
    image (a name that returned on the same date), this one gets its SHA-256 as a suffix.
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
    with suppress(AlreadyThere):  # the suffix names these very bytes
        supabase.upload(path, data)
    return path
