"""The page of a device's settings: what is said of it, its connection, who changed what; and what roles may do there."""

import re
import uuid

import pytest
from playwright.sync_api import expect
from written import notes_on

from local.company import claim


@pytest.fixture(scope="module")
def device(stack, admin) -> str:
    name = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, name, "North bed")
    return name


def test_what_is_said_of_a_device_is_changed_and_the_change_is_told(visit, stack, admin, operator, device):
    page = visit().sign_in(operator, "/people/sites")
    page.get_by_role("button", name="Add a site").click()
    page.get_by_role("dialog").get_by_label("Name").fill("South field")
    page.get_by_role("dialog").get_by_role("button", name="Add a site").click()
    expect(page.get_by_role("listitem").filter(has_text="South field")).to_be_visible()

    page.goto(f"/devices/{device}")
    page.get_by_role("link", name="Settings and checks").click()
    about = page.get_by_role("region", name="About it")
    save = about.get_by_role("button", name="Save")
    expect(save).to_be_disabled()
    about.get_by_label("Name").fill("North bed, left")
    about.get_by_label("Site").select_option("South field")
    about.get_by_label("Tags").fill("roses, " + "x" * 41)
    expect(about.get_by_text("Twenty tags at most")).to_be_visible()
    expect(save).to_be_disabled()
    about.get_by_label("Tags").fill("roses, south")
    # What somebody else changes while one types, stays.
    admin.call("update_device", p_device=device, p_changes={"location": "By the door"})
    save.click()
    expect(about.get_by_text("Saved.")).to_be_visible()
    expect(about.get_by_label("Place")).to_have_value("By the door")
    expect(page.get_by_role("heading", name="North bed, left")).to_be_visible()
    (row,) = admin.rows("devices", device_id=f"eq.{device}", select="name,tags,location")
    assert row == {"name": "North bed, left", "tags": ["roses", "south"], "location": "By the door"}
    # The log is for admins: operators are not offered it.
    expect(page.get_by_role("heading", name="Connection")).to_be_visible()
    expect(page.get_by_role("heading", name="What was changed")).to_have_count(0)

    page = visit().sign_in(admin, f"/devices/{device}/settings")
    changes = page.get_by_role("list", name="What was changed").get_by_role("listitem")
    for words in (
        "Device: changed",
        operator.email,
        "name: North bed → North bed, left",
        "site: – → South field",
        "tags: – → roses, south",
    ):
        expect(changes.nth(0)).to_contain_text(words)
    expect(changes.nth(1)).to_contain_text("place: – → By the door")
    page.get_by_role("link", name="All changes").click()
    expect(page).to_have_url(re.compile(f"device={device}"))
    expect(page.get_by_text(f"Of {device} alone")).to_be_visible()
    rows = page.get_by_role("list", name="Changes").get_by_role("listitem")
    expect(rows.filter(has_text="Site: added")).to_have_count(0)
    page.get_by_role("button", name="Of everything").click()
    expect(rows.filter(has_text="Site: added")).to_have_count(1)


def test_a_session_that_ends_while_one_types_loses_nothing(visit, admin, device):
    someone = visit()
    with someone.page.expect_request(lambda request: "sign_in_again" in request.url):
        page = someone.sign_in(admin, f"/devices/{device}/settings")
    page.get_by_label("Notes").fill("Watered by hand in August.")
    page.wait_for_load_state("networkidle")
    someone.end_session()
    # A version that was put in place meanwhile has other files.
    page.route("**/assets/**", lambda route: route.abort())
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    expect(page.get_by_label("Notes")).to_have_value("Watered by hand in August.")
    someone.sign_in_again(admin)
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert notes_on(admin, device) == "Watered by hand in August."


def test_a_viewer_reads_it_in_german_and_is_offered_nothing(visit, viewer, device):
    page = visit(language="de").sign_in(viewer, f"/devices/{device}/settings")
    expect(page.get_by_role("heading", name="Angaben")).to_be_visible()
    expect(page.get_by_text("Erst ab fünf lässt sich etwas sagen.")).to_be_visible()
    assert page.locator("#content").get_by_role("textbox").count() == 0
    assert page.locator("#content").get_by_role("button").count() == 0


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_look(visit, admin, device, phone, scheme):
    someone = visit(phone=phone, scheme=scheme)
    page = someone.sign_in(admin, f"/devices/{device}/settings")
    expect(page.get_by_role("heading", name="What was changed")).to_be_visible()
    page.get_by_label("Tags").fill("x" * 41)
    expect(page.get_by_text("Twenty tags at most")).to_be_visible()
    assert someone.violations() == []
    assert someone.overflow() == 0
