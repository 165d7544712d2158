"""What is made of several pictures in the browser: a ZIP archive, and a film."""

import hashlib
import io
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from gallery_owner import NOON, Owner
from pages import address
from PIL import Image, ImageStat
from playwright.sync_api import Page, expect

from local.company import join
from local.stack import Stack

FRAMES = 7
RED, BLUE = (200, 30, 30), (30, 30, 200)
FILES = "navigator.storage.getDirectory().then((folder) => Array.fromAsync(folder.keys()))"
OBJECTS = re.compile(r"/object/sign/gxp-captures/captures/")


@pytest.fixture(scope="module")
def owner(stack: Stack) -> Owner:
    """Seven pictures of a camera, the older ones red and the newest ones blue, and one that failed."""
    owner = Owner(stack, "Millers")
    for number in range(FRAMES):
        owner.take_one(NOON - timedelta(hours=number), RED if number > 2 else BLUE)
    owner.take(NOON - timedelta(hours=20), ingest_status="failed", storage_path=None, error_code=2201)
    return owner


def choose_all(page: Page, many: int) -> None:
    expect(page.locator("[data-id]")).to_have_count(many)
    page.get_by_role("button", name="Select").click()
    for tile in page.locator("[data-id]").all():
        tile.click()


def dialog(page: Page, name: str) -> Any:
    return page.get_by_role("dialog", name=name)


def test_chosen_pictures_are_downloaded_as_a_zip_by_whoever_sees_them(
    visit: Any, stack: Stack, owner: Owner
) -> None:
    someone = visit()
    page = someone.sign_in(join(stack, owner.account, address(), "viewer"), "/gallery?status=all")
    choose_all(page, FRAMES + 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as ZIP").click()
    made = dialog(page, "Download as ZIP")
    expect(made.get_by_text(re.compile(r"^7 pictures, .* The download has begun."))).to_be_visible()
    expect(made.get_by_text("1 picture was left out")).to_be_visible()
    assert someone.violations() == []
    assert download.value.suggested_filename == "pictures.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        found = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    # The clock that is shown: noon in Berlin is 11:00 UTC.
    assert sorted(found) == [f"Millers camera 2026-11-20 {hour:02}.00.00.jpg" for hour in range(6, 13)]
    hashes = [hashlib.sha256(image).hexdigest() for image in found.values()]
    assert sorted(hashes) == sorted(hashlib.sha256(image).hexdigest() for image in owner.objects.values())
    assert found["Millers camera 2026-11-20 12.00.00.jpg"] == next(iter(owner.objects.values()))
    made.get_by_role("button", name="Close").click()
    expect(made).to_be_hidden()
    # Nothing of it stays in the browser's files when the viewer leaves.
    assert len(page.evaluate(FILES)) == 1
    page.get_by_role("button", name="You:").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate(FILES) == []


def hold(page: Page) -> None:
    """Let no picture come until the route is taken away."""
    page.route(OBJECTS, lambda _: None)


def test_a_download_shows_how_far_it_is_and_is_given_up(visit: Any, owner: Owner) -> None:
    someone = visit()
    page = someone.sign_in(owner.account, "/gallery")
    choose_all(page, FRAMES)
    downloads: list[str] = []
    page.on("download", lambda download: downloads.append(download.url))
    hold(page)
    with page.expect_request(OBJECTS):
        page.get_by_role("button", name="Download as ZIP").click()
    made = dialog(page, "Download as ZIP")
    expect(made.get_by_role("progressbar")).to_be_visible()
    expect(made.get_by_text("0 of 7 pictures")).to_be_visible()
    assert someone.violations() == []
    with page.expect_event("requestfailed", lambda request: OBJECTS.search(request.url) is not None):
        made.get_by_role("button", name="Cancel").click()
    expect(made).to_be_hidden()
    page.unroute(OBJECTS)
    assert downloads == []
    # What was chosen still is.
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == FRAMES


def test_a_download_that_fails_says_so_and_is_tried_again(visit: Any, owner: Owner) -> None:
    someone = visit()
    someone.expected = ("503",)
    page = someone.sign_in(owner.account, "/gallery")
    choose_all(page, FRAMES)
    page.route(OBJECTS, lambda route: route.fulfill(status=503, body="later"))
    page.get_by_role("button", name="Download as ZIP").click()
    made = dialog(page, "Download as ZIP")
    expect(made.get_by_role("alert")).to_contain_text("503")
    assert someone.violations() == []
    page.unroute(OBJECTS)
    with page.expect_download() as download:
        made.get_by_role("button", name="Try again").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert len(archive.namelist()) == FRAMES


def frames(path: Path) -> list[tuple[float, bool]]:
    """Return the time of each frame, and whether it is red rather than blue."""
    found = []
    with av.open(io.BytesIO(path.read_bytes()), mode="r") as film:
        for frame in film.decode(video=0):
            image = Image.fromarray(frame.to_ndarray(format="rgb24"))
            red, _, blue = ImageStat.Stat(image).mean
            found.append((float(frame.time or 0), red > blue))
    return found


def test_a_film_of_a_device_and_its_days_is_made_in_the_browser(visit: Any, owner: Owner) -> None:
    someone = visit()
    page = someone.sign_in(owner.account, "/gallery")
    page.get_by_role("button", name="Film").click()
    made = dialog(page, "Film")
    expect(made.get_by_text("A film is of one device: choose it.")).to_be_visible()
    expect(made.get_by_role("button", name="Make the film")).to_be_disabled()
    assert someone.violations() == []
    made.get_by_label("Device", exact=True).select_option(owner.device)
    expect(page).to_have_url(re.compile(f"[?&]device=[^&]*{owner.device}"))
    expect(page).to_have_url(re.compile("[?&]film=2026-11-14_2026-11-20"))
    made.get_by_label("From").fill("2026-11-20")
    expect(page).to_have_url(re.compile("film=2026-11-20_2026-11-20"))
    page.reload()
    expect(made.get_by_text("Of 7 pictures; partial ones are left out.")).to_be_visible()
    made.get_by_label("Pictures a second").select_option("6 a second")
    made.get_by_role("button", name="Make the film").click()
    expect(made.get_by_text(re.compile("^7 pictures, "))).to_be_visible()
    expect(made.locator("video")).to_have_js_property("videoWidth", 64)
    assert someone.violations() == []
    with page.expect_download() as download:
        made.get_by_role("link", name="Save").click()
    assert download.value.suggested_filename == "time-lapse.mp4"
    shown = frames(download.value.path())
    assert [round(at * 6) for at, _ in shown] == list(range(FRAMES))
    # The oldest come first.
    assert [is_red for _, is_red in shown] == [True] * 4 + [False] * 3
    made.get_by_role("button", name="Close").click()
    expect(page).not_to_have_url(re.compile("film="))


def test_a_film_of_chosen_pictures_is_given_up_and_made_anew(visit: Any, owner: Owner) -> None:
    page = visit().sign_in(owner.account, "/gallery")
    expect(page.locator("[data-id]")).to_have_count(FRAMES)
    page.get_by_role("button", name="Select").click()
    for tile in page.locator("[data-id]").all()[:3]:
        tile.click()
    chosen = page.get_by_role("region", name="Selected pictures")
    chosen.get_by_role("button", name="Film").click()
    made = dialog(page, "Film")
    hold(page)
    with page.expect_request(OBJECTS):
        made.get_by_role("button", name="Make the film").click()
    expect(made.get_by_text("0 of 3 pictures")).to_be_visible()
    made.get_by_role("button", name="Cancel").click()
    page.unroute(OBJECTS)
    made.get_by_label("Device, date and time in the picture").uncheck()
    made.get_by_role("button", name="Make the film").click()
    expect(made.get_by_text(re.compile("^3 pictures, "))).to_be_visible()
    with page.expect_download() as download:
        made.get_by_role("link", name="Save").click()
    assert len(frames(download.value.path())) == 3


def test_a_browser_without_an_encoder_is_told_so_and_shown_the_way(visit: Any, owner: Owner) -> None:
    someone = visit()
    someone.page.add_init_script("delete globalThis.VideoEncoder")
    page = someone.sign_in(owner.account, f"/gallery?device={owner.device}&film=2026-11-20_2026-11-20")
    made = dialog(page, "Film")
    expect(made.get_by_text("This browser cannot make films")).to_be_visible()
    assert someone.violations() == []
    made.get_by_role("link", name="To the time-lapses of the service").click()
    expect(page.get_by_role("heading", name="Time-lapses")).to_be_visible()
