"""A picture closely: how it came, beside another one, at the same hour of other days, asked for again."""

import io
import re
from datetime import timedelta
from typing import Any

from gallery_owner import NOON, Owner
from pages import Visitor, address
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from local.company import join
from local.stack import Stack

RED, BLUE = (200, 30, 30), (30, 30, 200)
STORY = {
    "at": int(NOON.timestamp() * 1000),
    "metadata": 0,
    "chunks": [100, 17_000],
    "gaps": [[4_000, 3_200, 20, 37]],
    "events": [[14_000, "asked", 16, 16, "21-36"], [14_100, "answered"]],
    "ack": [17_300, 1],
}


def closely(page: Page) -> Locator:
    return page.get_by_role("dialog", name="About this picture")


def test_a_picture_tells_how_it_came_in_both_languages(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Foresters")
    capture = owner.take_one(
        NOON, total_chunks=65, story=STORY, stored_at=(NOON + timedelta(seconds=17)).isoformat()
    )
    someone = visit()
    page = someone.sign_in(owner.account, f"/gallery?picture={capture}")
    dialog = closely(page)
    expect(dialog.get_by_text("Its 65 chunks came from 12:00:00 to 12:00:17, in 17 s.")).to_be_visible()
    expect(dialog.get_by_text("16 of 65 chunks were lost in one gap of 3.2 s at 12:00:04.")).to_be_visible()
    steps = dialog.get_by_role("list").last.get_by_role("listitem")
    expect(steps).to_contain_text([
        "12:00:00Its metadata came", "12:00:00The first chunk came", "12:00:04No chunk came for 3.2 s, after chunk 20",
        "12:00:14The service asked for 16 missing chunks", "The device answered", "The last chunk came", "It was stored",
        "The device was told that it may delete it, once",
    ])  # fmt: skip
    assert someone.violations() == []
    german = visit(language="de").sign_in(owner.account, f"/gallery?picture={capture}")
    expect(german.get_by_text("Seine 65 Stücke kamen von 12:00:00 bis 12:00:17, in 17 s.")).to_be_visible()
    expect(german.get_by_text("Der Dienst verlangte 16 fehlende Stücke")).to_be_visible()


def shade(page: Page, share: float) -> tuple[int, int, int]:
    """Return the colour of the stage, at this share of its width."""
    box = page.get_by_role("slider", name="Where the two pictures meet").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * share, box["y"] + box["height"] / 4
    shot = page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    ((red, _), (green, _), (blue, _)) = Image.open(io.BytesIO(shot)).convert("RGB").getextrema()
    return red, green, blue


def is_red(colour: tuple[int, int, int]) -> bool:
    return colour[0] > 2 * colour[2]


def is_blue(colour: tuple[int, int, int]) -> bool:
    return colour[2] > 2 * colour[0]


def test_two_pictures_are_compared_with_a_slider_that_the_keyboard_moves(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Wardens")
    newer, older = owner.take_one(NOON, BLUE), owner.take_one(NOON - timedelta(days=1), RED)
    owner.take_one(NOON - timedelta(hours=5))
    someone = visit()
    page = someone.sign_in(owner.account, f"/gallery?picture={newer}")
    dialog = closely(page)
    expect(dialog.get_by_role("heading", name="Wardens camera")).to_be_visible()
    # The day before at this hour, without being told which.
    page.keyboard.press("c")
    slider = dialog.get_by_role("slider", name="Where the two pictures meet")
    expect(slider).to_be_focused()
    expect(page).to_have_url(re.compile(f"with={older}"))
    expect(dialog.get_by_role("img", name="Wardens camera, 19 Nov 2026, 12:00")).to_be_visible()
    expect(dialog.get_by_role("img", name="Wardens camera, 20 Nov 2026, 12:00")).to_be_visible()
    assert someone.violations() == []
    page.reload()
    expect(slider).to_be_focused()
    expect(dialog.get_by_role("img", name="Wardens camera, 20 Nov 2026, 12:00")).to_be_visible()
    assert is_red(shade(page, 0.45))
    assert is_blue(shade(page, 0.55))
    slider.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", "0% of the older one")
    assert is_blue(shade(page, 0.45))
    slider.press("End")
    assert is_red(shade(page, 0.55))
    slider.press("ArrowLeft")
    expect(slider).to_have_value("99")
    # Escape leaves the comparison first, then the picture.
    page.keyboard.press("Escape")
    expect(slider).to_have_count(0)
    expect(page).not_to_have_url(re.compile("with="))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert "picture=" not in page.url
    assert "same=" not in page.url


def test_the_same_hour_of_other_days_and_weeks_stands_in_the_address(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Rangers")
    owner.account.call("update_device", p_device=owner.device, p_changes={"timezone": "Europe/Berlin"})
    captures = [owner.take_one(NOON - timedelta(days=n, minutes=n)) for n in range(8)]
    owner.take_one(NOON - timedelta(hours=6))
    someone = visit()
    page = someone.sign_in(owner.account, f"/gallery?picture={captures[0]}")
    closely(page).get_by_role("button", name="Same hour").click()
    strip = closely(page).get_by_role("region", name="Same hour").get_by_role("listitem")
    expect(strip).to_have_count(8)
    expect(strip.first).to_contain_text("13 Nov 2026")
    assert someone.violations() == []
    closely(page).get_by_role("button", name="Week by week").click()
    expect(strip).to_have_count(2)
    expect(page).to_have_url(re.compile("same=week"))
    page.reload()
    expect(strip).to_have_count(2)
    strip.first.get_by_role("button").click()
    expect(page).to_have_url(re.compile(f"picture={captures[7]}"))
    expect(closely(page).get_by_role("complementary").get_by_text("13 Nov 2026")).to_be_visible()
    # While two are compared, the strip chooses the other one.
    closely(page).get_by_role("button", name="Day by day").click()
    page.keyboard.press("c")
    expect(closely(page).get_by_role("slider")).to_be_visible()
    strip.nth(3).get_by_role("button").click()
    expect(page).to_have_url(re.compile(f"with={captures[4]}"))
    expect(page).to_have_url(re.compile(f"picture={captures[7]}"))


def test_a_partial_picture_is_asked_for_again_from_where_it_is_shown(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Shepherds")
    partial = owner.take_one(
        NOON, RED, ingest_status="partial", error_code=2201, partial_rows=30, height=48, width=64
    )
    (failed,) = owner.take(
        NOON - timedelta(hours=1), ingest_status="failed", storage_path=None, error_code=2201
    )
    (camera,) = owner.take(
        NOON - timedelta(hours=2), ingest_status="failed", storage_path=None, error_code=1002
    )
    viewer = visit().sign_in(join(stack, owner.account, address(), "viewer"), f"/gallery?picture={partial}")
    expect(closely(viewer).get_by_text("The upper 63% of it came")).to_be_visible()
    expect(viewer.get_by_role("button", name="Ask again")).to_have_count(0)
    someone: Visitor = visit()
    page = someone.sign_in(owner.account, "/gallery?status=all")
    tile = page.locator(f"[data-id='{partial}']")
    expect(tile).to_contain_text("Partial, 63%")
    tile.click()
    closely(page).get_by_role("button", name="Ask again").click()
    fate = closely(page).get_by_role("status")
    expect(fate).to_have_text("Goes out when it wakes next")
    expect(closely(page).get_by_role("button", name="Ask again")).to_have_count(0)
    assert someone.violations() == []
    page.keyboard.press("Escape")
    expect(tile).to_contain_text("Asked for again")
    # Several at once: one is asked for already, and of another the camera has told that it never took it.
    page.get_by_role("button", name="Select").click()
    for capture in (partial, failed, camera):
        page.locator(f"[data-id='{capture}']").click()
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator(f"[data-id='{failed}']")).to_contain_text("Asked for again")
    asked = owner.account.rows("device_commands", select="type,payload")
    assert sorted(command["payload"]["image_name"] for command in asked) == ["100000.jpg", "110000.jpg"]
    # It comes: the tile and the picture say so by themselves.
    tile.click()
    whole = {"ingest_status": "stored", "stored_at": "now", "partial_rows": None, "error_code": None}
    owner.change("captures", whole, capture_id=partial)
    done = {"status": "done", "capture_id": partial}
    owner.change("device_commands", done, **{"payload->>image_name": "110000.jpg"})
    expect(fate).to_contain_text("The picture came, taken")
    page.keyboard.press("Escape")
    expect(tile).not_to_contain_text("Partial")
