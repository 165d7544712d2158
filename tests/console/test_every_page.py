"""Every page on a phone and wide, light and dark: axe finds nothing, nothing is wider than the window, nothing complains."""

import uuid

import pytest
from pages import address
from playwright.sync_api import expect

from local.company import claim, found_company

DEVICE = uuid.uuid4().hex[:12].upper()
# The address of each page, and its heading in English.
PAGES = {
    "/": "Overview",
    "/devices": "Devices",
    "/gallery": "Gallery",
    "/trends": "Trends",
    "/report": "Report",
    "/alerts": "Alerts",
    "/alerts/rules": "Rules",
    "/alerts/channels": "Channels",
    "/alerts/maintenance": "Maintenance",
    "/keeping": "Keeping",
    "/keeping/pins": "Pinned",
    "/keeping/timelapses": "Time-lapses",
    "/people": "People",
    "/people/sites": "Sites",
    "/people/devices": "Claiming",
    "/people/log": "Changes",
}
WITHOUT_A_SESSION = {
    "/sign-in": "Sign in",
    "/reset": "A new password",
    "/join": "Accept an invitation",
}
LOOKS = [(phone, scheme) for phone in (False, True) for scheme in ("light", "dark")]


def account(stack, name):
    return found_company(stack, name, address())


@pytest.fixture(scope="module")
def owner(stack):
    owner = account(stack, "Greenhouse Ltd")
    claim(stack, owner, DEVICE, "North bed")
    return owner


@pytest.fixture(scope="module")
def beginner(stack):
    """The admin of a company that has nothing yet."""
    return account(stack, "Orchard Ltd")


def _held_to(someone, pages):
    page = someone.page
    for path, heading in pages.items():
        page.goto(path)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(page.get_by_role("status", name="Loading…")).to_have_count(0)
        assert someone.violations() == [], path
        assert someone.overflow() == 0, path


@pytest.mark.parametrize(("phone", "scheme"), LOOKS)
def test_pages_for_those_who_are_not_signed_in(visit, phone, scheme):
    _held_to(visit(phone=phone, scheme=scheme), WITHOUT_A_SESSION)


@pytest.mark.parametrize(("phone", "scheme"), LOOKS)
@pytest.mark.parametrize("who", ["owner", "beginner"])
def test_pages_with_little_and_with_nothing(visit, request, who, phone, scheme):
    someone = visit(phone=phone, scheme=scheme)
    someone.sign_in(request.getfixturevalue(who))
    heading = {"owner": "North bed", "beginner": DEVICE}[who]
    _held_to(someone, PAGES | dict.fromkeys((f"/devices/{DEVICE}", f"/devices/{DEVICE}/settings"), heading))


def test_the_user_menu(visit, owner):
    for phone, scheme in LOOKS:
        someone = visit(phone=phone, scheme=scheme)
        page = someone.sign_in(owner)
        page.get_by_role("button", name="You:").click()
        expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
        assert someone.violations() == []


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        (
            "/devices?site=------------------------------------&search=%22%5Cu0000%22&tag=%22%5Cud800%22",
            "North bed",
        ),
        ("/devices/no%20id", "There is no such device"),
        ("/devices/no%20id/settings", "There is no such device"),
        ("/devices/DEVICE?from=%2B200000-01-01&to=%2B200000-01-02", "North bed"),
        ("/alerts?site=------------------------------------&device=%22%5Cu0000%22", "Nothing is wrong"),
        ("/alerts/channels?deliveries=none", "Channels"),
        ("/people/log?device=%22%5Cu0000%22", "Changes"),
        ("/report?from=0000-01-01&to=0000-01-02", "Report"),
        ("/trends?from=0000-01-01&to=0000-01-02", "Trends"),
    ],
)
def test_an_address_of_rubbish_is_answered_and_asks_the_database_nothing_that_it_refuses(
    visit, owner, path, heading
):
    page = visit().sign_in(owner, path.replace("DEVICE", DEVICE))
    expect(page.locator("#content").get_by_text(heading, exact=True).first).to_be_visible()
    expect(page.get_by_role("status", name="Loading…")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
