"""The report: of a site or of devices over some days, as it is seen, printed, sent as a link and taken along."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from long_story import count_days, device_of, insert, put_pictures, site_of, tell
from pages import address
from playwright.sync_api import Page, expect

from local.company import found_company

DAYS = 10
TODAY = datetime.now(UTC).date()
# Without today, which has not come to its end.
RANGE = f"from={TODAY - timedelta(days=DAYS)}&to={TODAY - timedelta(days=1)}"


@pytest.fixture(scope="module")
def silent(stack, admin) -> str:
    """A device that is to wake every hour, and has not been heard since yesterday."""
    device = device_of(stack, admin, "Silent")
    heard = datetime.now(UTC) - timedelta(days=1)
    insert(stack, "device_configs", [
        {"device_id": device, "interval_minutes": 60, "wake_spread_s": 0,
         "created_at": (heard - timedelta(days=1)).isoformat()}])  # fmt: skip
    insert(stack, "device_status", [
        {"device_id": device, "message_key": device, "battery_percent": 4, "created_at": heard.isoformat(),
         "received_at": heard.isoformat()}])  # fmt: skip
    count_days(stack)
    return device


@pytest.fixture(scope="module")
def names(stack, admin, silent):
    """Two devices at a site, ten days and today old, the first with pictures; their ids and that of the site.

    What is counted from tables has been counted before: their days are written as they are told.
    """
    site = site_of(stack, admin, "Orchard north")
    devices = {name: device_of(stack, admin, name, site) for name in ("Apple", "Beech")}
    tell(stack, admin, {devices["Apple"]: 9.0, devices["Beech"]: 14.0}, DAYS + 1)
    put_pictures(stack, devices["Apple"], DAYS + 3)
    return devices | {"site": site}


def sheet(page: Page):
    return page.get_by_role("article")


def saved(page: Page, name: str) -> list[dict[str, str]]:
    """Save what a button offers, and read it as a spreadsheet does."""
    with page.expect_download() as download:
        page.get_by_role("button", name=f"{name} (CSV)").click()
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_site_with_all_that_came_and_did_not(visit, viewer, names):
    someone = visit()
    calls: list[str] = []
    someone.page.on("request", lambda request: calls.append(request.url))
    page = someone.sign_in(viewer, f"/report?{RANGE}")
    expect(page.get_by_text("Choose what the report is of")).to_be_visible()
    page.get_by_label("Site", exact=True).select_option("Orchard north")
    expect(sheet(page).get_by_role("heading", name="Orchard north")).to_be_visible()
    # Ten days at 24 wakes, of which two miss 3, for each of two devices.
    together = sheet(page).get_by_role("row", name=re.compile("All together"))
    expect(together).to_contain_text("480")
    expect(together).to_contain_text("468")
    apple = page.get_by_role("region", name="Apple")
    expect(apple.get_by_text("234 of 240 expected pictures came (98%).")).to_be_visible()
    # One of each equal part of the time: each of the 12 parts has some.
    expect(apple.get_by_role("img", name=re.compile("^Apple, "))).to_have_count(12)
    expect(
        page.get_by_role("region", name="Beech").get_by_text("No picture of this time is stored.")
    ).to_be_visible()
    expect(apple.get_by_text("4 not heard, 2 failed in the camera")).to_be_visible()
    assert len([url for url in calls if "console_report" in url]) <= 4  # for nothing chosen, and for the site
    expect(page).to_have_url(re.compile(f"site={names['site']}"))


def test_why_it_did_not_come(visit, admin, silent):
    """The wakes since it was heard last are one sentence, and a row each in the file."""
    page = visit().sign_in(admin, f"/report?devices=%22{silent}%22")
    section = page.get_by_role("region", name="Silent")
    expect(section.get_by_text("What did not come, and why")).to_be_visible()
    expect(section.get_by_role("listitem").filter(has_text="its battery was at 4 %")).to_have_count(1)
    rows = saved(page, "What did not come")
    assert len(rows) > 10
    assert {row["name"] for row in rows} == {"Silent"}
    assert "expected at (UTC)" in rows[0]


def test_a_link_shows_the_same_to_the_company_and_nothing_to_others(stack, visit, admin, viewer, names):
    someone = visit()
    someone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = someone.sign_in(admin, f"/report?site={names['site']}")
    page.get_by_role("button", name="Copy the link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    # Also tomorrow it shows these days.
    assert re.search(r"from=\d{4}-\d\d-\d\d&to=\d{4}-\d\d-\d\d", link)
    colleague = visit().sign_in(viewer, link)
    expect(colleague.get_by_role("article", name="Orchard north")).to_be_visible()
    other = found_company(stack, "Meadow Ltd", address())
    stranger = visit().sign_in(other, link)
    expect(stranger.get_by_text("Nothing to report on")).to_be_visible()
    expect(stranger.get_by_text("Orchard north")).to_have_count(0)
    stranger.goto(f"/report?devices={names['Apple']},{names['Beech']}")
    expect(stranger.get_by_text("Nothing to report on")).to_be_visible()


def test_it_is_printed_without_what_is_operated(visit, viewer, names):
    page = visit(scheme="dark").sign_in(viewer, f"/report?site={names['site']}&{RANGE}")
    expect(page.get_by_role("region", name="Beech").locator("svg").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Apple, ")).last).to_be_visible()
    page.emulate_media(media="print", color_scheme="dark")
    for hidden in ("Print or save as PDF", "Copy the link", "Days (CSV)", "Add a device"):
        expect(page.get_by_role("button", name=hidden)).to_be_hidden()
    expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
    # Dark as the console may be, paper is light.
    assert page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--surface')"
    ).strip() in {"#fff", "#ffffff"}
    printed = page.pdf(prefer_css_page_size=True, format="A4")
    # Each device after the first begins a page.
    assert len(re.findall(rb"/Type /Page\b(?!s)", printed)) >= 2


def test_days_as_a_table(visit, viewer, names):
    page = visit().sign_in(viewer, f"/report?devices={names['Apple']},{names['Beech']}&{RANGE}")
    expect(page.get_by_role("region", name="Beech")).to_be_visible()
    rows = saved(page, "Days")
    assert len(rows) == 2 * DAYS
    assert {row["time zone"] for row in rows} == {"Europe/Berlin"}
    assert "Temperature, mean (°C)" in rows[0]
    assert sum(int(row["expected"]) for row in rows) == 480


def test_devices_are_chosen_by_a_part_of_their_name(visit, viewer, names):
    page = visit().sign_in(viewer, f"/report?{RANGE}")
    page.get_by_role("button", name="Add a device").click()
    page.get_by_role("combobox", name="A device").fill("App")
    page.get_by_role("option", name="Apple").click()
    expect(page.get_by_role("article", name="Apple")).to_be_visible()
    page.get_by_role("button", name="Without Apple").click()
    expect(page.get_by_text("Choose what the report is of")).to_be_visible()


@pytest.mark.parametrize(("phone", "scheme"), [(False, "light"), (True, "dark")])
def test_the_report_in_german_as_everybody_may_read_it(visit, viewer, names, phone, scheme):
    someone = visit(phone=phone, scheme=scheme, language="de")
    page = someone.sign_in(viewer, f"/report?site={names['site']}&{RANGE}")
    expect(page.get_by_role("region", name="Beech")).to_be_visible()
    expect(page.get_by_role("status")).to_have_count(0)
    assert someone.violations() == []
    assert someone.overflow() == 0


def test_the_database_does_not_answer(visit, viewer, names):
    someone = visit()
    someone.expected = ("Failed to load resource",)
    page = someone.sign_in(viewer)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.route("**/rpc/console_report", lambda route: route.fulfill(status=500, json={"message": "away"}))
    page.get_by_role("link", name="Report").click()
    expect(page.get_by_role("alert")).to_be_visible(timeout=60_000)
    page.unroute("**/rpc/console_report")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Choose what the report is of")).to_be_visible()
