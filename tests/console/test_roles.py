"""What each role is offered on each page. That the database refuses the rest is tried in tests/sql/test_sql_walk.py, of
every function and table, with each role and with another company."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from pages import address
from playwright.sync_api import Page, expect

from local.company import claim, found_company, service

DEVICE = uuid.uuid4().hex[:12].upper()
ROLES = ("viewer", "operator", "admin")
# On each page its heading, and what operators are offered more than viewers, and admins more than operators.
PAGES: dict[str, tuple[str, set[str], set[str]]] = {
    "/": ("Overview", set(), set()),
    "/devices": ("Devices", {"Select North bed", "Select all that fit"}, set()),
    "/alerts": ("Alerts", {"Acknowledge", "Snooze"}, set()),
    "/alerts/rules": ("Rules", {"Add an exception", "Change", "End"}, set()),
    "/alerts/channels": (
        "Channels",
        set(),
        {"Add a channel", "Change", "Delete", "New secret", "Send a test", "Turn off"},
    ),
    "/alerts/maintenance": ("Maintenance", {"End it now", "Plan maintenance"}, set()),
    "/keeping": ("Keeping", set(), {"Change", "End this policy", "Set a policy"}),
    "/keeping/pins": ("Pinned", {"Unpin"}, set()),
    "/keeping/timelapses": ("Time-lapses", {"Ask for a time-lapse", "Cancel it"}, set()),
    f"/devices/{DEVICE}": (
        "North bed",
        {"Ask again for lost.jpg", "Cancel", "Change", "Take a picture"},
        set(),
    ),
    f"/devices/{DEVICE}/settings": (
        "North bed",
        {"Name", "Notes", "Place", "Save", "Site", "Tags", "Time zone"},
        set(),
    ),
    "/people": ("People", set(), {"Invite somebody", "Remove", "Role of", "Take back"}),
    "/people/sites": ("Sites", {"Add a site", "Change", "Delete"}, set()),
    "/people/devices": ("Claiming", {"Claim a device", "Code", "Scan the QR code"}, {"Give a device up"}),
    "/people/log": ("Changes", set(), {"About what"}),
}


@pytest.fixture(scope="module")
def company(stack, admin, operator, viewer):
    """A company that has one of everything that somebody may change."""
    claim(stack, admin, DEVICE, "North bed")
    (own,) = admin.rows("companies", select="company_id")
    at = datetime.now(UTC) - timedelta(hours=1)

    def write(table: str, **row: object) -> None:
        service(stack)._ask("POST", f"rest/v1/{table}", json=row)

    taken = {"device_id": DEVICE, "captured_at": at.isoformat()}
    write("captures", **taken, device_capture_id="lost.jpg", ingest_status="failed", error_code=2201)
    write("captures", **taken, device_capture_id="kept.jpg", ingest_status="stored", pinned=True,
          storage_path=f"captures/{DEVICE}/kept.jpg", thumbnail_path=f"thumbnails/{DEVICE}/kept.jpg")  # fmt: skip
    write("alerts", **own, device_id=DEVICE, kind="failing", severity="warning", message="Pictures fail.")
    write("device_commands", device_id=DEVICE, type="capture_image")
    admin._ask("POST", "rest/v1/sites", json={"name": "South field"})
    admin.call("invite_member", p_email=address(), p_role="viewer")
    admin.call("create_channel", p_name="Hook", p_kind="webhook", p_target="https://example.com/hook")
    admin.call("set_keep_policy", p_policy={"device_id": DEVICE, "max_age_days": 400})
    admin.call(
        "start_maintenance", p_device=DEVICE, p_until=(at + timedelta(days=2)).isoformat(), p_reason="x"
    )
    admin.call("set_alert_rule", p_kind="offline", p_upper=12, p_device=DEVICE)
    admin.call("request_timelapse", p_device=DEVICE, p_from=(at - timedelta(days=1)).isoformat(),
               p_to=(at + timedelta(minutes=1)).isoformat())  # fmt: skip


def offered(page: Page) -> set[str]:
    """The names of everything on the page that does something: buttons, fields, choices."""
    found: list[str] = page.locator("#content").evaluate(
        """content => [...content.querySelectorAll('button, input, select, textarea')].map((one) =>
             one.getAttribute('aria-label') ?? one.labels?.[0]?.innerText ?? one.innerText)"""
    )
    # Without the addresses of people.
    return {" ".join(word for word in name.split() if "@" not in word) for name in found if name}


def test_each_role_is_offered_what_it_may(visit, request, company):
    seen: dict[str, dict[str, set[str]]] = {}
    for role in ROLES:
        page = visit().sign_in(request.getfixturevalue(role))
        seen[role] = {}
        for path, (heading, _, _) in PAGES.items():
            page.goto(path)
            expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
            expect(page.get_by_role("status", name="Loading…")).to_have_count(0)
            seen[role][path] = offered(page)
    for path, (_, of_operators, of_admins) in PAGES.items():
        assert seen["operator"][path] - seen["viewer"][path] == of_operators, path
        assert seen["admin"][path] - seen["operator"][path] == of_admins, path
        # Who may more is offered no less.
        assert seen["viewer"][path] <= seen["operator"][path] <= seen["admin"][path], path


def test_another_company_sees_nothing_of_it_on_any_page(visit, stack, company):
    """Side by side with the one above: the same pages, and the same addresses, for the admin of another company."""
    stranger = found_company(stack, "Orchard Ltd", address())
    page = visit().sign_in(stranger)
    of_others = [f"/devices?search={DEVICE}", f"/alerts?device={DEVICE}", f"/people/log?device={DEVICE}"]
    for path in [*PAGES, "/gallery", *of_others]:
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("status", name="Loading…")).to_have_count(0)
        shown = page.locator("body").inner_text()
        assert "Orchard Ltd" in shown
        for theirs in ("North bed", "South field", "Hook", "lost.jpg", "Greenhouse"):
            assert theirs not in shown, path
