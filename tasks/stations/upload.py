"""The station that uploads the image and its thumbnail to the bucket; it overwrites nothing."""

import re
from hashlib import sha256
from typing import Final, NamedTuple

from core.store.capture import Capture
from core.supabase import AlreadyThere, SupabaseGateway, lost

# The characters that every Storage service accepts in an object key. A name that already ends like our suffix
# does not match, so that two names never get the same key. Every key ends as a JPEG's does: some servers tell
# a browser the type by the name, and a picture that is called a page may hold a script.
_JPEG: Final = re.compile(r".*\.jpe?g", re.IGNORECASE)
_PLAIN: Final = re.compile(r"(?!.*--[0-9a-f]{12}(\.|$))[A-Za-z0-9._-]+")
_SUFFIX_DIGITS: Final = 12


def object_name(image_name: str) -> str:
    """Return the object key for an image name: a plain name itself, else with part of the name's SHA-256.

    Plain is a name that ends in `.jpg` or `.jpeg` and has only characters that every Storage service accepts.
    """
    is_jpeg = _JPEG.fullmatch(image_name)
    if is_jpeg and _PLAIN.fullmatch(image_name):
        return image_name
    name = re.sub(r"[^A-Za-z0-9._-]", "-", image_name) + ("" if is_jpeg else ".jpg")
    return with_suffix(name, sha256(image_name.encode()).hexdigest())


def with_suffix(name: str, digest: str) -> str:
    """Return `name--digits.extension` with the first 12 digits of a SHA-256 in hex."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    return f"{stem}--{digest[:_SUFFIX_DIGITS]}{dot}{extension}"


class Place(NamedTuple):
    """The two names that a capture's objects may have, below `captures/`, `thumbnails/` and `quarantine/`.

    `plain` is `{device}/YYYY/MM/DD/{name}`, for the first capture of that name and date. `own` has the suffix
    `suffix`, which no other capture has. `reserved` says whether the plain name is this capture's.
    """

    plain: str
    own: str
    suffix: str
    reserved: bool = False


def place(capture: Capture, image_sha256: str) -> Place:
    """Return the names of a capture's objects; they depend on nothing but what identifies its row.

    Device, name, capture time and SHA-256 do. So a capture that is tried again has the same names, and two
    captures with the same bytes have different ones.
    """
    ref, time = capture.ref, capture.captured_at
    name = object_name(ref.image_name)
    suffix = sha256(f"{time.isoformat()} {image_sha256}".encode()).hexdigest()[:_SUFFIX_DIGITS]
    folder = f"{ref.device_id}/{time:%Y/%m/%d}"
    return Place(f"{folder}/{name}", f"{folder}/{with_suffix(name, suffix)}", suffix)


def upload(supabase: SupabaseGateway, folder: str, place: Place, data: bytes) -> str:
    """Upload `data` under the name of `place` and return its path; raise Transient or CaptureRejected (2204).

    If the plain name is reserved and its path holds the same bytes, an earlier try has succeeded. If it holds
    others, an older capture has the name, whose reservation has expired. Then, or if Storage has lost the
    bytes of that path, `data` goes to the capture's own name. What lies there is from an earlier try; if its
    bytes are lost, this raises AccessDenied and the alarm.
    """
    if place.reserved:
        path = f"{folder}/{place.plain}"
        try:
            supabase.upload(path, data)
        except AlreadyThere:
            if supabase.download(path) == data:
                return path
        else:
            return path
    path = f"{folder}/{place.own}"
    try:
        supabase.upload(path, data)
    except AlreadyThere as error:
        if supabase.download(path) is None:
            raise lost(path) from error
    return path
