"""What was typed and not saved: whoever leaves is asked, whoever stays has it still."""

import re
import uuid

import pytest
from playwright.sync_api import Dialog, Page, expect
from written import notes_on

from local.company import claim

NOTES = "Repotted, and moved away from the window."


@pytest.fixture(scope="module")
def device(stack, admin) -> str:
    name = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, name, "Window sill")
    return name


def question(page: Page):
    return page.get_by_role("dialog", name="Leave without saving?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
def test_who_leaves_settings_is_asked_and_stays_or_leaves(visit, admin, device, phone, scheme):
    someone = visit(phone=phone, scheme=scheme)
    page = someone.sign_in(admin, f"/devices/{device}/settings")
    page.get_by_label("Notes").fill(NOTES)
    page.get_by_role("link", name="Alerts").first.click()
    expect(question(page)).to_be_visible()
    assert someone.violations() == []
    assert someone.overflow() == 0
    question(page).get_by_role("button", name="Stay").click()
    expect(question(page)).to_be_hidden()
    expect(page.get_by_label("Notes")).to_have_value(NOTES)
    page.get_by_role("link", name="Alerts").first.click()
    question(page).get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()
    assert notes_on(admin, device) is None


def test_who_has_saved_or_taken_it_back_is_not_asked(visit, admin, device):
    page = visit().sign_in(admin, f"/devices/{device}/settings")
    page.get_by_label("Place").fill("By the door")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("link", name="Devices").click()
    page.get_by_role("link", name="Window sill").click()
    page.get_by_role("link", name="Settings and checks").click()
    page.get_by_label("Place").fill("In the corner")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("link", name="Alerts").first.click()
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()


def test_who_leaves_a_schedule_is_asked_but_not_for_another_range(visit, admin, device):
    page = visit().sign_in(admin, f"/devices/{device}")
    page.get_by_role("button", name="Change").click()
    page.get_by_text("At times", exact=True).click()
    page.get_by_label("Time 1").fill("05:15")
    page.get_by_text("24 hours", exact=True).click()
    expect(page).to_have_url(re.compile("range=24h"))
    page.get_by_role("link", name="Settings and checks").click()
    question(page).get_by_role("button", name="Stay").click()
    expect(page.get_by_label("Time 1")).to_have_value("05:15")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("link", name="Settings and checks").click()
    expect(page.get_by_label("Notes")).to_be_visible()


def test_a_dialog_with_something_typed_closes_by_its_buttons_alone(visit, admin, device):
    page = visit().sign_in(admin, "/alerts")
    page.get_by_role("link", name="Maintenance").click()
    page.get_by_role("button", name="Plan maintenance").click()
    dialog = page.get_by_role("dialog", name="Plan maintenance")
    dialog.get_by_label("Why").fill("New router")
    page.keyboard.press("Escape")
    page.mouse.click(5, 5)
    page.go_back()
    question(page).get_by_role("button", name="Stay").click()
    expect(dialog.get_by_label("Why")).to_have_value("New router")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    page.go_back()
    expect(page.get_by_role("heading", name="Nothing is wrong")).to_be_visible()


def test_of_a_tab_that_is_closed_the_browser_asks(visit, admin, device):
    page = visit().sign_in(admin, f"/devices/{device}/settings")
    page.get_by_label("Notes").fill(NOTES)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    expect(page.get_by_label("Notes")).to_have_value(NOTES)
    page.get_by_role("button", name="Undo").click()
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]


def test_who_signs_out_is_asked_once(visit, admin, device):
    page = visit().sign_in(admin, f"/devices/{device}/settings")
    asked: list[str] = []

    def note(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", note)
    page.get_by_label("Notes").fill(NOTES)
    page.get_by_role("button", name="You:").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    question(page).get_by_role("button", name="Stay").click()
    expect(question(page)).to_be_hidden()
    expect(page.get_by_label("Notes")).to_have_value(NOTES)
    page.get_by_role("button", name="You:").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    question(page).get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert asked == []


def test_a_code_that_was_typed_is_asked_for(visit, admin):
    page = visit().sign_in(admin, "/people/devices")
    page.get_by_label("Code", exact=True).fill("0123-4567")
    page.get_by_role("link", name="Sites").click()
    question(page).get_by_role("button", name="Stay").click()
    expect(page.get_by_label("Code", exact=True)).to_have_value("0123-4567")


def test_what_was_typed_for_one_device_is_nothing_to_another(visit, stack, admin, device):
    other = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, other, "Flower box")
    page = visit().sign_in(admin, f"/devices/{other}")
    page.get_by_role("link", name="Devices").click()
    page.get_by_role("link", name="Window sill").click()
    page.get_by_role("button", name="Change").click()
    page.get_by_text("At times", exact=True).click()
    page.get_by_label("Time 1").fill("05:15")
    page.evaluate("history.go(-2)")
    question(page).get_by_role("button", name="Leave").click()
    expect(page.get_by_role("heading", name="Flower box")).to_be_visible()
    expect(page.get_by_role("button", name="Change")).to_be_visible()
    expect(page.get_by_label("Time 1")).to_have_count(0)
