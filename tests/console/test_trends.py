"""The trends: what came over weeks, sensors side by side, errors by the hour, how storage grows; all as files."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from long_story import device_of, site_of, tell
from pages import address
from playwright.sync_api import Page, expect

from local.company import found_company, service

DAYS = 40
FORMULA = "=HYPERLINK(1)"


@pytest.fixture(scope="module")
def names(stack, admin):
    """Two devices at a site and one without, 40 days old; their ids and that of the site, by name."""
    site = site_of(stack, admin, "North")
    devices = {name: device_of(stack, admin, name, site) for name in ("Apple", FORMULA)}
    devices["Cedar"] = device_of(stack, admin, "Cedar")
    tell(stack, admin, {device: 8.0 + 6 * place for place, device in enumerate(devices.values())}, DAYS)
    return devices | {"site": site}


def card(page: Page, title: str):
    return page.get_by_role("region", name=title, exact=True)


def saved(page: Page, button: str, separator: str = ",") -> list[dict[str, str]]:
    """Save what a button offers, and read it as a spreadsheet does."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    text = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=separator))


def test_what_was_expected_and_what_came(visit, viewer, names):
    someone = visit()
    calls: list[str] = []
    someone.page.on("request", lambda request: "/rest/v1/" in request.url and calls.append(request.url))
    page = someone.sign_in(viewer, "/trends")
    pictures = card(page, "Pictures")
    # 3 devices on 30 days at 24 wakes, of which every seventh day misses 3.
    expect(pictures.get_by_text("2,124 of 2,160 expected pictures came")).to_be_visible()
    expect(pictures.locator("svg rect").first).to_be_visible()
    expect(card(page, "Storage of the whole company")).to_be_visible()
    assert len([url for url in calls if "/rpc/" in url]) == 2
    # The bars are there as numbers too.
    pictures.get_by_text("As a table").click()
    expect(pictures.get_by_role("row")).to_have_count(31)


def test_by_site_and_by_device_in_the_address(visit, viewer, names):
    page = visit().sign_in(viewer, "/trends")
    page.get_by_label("Divided").select_option("By site")
    pictures = card(page, "Pictures")
    expect(pictures.get_by_role("rowheader", name="North")).to_be_visible()
    expect(pictures.get_by_role("rowheader", name="Without a site")).to_be_visible()
    page.get_by_label("Divided").select_option("By device")
    expect(pictures.get_by_role("link", name="Cedar")).to_be_visible()
    page.get_by_label("Steps").select_option("By week")
    page.get_by_label("Site", exact=True).select_option("North")
    expect(pictures.get_by_role("link", name="Cedar")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"step=week.*by=device.*site={names['site']}"))
    # Whoever opens the link sees the same.
    page.reload()
    expect(pictures.get_by_role("link", name="Apple")).to_be_visible()
    expect(page.get_by_label("Steps")).to_have_value("week")


def test_one_s_own_days(visit, viewer, names):
    page = visit().sign_in(viewer, "/trends")
    expect(page.get_by_role("heading", name="Trends")).to_be_visible()
    first = datetime.now(UTC).date() - timedelta(days=20)
    page.get_by_role("button", name=re.compile(" – ")).click()
    page.get_by_label("First day").fill(str(first))
    page.get_by_label("Last day").fill(str(first - timedelta(days=1)))
    expect(page.get_by_text("From the earlier to the later day")).to_be_visible()
    page.get_by_label("Last day").fill(str(first))
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("radio", name="Own")).to_be_checked()
    expect(card(page, "Pictures").get_by_text(re.compile("of 72 expected pictures came"))).to_be_visible()


def test_a_sensor_of_several_devices(visit, viewer, names):
    page = visit().sign_in(viewer, "/trends?range=90d")
    sensors = card(page, "Sensors")
    expect(sensors.get_by_role("listitem")).to_have_count(3)
    page.get_by_role("button", name="Add a device").click()
    page.get_by_role("combobox", name="A device").fill("Ced")
    page.get_by_role("option", name="Cedar").click()
    expect(page).to_have_url(re.compile(f"devices=(%22)?{names['Cedar']}"))
    expect(sensors.get_by_role("listitem")).to_have_count(1)
    # Where somebody points stands the value.
    drawn = sensors.locator("svg").last
    box = drawn.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
    expect(sensors.get_by_text(re.compile(r"\d °C"))).to_be_visible()
    sensors.get_by_label("Sensor", exact=True).select_option("Air pressure")
    expect(sensors.get_by_text("Nothing was measured")).to_be_visible()
    page.get_by_role("button", name="Without Cedar").click()
    expect(page).not_to_have_url(re.compile("devices="))


def test_errors_by_the_hour(visit, viewer, names):
    page = visit().sign_in(viewer, "/trends")
    errors = card(page, "Errors by the time of day")
    row = errors.get_by_role("row", name=re.compile("The camera took no picture"))
    expect(row).to_be_visible()
    expect(row.get_by_text(re.compile("most from"))).to_be_visible()


def test_storage_is_forecast_only_when_enough_is_known(stack, visit, admin, names):
    service(stack).call(
        "set_storage_quota", p_company=admin.rows("companies")[0]["company_id"], p_bytes=10**9
    )
    page = visit().sign_in(admin, "/trends")
    storage = card(page, "Storage of the whole company")
    expect(storage.get_by_text(re.compile("In 60 days: .* four times out of five between"))).to_be_visible()
    expect(storage.get_by_text(re.compile("The quota is reached around"))).to_be_visible()

    young = found_company(stack, "Young Ltd", address())
    tell(stack, young, {device_of(stack, young, "New"): 12.0}, 5)
    page = visit().sign_in(young, "/trends")
    expect(card(page, "Storage of the whole company").get_by_text("No forecast yet")).to_be_visible()


def test_all_of_it_as_files_that_are_no_formulas(visit, viewer, names):
    page = visit().sign_in(viewer, "/trends?by=device")
    expect(card(page, "Pictures").get_by_role("link", name="Apple")).to_be_visible()
    pictures = saved(page, "Pictures as CSV")
    assert {row["name"] for row in pictures} == {"Apple", "Cedar", f"'{FORMULA}"}
    assert sum(int(row["expected"]) for row in pictures) == 3 * 30 * 24
    first_day = next(iter(row for row in pictures))
    assert "first day (Europe/Berlin)" in first_day
    assert "size (bytes)" in first_day
    sensors = saved(page, "Sensors as CSV")
    assert "time (UTC)" in sensors[0]
    assert all(float(row["Temperature, mean (°C)"]) < 40 for row in sensors)
    errors = saved(page, "Errors by the time of day as CSV")
    assert sum(int(row["times"]) for row in errors) > 0
    storage = saved(page, "Storage of the whole company as CSV")
    assert any(row["forecast (bytes)"] for row in storage)


def test_nothing_of_another_company(stack, visit, names):
    other = found_company(stack, "Orchard Ltd", address())
    page = visit().sign_in(other, f"/trends?by=device&devices={names['Apple']},{names['Cedar']}")
    expect(card(page, "Pictures").get_by_text("Nothing was due, and nothing came")).to_be_visible()
    expect(card(page, "Sensors").get_by_text("Nothing was measured")).to_be_visible()
    expect(page.get_by_text("Apple")).to_have_count(0)


def test_the_database_does_not_answer(visit, viewer, names):
    someone = visit()
    someone.expected = ("Failed to load resource",)
    page = someone.sign_in(viewer)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.route("**/rpc/console_trend*", lambda route: route.fulfill(status=500, json={"message": "away"}))
    page.get_by_role("link", name="Trends").click()
    expect(page.get_by_role("alert").first).to_be_visible(timeout=60_000)
    page.unroute("**/rpc/console_trend*")
    while page.get_by_role("button", name="Try again").count() > 0:
        page.get_by_role("button", name="Try again").first.click()
        expect(page.get_by_role("status", name="Loading…")).to_have_count(0)
    expect(card(page, "Pictures").get_by_text("expected pictures came")).to_be_visible()


@pytest.mark.parametrize(("phone", "scheme"), [(False, "light"), (True, "dark")])
def test_the_trends_in_german_as_everybody_may_read_them(visit, viewer, names, phone, scheme):
    someone = visit(phone=phone, scheme=scheme, language="de")
    page = someone.sign_in(viewer, "/trends")
    expect(page.get_by_role("heading", name="Verlauf")).to_be_visible()
    expect(page.get_by_role("region", name="Speicher der ganzen Firma")).to_be_visible()
    assert someone.violations() == []
    assert someone.overflow() == 0
    # Also what is taken along is German.
    means = {row["Temperatur, Mittel (°C)"] for row in saved(page, "Sensoren als CSV", ";")}
    assert any("," in mean for mean in means)
    assert not any("." in mean for mean in means)
