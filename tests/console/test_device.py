"""The page of a device: its pictures by time, its wakes, what it measured."""

import io
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pages import address
from PIL import Image
from playwright.sync_api import expect

from local.company import claim, found_company, service

PICTURES = 6


def device_name() -> str:
    return uuid.uuid4().hex[:12].upper()


def insert(stack, table: str, *rows: dict[str, Any]) -> None:
    account = service(stack)
    answer = httpx.post(
        f"{account.url}/rest/v1/{table}", headers=dict(account.headers), json=list(rows), trust_env=False
    )
    assert answer.is_success, answer.text


def put_picture(stack, path: str, grey: int) -> None:
    account = service(stack)
    jpeg = io.BytesIO()
    Image.new("L", (64, 48), grey).save(jpeg, "JPEG")
    answer = httpx.post(
        f"{account.url}/storage/v1/object/gxp-captures/{path}",
        headers={**account.headers, "content-type": "image/jpeg"},
        content=jpeg.getvalue(),
        trust_env=False,
    )
    assert answer.is_success, answer.text


def fill(stack, device: str, now: datetime) -> None:
    """Give a device six hours: a hello, a picture and a reading in each, and then one that failed."""
    for number in range(PICTURES):
        at = (now - timedelta(hours=PICTURES - number)).isoformat()
        path = f"{device}/{number}.jpg"
        put_picture(stack, f"captures/{path}", 40 * number)
        put_picture(stack, f"thumbnails/{path}", 40 * number)
        insert(stack, "captures", {
            "device_id": device, "device_capture_id": f"{number}.jpg", "captured_at": at, "ingest_status": "stored",
            "storage_path": f"captures/{path}", "thumbnail_path": f"thumbnails/{path}",
        })  # fmt: skip
        insert(
            stack, "sensor_readings", {"device_id": device, "measured_at": at, "temperature_c": 10 + number}
        )
        insert(stack, "device_status", {
            "device_id": device, "message_key": f"{device} {number}", "created_at": at, "received_at": at,
            "wifi_rssi_dbm": -60 - number, "battery_percent": 90 - number,
        })  # fmt: skip


@pytest.fixture(scope="module")
def device(stack, admin) -> str:
    name = device_name()
    claim(stack, admin, name, "North bed")
    fill(stack, name, datetime.now(UTC))
    return name


def test_pictures_follow_the_scrubber_and_the_charts(visit, admin, device):
    someone = visit()
    page = someone.sign_in(admin, f"/devices/{device}?range=24h")
    expect(page.get_by_text("Latest", exact=True)).to_be_visible()
    scrubber = page.get_by_label("Through the pictures")
    scrubber.focus()
    scrubber.press("ArrowLeft")
    expect(page.get_by_text(f"{PICTURES - 1} of {PICTURES}")).to_be_visible()
    temperature = page.get_by_role("figure", name="Temperature")
    expect(temperature.get_by_text("14 °C")).to_be_visible()
    scrubber.press("Home")
    expect(temperature.get_by_text("10 °C")).to_be_visible()
    expect(page.get_by_role("img", name="What the camera saw")).to_have_attribute(
        "src", re.compile(f"thumbnails/{device}/0.jpg")
    )
    # Back from the charts: where one points is the picture.
    drawn = temperature.locator("canvas")
    drawn.scroll_into_view_if_needed()
    box = drawn.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 24, box["y"] + box["height"] / 2)
    expect(page.get_by_text(f"{PICTURES} of {PICTURES}")).to_be_visible()


def test_a_drag_over_a_chart_shows_that_stretch_on_all_and_in_the_address(visit, admin, device):
    page = visit().sign_in(admin, f"/devices/{device}?range=24h")
    charts = page.locator("figure canvas")
    charts.first.scroll_into_view_if_needed()
    box = charts.first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 60, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, middle, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"from=.*to="))
    expect(page.get_by_role("radio", name="Own")).to_be_checked()
    # Whoever opens the link sees the same.
    page.reload()
    expect(page.get_by_role("radio", name="Own")).to_be_checked()
    page.get_by_text("7 days", exact=True).click()
    expect(page).to_have_url(re.compile(f"/devices/{device}$"))


def test_one_s_own_range_is_typed(visit, admin, device):
    page = visit().sign_in(admin, f"/devices/{device}")
    page.get_by_role("button", name="From – to").click()
    page.get_by_label("From", exact=True).fill("2026-01-03T00:00")
    page.get_by_label("To", exact=True).fill("2026-01-01T00:00")
    expect(page.get_by_text("The end comes after the beginning")).to_be_visible()
    page.get_by_label("To", exact=True).fill("2026-01-05T00:00")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="Nothing was measured")).to_be_visible()
    expect(page).to_have_url(re.compile("from=2026-01-02T23%3A00%3A00Z"))


def test_values_as_a_table(visit, viewer, device):
    page = visit(language="de").sign_in(viewer, f"/devices/{device}?range=24h")
    page.get_by_text("Die Werte als Tabelle").click()
    table = page.get_by_role("table").filter(has_text="Temperatur")
    expect(table.get_by_role("row")).to_have_count(PICTURES + 1)
    expect(table.get_by_role("cell", name="15", exact=True)).to_be_visible()


def test_a_device_of_others_is_none(visit, stack, device):
    other = found_company(stack, "Orchard Ltd", address())
    page = visit().sign_in(other, f"/devices/{device}")
    expect(page.get_by_role("heading", name="There is no such device")).to_be_visible()


def test_the_list_leads_to_the_page_which_makes_two_calls_and_one_for_links(visit, admin, device):
    page = visit().sign_in(admin, "/devices")
    link = page.get_by_role("link", name="North bed")
    expect(link).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: "/rpc/" in request.url and asked.append(request.url))
    link.click()
    expect(page.get_by_role("heading", name="Measured")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/devices/{device}$"))
    assert sorted(url.rpartition("/")[2] for url in asked) == ["console_device", "console_device_history"]


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_with_much_to_show(visit, admin, device, phone, scheme):
    someone = visit(phone=phone, scheme=scheme)
    page = someone.sign_in(admin, f"/devices/{device}?range=24h")
    expect(page.locator("figure canvas").first).to_be_visible()
    page.get_by_text("The values as a table").click()
    expect(page.get_by_role("cell", name="15", exact=True)).to_be_visible()
    assert someone.violations() == []
    assert someone.overflow() == 0


def test_a_command_from_the_click_to_its_picture(visit, stack, admin):
    name = device_name()
    claim(stack, admin, name, "South bed")
    someone = visit()
    page = someone.sign_in(admin, f"/devices/{name}")
    page.get_by_role("button", name="Take a picture").click()
    commands = page.get_by_role("region", name="Commands")
    expect(commands.get_by_text("Goes out when it wakes next")).to_be_visible()

    now = datetime.now(UTC)
    hello = {"device_id": name, "received_at": now.isoformat(), "message_key": name}
    service(stack).call("record_hello", p_hello=hello)
    page.reload()
    expect(commands.get_by_text("its picture has not come yet")).to_be_visible()

    path = f"{name}/new.jpg"
    put_picture(stack, f"captures/{path}", 200)
    put_picture(stack, f"thumbnails/{path}", 200)
    service(stack).call("record_capture", p_capture={
        "device_id": name, "image_name": "new.jpg", "captured_at": (now + timedelta(seconds=1)).isoformat(),
        "ingest_status": "stored", "image_sha256": uuid.uuid4().hex * 2,
        "storage_path": f"captures/{path}", "thumbnail_path": f"thumbnails/{path}",
    })  # fmt: skip
    page.reload()
    expect(commands.get_by_text("The picture came, taken")).to_be_visible()
    expect(commands.get_by_role("img", name="The picture that it made")).to_be_visible()
    assert someone.violations() == []

    page.get_by_role("button", name="Take a picture").click()
    commands.get_by_role("button", name="Cancel").click()
    expect(commands.get_by_text("Cancelled")).to_be_visible()
    assert {row["status"] for row in admin.rows("device_commands", device_id=f"eq.{name}")} == {
        "done",
        "cancelled",
    }


def test_a_schedule_is_edited_and_a_session_that_ends_meanwhile_loses_nothing(visit, stack, admin):
    name = device_name()
    claim(stack, admin, name, "East bed")
    admin.call("update_device", p_device=name, p_changes={"timezone": "Asia/Tokyo"})
    someone = visit()
    page = someone.sign_in(admin, f"/devices/{name}")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_text("The company has no schedule")).to_be_visible()
    expect(page.get_by_text("No wake is planned")).to_be_visible()
    page.get_by_text("So often", exact=True).click()
    page.get_by_label("Wakes a day").fill("0")
    expect(page.get_by_text("This is no schedule yet.")).to_be_visible()
    page.get_by_text("At times", exact=True).click()
    page.get_by_label("Time 1").fill("05:15")
    page.get_by_role("button", name="Remove 16:00").click()
    expect(page.get_by_text("The next ten wakes, by the clock of Asia/Tokyo")).to_be_visible()
    wakes = page.get_by_role("listitem").filter(has_text=re.compile(r"05:1\d|05:2\d|12:0\d"))
    expect(wakes).to_have_count(10)
    assert someone.violations() == []
    someone.end_session()
    page.get_by_role("button", name="Save").click()
    someone.sign_in_again(admin)
    expect(page.get_by_text("Wakes at 05:15, 12:00.")).to_be_visible()
    (kept,) = admin.rows("device_configs", device_id=f"eq.{name}")
    assert kept["times_of_day"] == ["05:15:00", "12:00:00"]


def test_a_picture_that_failed_is_asked_for_again(visit, stack, admin):
    name = device_name()
    claim(stack, admin, name, "West bed")
    at = datetime.now(UTC) - timedelta(hours=1)
    for image, code in (("lost.jpg", 2201), ("none.jpg", 1002)):
        insert(stack, "captures", {
            "device_id": name, "device_capture_id": image, "captured_at": at.isoformat(), "ingest_status": "failed",
            "error_code": code,
        })  # fmt: skip
    page = visit().sign_in(admin, f"/devices/{name}")
    wrong = page.get_by_role("region", name="What went wrong")
    expect(wrong.get_by_text("The camera took no picture.")).to_be_visible()
    # Of what the camera did not take there is nothing to ask for.
    expect(wrong.get_by_role("button")).to_have_count(1)
    wrong.get_by_role("button", name="Ask again for lost.jpg").click()
    expect(wrong.get_by_text("Asked for again")).to_be_visible()
    expect(page.get_by_text("Send lost.jpg again")).to_be_visible()
    (command,) = admin.rows("device_commands", device_id=f"eq.{name}")
    assert (command["type"], command["payload"]) == ("send_image", {"image_name": "lost.jpg"})


def test_a_viewer_is_offered_nothing_and_refused(visit, stack, admin, viewer, device):
    page = visit().sign_in(viewer, f"/devices/{device}?range=24h")
    expect(page.get_by_role("heading", name="Commands")).to_be_visible()
    expect(page.get_by_role("heading", name="What went wrong")).to_be_visible()
    for offer in ("Take a picture", "Change", "Cancel", "Ask again"):
        expect(page.get_by_role("button", name=offer)).to_have_count(0)
    admin.call("set_schedule", p_device=device, p_captures_per_day=4)
    queued = httpx.post(
        f"{viewer.url}/rest/v1/device_commands",
        headers=dict(viewer.headers),
        json={"device_id": device, "type": "capture_image", "payload": {}},
        trust_env=False,
    )
    assert queued.status_code == 403
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        viewer.call("set_schedule", p_device=device, p_captures_per_day=1)
    with pytest.raises(httpx.HTTPStatusError, match="403"):
        viewer.call("cancel_command", p_command=str(uuid.uuid4()))


def test_why_a_picture_did_not_come_is_said_in_words(visit, stack, admin):
    name, (company,) = device_name(), admin.rows("companies", select="company_id")
    # Both wakes within one day, of the fleet and of who looks: the calendar shows whole days.
    first = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=2)
    wakes = [first, first + timedelta(hours=1)]
    since = (first - timedelta(days=2)).isoformat()
    insert(stack, "devices", {"device_id": name, "created_at": since, **company})
    insert(stack, "device_configs", {
        "device_id": name, "times_of_day": [f"{wake:%H:%M}" for wake in wakes], "wake_spread_s": 0, "created_at": since,
    })  # fmt: skip
    # It was heard once, long ago; others are heard at both wakes.
    for device, at in [(name, since), *((device_name(), wake.isoformat()) for wake in wakes)]:
        insert(stack, "device_status", {
            "device_id": device, "message_key": f"{device} {at}", "received_at": at, "created_at": at,
        })  # fmt: skip
    insert(stack, "captures", {
        "device_id": name, "device_capture_id": "x.jpg", "captured_at": wakes[1].isoformat(),
        "ingest_status": "failed", "error_code": 1002,
    })  # fmt: skip
    while service(stack).call("refresh_capture_days")["more"]:
        pass
    there = f"/devices/{name}?from={first - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}&to={first + timedelta(hours=3):%Y-%m-%dT%H:%M:%SZ}"
    someone = visit()
    page = someone.sign_in(admin, there)
    calendar = page.get_by_role("region", name="Wakes")
    expect(calendar.get_by_text("It was not heard; its last hello was on")).to_be_visible()
    expect(calendar.get_by_text("The camera took no picture.")).to_be_visible()
    assert someone.violations() == []
    page = visit(language="de").sign_in(admin, there)
    expect(page.get_by_text("Es war nicht zu hören; zuletzt meldete es sich am")).to_be_visible()
