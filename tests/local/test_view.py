import io

import pytest
from PIL import Image
from rich.console import Console

from local import contact_sheet
from local.view import FleetView
from simulator.events import DeviceEvent

EVENTS = [
    DeviceEvent("AABBCCDDEEFF", "hello", 0.1),
    DeviceEvent("AABBCCDDEEFF", "metadata", 0.2, "image_1.jpg", total=40),
    DeviceEvent("AABBCCDDEEFF", "chunk", 0.3, "image_1.jpg", sent=39, total=40),
    DeviceEvent("AABBCCDDEEFF", "nack", 1.3, "image_1.jpg", missing=(3,)),
    DeviceEvent("AABBCCDDEEFF", "chunk", 1.4, "image_1.jpg", sent=40, total=40),
    DeviceEvent("AABBCCDDEEFF", "ack", 1.5, "image_1.jpg", latency_ms=87.4),
    DeviceEvent("AABBCCDDEEFF", "finished", 1.6),
]


def show(*, terminal, width=120):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width, color_system=None)
    view = FleetView(console, images=1)
    with view.shown():
        for event in EVENTS:
            view.on_event(event)
    return file.getvalue(), view


def test_without_a_terminal_each_picture_is_a_line():
    text, _ = show(terminal=False)
    assert text.splitlines() == [
        "  1.50 s  AABBCCDDEEFF  image_1.jpg: acknowledged 87 ms after its last chunk",
    ]


def test_the_table_fits_a_terminal_of_80_columns():
    text, _ = show(terminal=True, width=80)
    assert "resending 1" in text or "done" in text
    assert "…" not in text


def test_on_a_terminal_a_row_shows_where_a_device_is():
    text, _ = show(terminal=True)
    last = text.split("AABBCCDDEEFF")[-1].split()
    assert "40/40" in last and "1/1" in last and "done" in last
    assert " ".join(last).count("87 ms") == 1


@pytest.mark.parametrize("count", [1, 5, 7])
def test_the_contact_sheet_holds_every_thumbnail(tmp_path, count):
    data = io.BytesIO()
    Image.new("RGB", (320, 240), (200, 30, 30)).save(data, "JPEG")
    path = tmp_path / "new" / "sheet.png"

    contact_sheet.write([("DEVICE\nimage.jpg", data.getvalue())] * count, path)

    with Image.open(path) as sheet:
        assert sheet.format == "PNG"
        columns, rows = min(count, 5), -(-count // 5)
        assert sheet.width > columns * 240
        assert sheet.height > rows * 180
        assert sheet.getpixel((12 + 120, 12 + 90))[0] > 150
