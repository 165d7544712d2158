"""A label as `fleet devices` prints it, read by a camera, claims its device."""

import io
import shutil
import uuid
from collections.abc import Iterator

import pytest
from pages import WIDE, Visitor
from PIL import Image
from playwright.sync_api import Browser, expect

from local.company import service
from operate import labels

SIZE = (640, 480)


def frames(label: bytes) -> bytes:
    """What a camera sees that is held over the label, not quite straight, as a film of one frame (YUV4MPEG2)."""
    print_ = Image.open(io.BytesIO(label)).convert("RGB")
    print_.thumbnail((420, 420))
    print_ = print_.rotate(7, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    seen = Image.new("RGB", SIZE, (90, 110, 70))
    seen.paste(print_, ((SIZE[0] - print_.width) // 2, (SIZE[1] - print_.height) // 2))
    luma, *chroma = seen.convert("YCbCr").split()
    halves = [plane.resize((SIZE[0] // 2, SIZE[1] // 2)) for plane in chroma]
    header = f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F10:1 Ip A1:1 C420jpeg\n".encode()
    return header + b"FRAME\n" + b"".join(plane.tobytes() for plane in (luma, *halves))


@pytest.fixture
def code() -> str:
    return labels.new_code()


@pytest.fixture
def before_the_camera(browser: Browser, console, tmp_path, code) -> Iterator[Visitor]:
    """Somebody in whose browser the camera sees the label of the code."""
    printed = browser.new_page(viewport={"width": 300, "height": 150}, device_scale_factor=3)
    printed.set_content(labels.page({"AABBCCDDEEFF": code}, f"{console.url}/people/devices"))
    film = tmp_path / "label.y4m"
    film.write_bytes(frames(printed.locator("figure").screenshot()))
    printed.close()
    with_camera = browser.browser_type.launch(
        executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        ],
    )
    visitor = Visitor(with_camera.new_context(base_url=console.url, viewport=WIDE, locale="en"))
    yield visitor
    visitor.leave()
    with_camera.close()


def test_a_label_is_read_by_the_camera_and_claims_its_device(before_the_camera, stack, admin, code):
    device = uuid.uuid4().hex[:12].upper()
    hashed = [{"device_id": device, "code_sha256": labels.hash_of(code)}]
    service(stack).call("set_device_codes", p_codes=hashed, p_replace=True)
    page = before_the_camera.sign_in(admin, "/people/devices")
    page.get_by_role("button", name="Scan the QR code").click()
    expect(page.get_by_label("Code", exact=True)).to_have_value(code)
    expect(page.get_by_role("dialog")).to_have_count(0)
    # The camera is off again.
    assert page.locator("video").count() == 0
    page.get_by_role("button", name="Claim a device").click()
    expect(page.get_by_text(f"{device} is yours.")).to_be_visible()
    assert len(admin.rows("devices", device_id=f"eq.{device}")) == 1


def test_without_a_camera_it_is_said_and_the_code_is_typed(visit, admin):
    page = visit().sign_in(admin, "/people/devices")
    page.get_by_role("button", name="Scan the QR code").click()
    expect(page.get_by_role("dialog")).to_contain_text("The camera cannot be had")
    expect(page.get_by_role("dialog")).to_contain_text("The code can be typed as well.")
