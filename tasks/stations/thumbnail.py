"""The station that decodes the image, to prove that it is a JPEG, and makes its thumbnail."""

import io
from typing import Final, NamedTuple

from PIL import Image as Pillow
from PIL import ImageFile, UnidentifiedImageError

from core.errors import CaptureRejected, ErrorCode

WIDTH: Final = 320
QUALITY: Final = 80
# The largest camera of the family, the OV5640, has 5 megapixels. A header that claims far more is an attack
# on memory (a decompression bomb).
MAX_PIXELS: Final = 25_000_000

_EOI: Final = b"\xff\xd9"

ImageFile.LOAD_TRUNCATED_IMAGES = False


class Thumbnail(NamedTuple):
    """A JPEG of at most 320 × 320 px, and the width and height (px) of the original image."""

    data: bytes
    width: int
    height: int


def make_thumbnail(image: bytes) -> Thumbnail:
    """Decode the whole image and shrink it; raise CaptureRejected (2203 not a JPEG, 2206 no thumbnail)."""
    if not image.rstrip(b"\0").endswith(_EOI):
        # The decoder accepts a file without the end marker, even with damaged rows before it. Zeros after
        # the marker are padding from the camera's buffer.
        raise CaptureRejected(ErrorCode.NOT_A_JPEG, "not a whole JPEG: no end marker", bytes=len(image))
    try:
        picture = Pillow.open(io.BytesIO(image), formats=["JPEG"])
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise CaptureRejected(ErrorCode.NOT_A_JPEG, "too many pixels", width=width, height=height)
        scale = min(WIDTH / width, WIDTH / height, 1.0)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        # The decoder halves the picture while it decodes, as long as it stays larger than this box. The box
        # must be exact: one that is larger in one direction saves nothing.
        picture.draft("RGB", size)
        picture.load()
    except UnidentifiedImageError as error:
        # Its text has the address of the object that was read.
        raise CaptureRejected(
            ErrorCode.NOT_A_JPEG, "not a valid JPEG: no header", bytes=len(image)
        ) from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        Pillow.DecompressionBombError,
        Pillow.DecompressionBombWarning,
    ) as error:
        raise CaptureRejected(ErrorCode.NOT_A_JPEG, f"not a valid JPEG: {error}", bytes=len(image)) from error
    try:
        if picture.size != size:
            picture = picture.resize(size, Pillow.Resampling.BICUBIC)  # type: ignore[assignment]
        output = io.BytesIO()
        # Grey and CMYK pictures are converted to RGB; an RGB picture is not, as that would copy it.
        shown = picture if picture.mode == "RGB" else picture.convert("RGB")
        shown.save(output, "JPEG", quality=QUALITY)
    except (OSError, ValueError, MemoryError) as error:
        raise CaptureRejected(ErrorCode.THUMBNAIL_FAILED, f"no thumbnail: {error}") from error
    return Thumbnail(output.getvalue(), width, height)
