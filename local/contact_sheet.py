"""A contact sheet: the thumbnails of a demo in one picture, each above its device and image name."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_TILE = 240
_LABEL = 40
_GAP = 12
_BACKGROUND = (24, 26, 30)
_TEXT = (225, 228, 232)


def write(thumbnails: Sequence[tuple[str, bytes]], path: Path, *, columns: int = 5) -> None:
    """Write a PNG with all thumbnails in rows of at most `columns`.

    Each thumbnail is a pair: a label of one or more lines, and the bytes of a picture.
    """
    columns = max(1, min(columns, len(thumbnails)))
    rows = -(-len(thumbnails) // columns)
    width, height = _TILE + _GAP, _TILE * 3 // 4 + _LABEL + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, max(1, rows) * height + _GAP), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for number, (label, data) in enumerate(thumbnails):
        left, top = _GAP + number % columns * width, _GAP + number // columns * height
        with Image.open(io.BytesIO(data)) as picture:
            picture.thumbnail((_TILE, _TILE * 3 // 4))
            sheet.paste(
                picture, (left + (_TILE - picture.width) // 2, top + (_TILE * 3 // 4 - picture.height) // 2)
            )
        draw.multiline_text((left, top + _TILE * 3 // 4 + 4), label, fill=_TEXT, font=font, spacing=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
