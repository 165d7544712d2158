"""The task that makes older pictures smaller, where a policy says so.

docs/adr/0031-smaller-pictures.md says why none of its steps loses a picture. What a worker that is killed has
claimed stays as it is until the next round; what it has uploaded is removed when its claim has ended.
"""

import logging
import time
from hashlib import sha256
from typing import Any, Final, NamedTuple

from core import dispatch
from core.errors import CaptureRejected
from core.supabase import AlreadyThere
from tasks.app import app
from tasks.periodic import periodic
from tasks.resources import Resources
from tasks.stations.decode import Drawn, decode
from tasks.stations.header import Header, read_header

log = logging.getLogger("tasks.smaller")

# Its turn lasts so long after a run, and is over before beat sends the next message.
EVERY_S: Final = 1.0
# For how long one run claims, and how many pictures it claims at a time.
RUN_S: Final = 5.0
PICTURES: Final = 10
# What loses less than this part of its bytes stays as it is.
LEAST_GAIN: Final = 0.1


class Smaller(NamedTuple):
    """A picture that was encoded anew, and its size (px)."""

    image: bytes
    width: int
    height: int


@periodic(dispatch.MAKE_SMALLER, every_s=EVERY_S, put_off="smaller pictures put off")
def make_smaller() -> None:
    """Make pictures smaller for some seconds, each of them once."""
    resources, until = app.resources, time.monotonic() + RUN_S
    pictures = saved = 0
    # While Storage is away, claims would only use up the round.
    while time.monotonic() < until and resources.supabase.admits(storage=True):
        claims = resources.supabase.call("claim_smaller_pictures", p_limit=PICTURES)
        if not claims:
            break
        for claim in claims:
            try:
                gain = _make(resources, claim)
            except CaptureRejected as error:
                log.warning("%s stays as it is: %s", claim["path"], error.message)
                continue
            pictures += gain > 0
            saved += gain
    if pictures:
        log.info("%d pictures were made smaller, by %d bytes together", pictures, saved)


def _make(resources: Resources, claim: dict[str, Any]) -> int:
    """Make one picture smaller and return the bytes that it saves; raises Transient or CaptureRejected."""
    supabase = resources.supabase
    image = supabase.download(claim["path"])
    if image is None or sha256(image).hexdigest() != claim["image_sha256"]:
        log.warning("%s stays as it is: its object is missing, or not what the device sent", claim["path"])
        return 0
    smaller = encode(resources, image, claim["quality"], claim["width"])
    if smaller is None:
        supabase.call("record_smaller_picture", p_claim=claim)
        return 0
    try:
        supabase.upload(claim["new_path"], smaller.image)
    except AlreadyThere:
        log.warning("%s stays as it is: there is an object at %s", claim["path"], claim["new_path"])
        return 0
    made = {
        "original_bytes": len(image),
        "bytes": len(smaller.image),
        "sha256": sha256(smaller.image).hexdigest(),
        "width": smaller.width,
        "height": smaller.height,
    }
    return supabase.call("record_smaller_picture", p_claim=claim, p_made=made) or 0


def encode(resources: Resources, image: bytes, quality: int, width: int | None) -> Smaller | None:
    """Encode a picture anew, no wider than `width` px; None if that brings less than a tenth of its bytes.

    One that costs too much, or that is broken, brings nothing. Raises Transient.
    """
    try:
        header = read_header(image, resources.settings.max_image_pixels)
    except CaptureRejected:
        return None
    scale = min(1.0, (width or header.width) / header.width)
    size = round(header.width * scale), max(1, round(header.height * scale))

    def shrink(image: bytes, header: Header) -> Drawn:
        return Drawn(resources.decoders.shrink(image, header, *size, quality))

    made = decode(image, header, shrink).thumbnail
    if made is None or len(made) > (1 - LEAST_GAIN) * len(image):
        return None
    return Smaller(made, *size)
