"""The station that makes the thumbnail of a decoded image."""

import io
from typing import Final

from PIL import Image as Pillow

from core.errors import CaptureRejected, ErrorCode
from tasks.stations.decode import Decoded, scaled

LONGEST: Final = 320
QUALITY: Final = 80


def make_thumbnail(decoded: Decoded) -> bytes:
    """Return a JPEG whose sides have at most 320 px; raise CaptureRejected (2206) if there is none."""
    if decoded.pixels is None:
        why = decoded.undecoded or decoded.damage
        raise CaptureRejected(ErrorCode.THUMBNAIL_FAILED, f"no thumbnail: {why}")
    size = scaled(decoded.width, decoded.height, LONGEST)
    output = io.BytesIO()
    try:
        shown = decoded.pixels
        if shown.size != size:
            shown = shown.resize(size, Pillow.Resampling.BICUBIC)
        shown.save(output, "JPEG", quality=QUALITY)
    except (OSError, ValueError, MemoryError) as error:
        raise CaptureRejected(ErrorCode.THUMBNAIL_FAILED, f"no thumbnail: {error}") from error
    return output.getvalue()
