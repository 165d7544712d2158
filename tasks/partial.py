"""The task that shows what came of captures which timed out: their exact top, and the rest hatched.

Their rows have failed by then, and their devices still have the images. Nothing here acknowledges anything:
when the rest comes, or the whole image again, the row gets the whole picture.
docs/adr/0033-partial-pictures.md has the reasons.
"""

import logging
import time
from hashlib import sha256
from typing import Final

from core import dispatch
from core.errors import CaptureRejected
from core.store.capture import State
from core.store.keys import CaptureRef
from operate import metrics
from tasks.app import app
from tasks.periodic import periodic
from tasks.resources import Resources
from tasks.stations.assemble import assemble_first
from tasks.stations.header import read_header
from tasks.stations.persist import persist
from tasks.stations.report import timed_out
from tasks.stations.upload import place, upload

log = logging.getLogger("tasks.partial")

# Its turn lasts so long after a run, and is over before beat sends the next message.
EVERY_S: Final = 2.0
# How many one run shows, and for how long it begins new ones; the rest waits for the next run.
AT_MOST: Final = 100
BEGIN_S: Final = 10.0


@periodic(dispatch.SHOW_PARTIAL, every_s=EVERY_S, put_off="partial pictures put off")
def show_partial() -> None:
    """Show the tops of the captures that timed out, the oldest first; each is noted when it is in its row."""
    resources, until = app.resources, time.monotonic() + BEGIN_S
    captures = resources.store.captures
    for ref, at_ms in captures.partial(AT_MOST):
        if time.monotonic() >= until:
            return
        try:
            show(resources, ref)
        except CaptureRejected as error:
            log.info("no top is shown: %s", error, extra={"device": ref.device_id, "capture": ref.image_name})
        captures.settle_partial(ref, at_ms)


def show(resources: Resources, ref: CaptureRef) -> None:
    """Store the top of a capture that has timed out, and name it in its row; it may be called again.

    Raises Transient, or CaptureRejected if there is nothing to show or another row has the path. The same
    first bytes have the same paths each time, and a row that shows more, or is whole by now, does not change.
    """
    captures, settings = resources.store.captures, resources.settings
    # In this order: if it still rests after that, its chunks were not those of the next image of its name.
    chunks, capture = captures.chunks(ref), captures.get(ref)
    if capture is None or capture.state is not State.TIMED_OUT:
        return  # chunks have come meanwhile, or the capture is gone
    error = timed_out(capture, len(chunks))
    first = assemble_first(chunks)
    header = read_header(first, settings.max_image_pixels)
    drawn = resources.decoders.hatch(first, header)
    if drawn.hatching is None or drawn.damage is not None or drawn.thumbnail is None:
        raise CaptureRejected(error.code, drawn.undecoded or drawn.damage or "it cannot be drawn")
    image, rows = drawn.hatching
    # Its own name, since the plain one is for the whole picture.
    where = place(capture, sha256(image).hexdigest())
    storage_path = upload(resources.supabase, "captures", where, image)
    thumbnail_path = upload(resources.supabase, "thumbnails", where, drawn.thumbnail)
    persist(
        resources.supabase,
        capture,
        "partial",
        resources.store.now(),
        error,
        image_bytes=len(image),
        storage_path=storage_path,
        thumbnail_path=thumbnail_path,
        width=header.width,
        height=header.height,
        partial_rows=rows,
        story={**capture.story, "held": len(chunks)},
    )
    metrics.count_end("partial", None)
