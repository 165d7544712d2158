"""The gallery: days, filters, keys, a picture closely, and pictures that arrive while it is open."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from gallery_owner import NOON, Owner
from playwright.sync_api import Page, expect

from local.company import join
from local.stack import Stack

PICTURES = "[data-id]"


@pytest.fixture(scope="module")
def owner(stack: Stack) -> Owner:
    """600 pictures of ten days, and two that are not like the others."""
    owner = Owner(stack, "Gardeners")
    owner.take(*(NOON - timedelta(minutes=24 * n) for n in range(600)))
    owner.take(
        NOON - timedelta(hours=3, minutes=1), ingest_status="failed", storage_path=None, error_code=2201
    )
    owner.take(NOON - timedelta(hours=4, minutes=1), health="blurred", health_reason="It is not sharp.")
    return owner


def tiles(page: Page) -> Any:
    return page.locator(PICTURES)


def test_pictures_stand_by_day_and_few_of_them_in_the_page(visit: Any, owner: Owner) -> None:
    someone = visit()
    page = someone.sign_in(owner.account, "/gallery")
    expect(page.get_by_text("601 pictures")).to_be_visible()
    expect(page.get_by_role("heading", name="Friday, 20 November 2026")).to_be_visible()
    expect(page.get_by_role("button", name="Gardeners camera 20 Nov 2026 12:00")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500
    assert someone.violations() == []
    # A jump to a day, which then stands in the address: a reload shows it again.
    page.get_by_label("Go to a day").fill("2026-11-13")
    expect(page.get_by_role("button", name="13 Nov 2026").first).to_be_visible()
    expect(page).to_have_url(re.compile("day=2026-11-13"))
    page.reload()
    expect(page.get_by_role("button", name="13 Nov 2026").first).to_be_visible()
    expect(page.get_by_role("button", name="20 Nov 2026")).to_have_count(0)
    page.get_by_role("slider", name="Day").press("Home")
    expect(page.get_by_role("button", name="20 Nov 2026").first).to_be_visible()


def test_filters_stand_in_the_address(visit: Any, owner: Owner) -> None:
    page = visit().sign_in(owner.account, "/gallery")
    page.get_by_label("Health").select_option("odd")
    expect(tiles(page)).to_have_count(1)
    expect(page.get_by_role("button", name="Blurred")).to_be_visible()
    page.reload()
    expect(tiles(page)).to_have_count(1)
    page.get_by_label("Kind").select_option("failed")
    expect(page.get_by_role("heading", name="No picture fits")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Clear filters").last.click()
    expect(page.get_by_text("601 pictures")).to_be_visible()
    page.get_by_label("Kind").select_option("failed")
    expect(page.get_by_role("button", name="Failed")).to_be_visible()
    page.get_by_label("Kind").select_option("")
    page.keyboard.press("Escape")
    page.locator("body").press("/")
    page.keyboard.type("nobody")
    expect(page.get_by_role("heading", name="No picture fits")).to_be_visible()
    assert "search=nobody" in page.url


def test_a_picture_closely_and_the_keys(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Orchardists")
    older = owner.take_one(NOON - timedelta(days=1))
    newer = owner.take_one(NOON, image_sha256="ab" * 32)
    owner.measure(newer, temperature_c=21.5)
    someone = visit()
    page = someone.sign_in(owner.account, "/gallery")
    expect(tiles(page)).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("End")
    expect(page.locator(f"[data-id='{older}']")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator(f"[data-id='{newer}']")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="About this picture")
    expect(dialog.get_by_text("21.5")).to_be_visible()
    expect(dialog.get_by_text("ab" * 32)).to_be_visible()
    expect(dialog.get_by_role("img", name="Orchardists camera")).to_be_visible()
    assert someone.violations() == []
    page.keyboard.press("+")
    expect(dialog.locator("[data-zoomed=true]")).to_be_visible()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(older))
    expect(dialog.locator("[data-zoomed=false]")).to_be_visible()
    # A link shows the same.
    page.reload()
    expect(dialog.get_by_text("19 Nov 2026, 12:00")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "110000.jpg"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert someone.violations() == []


def test_a_picture_arrives_at_its_own_company_alone_while_the_gallery_is_open(
    visit: Any, stack: Stack, owner: Owner
) -> None:
    other = Owner(stack, "Neighbours")
    there_visitor = visit()
    here = visit().sign_in(owner.account, "/gallery")
    there = there_visitor.sign_in(other.account, "/gallery")
    expect(here.get_by_text("601 pictures")).to_be_visible()
    expect(there.get_by_role("heading", name="No picture yet")).to_be_visible()
    here.evaluate("window.mark = 'the same page'")
    capture = other.take_one(NOON + timedelta(hours=2))
    expect(there.locator(f"[data-id='{capture}'] img")).to_be_visible()
    mine = owner.take_one(NOON + timedelta(hours=3))
    expect(here.locator(f"[data-id='{mine}'] img")).to_be_visible()
    expect(here.get_by_text("602 pictures")).to_be_visible()
    assert here.evaluate("window.mark") == "the same page"
    expect(here.locator(f"[data-id='{capture}']")).to_have_count(0)
    expect(there.locator(f"[data-id='{mine}']")).to_have_count(0)
    there_visitor.expected = ("404",)
    there.goto(f"/gallery?picture={mine}")
    expect(there.get_by_role("alert")).to_contain_text("belongs to another company")


def test_pictures_are_pinned_and_deleted_by_those_who_may(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Beekeepers")
    first, second, third = (owner.take_one(NOON - timedelta(hours=n)) for n in range(3))
    viewer = visit().sign_in(
        join(stack, owner.account, f"{uuid.uuid4().hex}@fleet.test", "viewer"), "/gallery"
    )
    expect(tiles(viewer)).to_have_count(3)
    viewer.get_by_role("button", name="Select").click()
    viewer.locator(f"[data-id='{first}']").click()
    chosen = viewer.get_by_role("region", name="Selected pictures")
    expect(chosen.get_by_text("1 picture")).to_be_visible()
    for name in ("Pin", "Delete"):
        expect(chosen.get_by_role("button", name=name)).to_have_count(0)
    someone = visit()
    page = someone.sign_in(owner.account, "/gallery")
    page.get_by_role("button", name="Select").click()
    for capture in (first, second):
        page.locator(f"[data-id='{capture}']").click()
    expect(page.get_by_role("region", name="Selected pictures").get_by_text("2 pictures")).to_be_visible()
    assert someone.violations() == []
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.get_by_role("button", name="Pinned")).to_have_count(2)
    page.locator(f"[data-id='{third}']").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").get_by_text("1 picture will be deleted")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.locator(f"[data-id='{third}']").focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    expect(page.locator(f"[data-id='{third}']")).to_be_focused()
    page.keyboard.press("Delete")
    expect(tiles(page)).to_have_count(2)
    states = {row["capture_id"]: row["ingest_status"] for row in owner.account.rows("captures")}
    assert states == {first: "stored", second: "stored", third: "expired"}


def test_a_picture_that_is_scrolled_past_is_loaded_no_further(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Hurried")
    owner.take_one(NOON)
    owner.take(*(NOON - timedelta(hours=1 + n) for n in range(200)))
    someone = visit()
    # Nobody answers these.
    someone.page.route("**/thumbnails/**", lambda _: None)
    with someone.page.expect_request(re.compile("/thumbnails/")):
        page = someone.sign_in(owner.account, "/gallery")
    with page.expect_event("requestfailed", lambda request: "/thumbnails/" in request.url):
        page.get_by_role("slider", name="Day").press("End")


_HURRY = """() => new Promise((done) => {
  const list = document.querySelector('[data-testid=pictures]')
  const step = () => {
    list.scrollTop += list.clientHeight / 10
    list.scrollTop < 4 * list.clientHeight ? requestAnimationFrame(step) : done()
  }
  step()
})"""
# Pictures in the middle of the list that have come.
_COME = """() => [...document.querySelectorAll('[data-id]')].filter((tile) => {
  const top = tile.getBoundingClientRect().top
  return top > 200 && top < 600 && tile.querySelector('img')?.naturalWidth > 0
}).length > 4"""


def test_after_a_fast_scroll_the_pictures_in_sight_come(visit: Any, stack: Stack) -> None:
    owner = Owner(stack, "Skimmers")
    for number in range(250):
        owner.take_one(NOON - timedelta(hours=number))
    page = visit().sign_in(owner.account, "/gallery")
    page.wait_for_function(_COME)
    page.evaluate(_HURRY)
    page.wait_for_function(_COME)
