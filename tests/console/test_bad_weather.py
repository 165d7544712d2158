"""Supabase slow and failing, and the network cut and back, in the middle of work: nothing that was typed is lost."""

import uuid

import pytest
from pages import hold
from playwright.sync_api import Route, expect
from written import notes_on

from local.company import claim


@pytest.fixture(scope="module")
def device(stack, admin) -> str:
    name = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, name, "Weather vane")
    return name


def test_while_a_slow_answer_is_awaited_one_sees_that_and_goes_elsewhere(visit, admin, device):
    page = visit().sign_in(admin, "/devices")
    expect(page.get_by_role("link", name="Weather vane")).to_be_visible()
    held: list[Route] = []
    slow = True

    def wait(route: Route) -> None:
        if slow:
            held.append(route)
        else:
            route.continue_()

    page.route("**/rest/v1/rpc/console_alerts*", wait)
    page.get_by_role("link", name="Alerts").click()
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()
    expect(page.get_by_role("status", name="Loading…").first).to_be_visible()
    # Nobody has to wait for it.
    page.get_by_role("link", name="Devices").click()
    expect(page.get_by_role("link", name="Weather vane")).to_be_visible()
    page.get_by_role("link", name="Alerts").click()
    slow = False
    for route in held:
        route.continue_()
    expect(page.get_by_role("heading", name="Nothing is wrong")).to_be_visible()


def test_what_could_not_be_saved_is_said_and_saved_at_the_next_try(visit, admin, device):
    someone = visit()
    someone.expected = ("503",)
    page = someone.sign_in(admin, f"/devices/{device}/settings")
    page.get_by_label("Notes").fill("Oiled in spring")
    page.route("**/rest/v1/rpc/update_device", lambda route: route.fulfill(status=503, body="busy"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot answer now")
    expect(page.get_by_label("Notes")).to_have_value("Oiled in spring")
    assert notes_on(admin, device) != "Oiled in spring"
    page.unroute("**/rest/v1/rpc/update_device")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert notes_on(admin, device) == "Oiled in spring"


def test_a_cable_that_is_cut_while_one_saves_only_delays_it(visit, admin, device):
    someone = visit()
    someone.expected = ("ERR_INTERNET_DISCONNECTED",)
    page = someone.sign_in(admin, f"/devices/{device}/settings")
    page.get_by_label("Notes").fill("Painted in autumn")
    someone.context.set_offline(True)
    expect(page.get_by_text("No connection.")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Notes")).to_have_value("Painted in autumn")
    assert notes_on(admin, device) != "Painted in autumn"
    someone.context.set_offline(False)
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert notes_on(admin, device) == "Painted in autumn"


def test_what_is_typed_while_the_answer_is_awaited_stays(visit, admin, device):
    page = visit().sign_in(admin, f"/devices/{device}/settings")
    held = hold(page, "**/rest/v1/rpc/update_device")
    notes = page.get_by_label("Notes")
    notes.fill("Moved to the barn")
    with page.expect_request("**/rest/v1/rpc/update_device"):
        page.get_by_role("button", name="Save").click()
    page.get_by_label("Place").fill("On the gable")
    (route,) = held
    with page.expect_response("**/rest/v1/rpc/console_device"):
        route.continue_()
    expect(page.get_by_role("button", name="Save")).to_be_enabled()
    expect(page.get_by_label("Place")).to_have_value("On the gable")
    expect(notes).to_have_value("Moved to the barn")
    assert notes_on(admin, device) == "Moved to the barn"
