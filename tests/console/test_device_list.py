"""The overview and the list of devices, with a fleet that lives on the embedded stack."""

import hashlib
import json
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from pages import address
from playwright.sync_api import expect

from local.company import Account, found_company, service


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def write(stack, table: str, *rows: dict) -> None:
    """Write rows as the service does."""
    service(stack)._ask("POST", f"rest/v1/{table}", json=list(rows))


@pytest.fixture(scope="module")
def fleet(stack, admin) -> dict[str, str]:
    """Three devices: one as expected, one late, one lost; their ids by their names."""
    (company,) = admin.rows("companies", select="company_id")
    company_id = company["company_id"]
    site = str(uuid.uuid4())
    write(stack, "sites", {"site_id": site, "company_id": company_id, "name": "Orchard"})
    ids = {name: uuid.uuid4().hex[:12].upper() for name in ("Apples", "Beehive", "Compost")}
    seen = {"company_id": company_id, "last_seen_at": ago(hours=4), "site_id": None}
    write(
        stack, "devices",
        {**seen, "device_id": ids["Apples"], "name": "Apples", "next_wake_at": ago(hours=-2), "site_id": site},
        {**seen, "device_id": ids["Beehive"], "name": "Beehive", "next_wake_at": ago(minutes=40)},
        {**seen, "device_id": ids["Compost"], "name": "Compost", "next_wake_at": ago(hours=3)},
    )  # fmt: skip
    write(stack, "alerts", {
        "company_id": company_id, "device_id": ids["Compost"], "kind": "offline", "severity": "critical",
        "message": "Nothing was heard of Compost for 4 hours.",
    })  # fmt: skip
    return ids


def rows_of(page) -> list[str]:
    return page.get_by_role("table").get_by_role("row").locator("css=span[class*=name]").all_inner_texts()


def asked(page) -> list[str]:
    """Collect what the page asks of Supabase."""
    paths: list[str] = []
    page.on("request", lambda request: paths.append(re.sub(r"^https?://[^/]+", "", request.url)))
    return paths


def test_the_overview_says_whether_all_is_well_and_leads_to_what_is_not(visit, viewer, fleet):
    page = visit().sign_in(viewer)
    expect(page.get_by_text("2 of 3 devices need a look.")).to_be_visible()
    expect(page.get_by_text("Nothing was heard of Compost for 4 hours.")).to_be_visible()
    page.get_by_role("link", name=re.compile("Lost")).click()
    expect(page.get_by_role("heading", name="Devices")).to_be_visible()
    expect(page.get_by_text("1 of 3 devices")).to_be_visible()
    assert page.url.endswith("/devices?state=lost")


def test_filters_stand_in_the_address_and_a_link_shows_the_same(visit, viewer, fleet):
    page = visit().sign_in(viewer, "/devices")
    expect(page.get_by_text("Compost", exact=True)).to_be_visible()
    page.get_by_label("Name, place, tag or id").fill("apple")
    expect(page.get_by_text("Compost", exact=True)).to_be_hidden()
    page.get_by_label("Site", exact=True).select_option("Orchard")
    page.get_by_label("Order").select_option("By name")
    expect(page.get_by_text("1 of 3 devices")).to_be_visible()
    page.wait_for_url(re.compile("sort=name"))
    address = page.url
    again = visit().sign_in(viewer, address)
    expect(again.get_by_text("1 of 3 devices")).to_be_visible()
    expect(again.get_by_label("Name, place, tag or id")).to_have_value("apple")
    again.get_by_label("Name, place, tag or id").fill("nothing like it")
    expect(again.get_by_role("heading", name="No device fits")).to_be_visible()
    again.get_by_role("button", name="Clear the filters").click()
    expect(again.get_by_text("3 devices", exact=True)).to_be_visible()
    expect(again.get_by_label("Name, place, tag or id")).to_have_value("")
    expect(again.get_by_text("Compost", exact=True)).to_be_visible()


def test_nonsense_in_the_address_is_no_filter(visit, viewer, fleet):
    page = visit().sign_in(viewer, "/devices?state=wrong&site=1;drop&sort=up&x=1")
    expect(page.get_by_text("3 devices")).to_be_visible()


def test_a_page_makes_three_calls_at_most(visit, viewer, fleet):
    page = visit().sign_in(viewer)
    for path in ("/", "/devices"):
        paths = asked(page)
        page.goto(path)
        expect(page.get_by_text("Compost").first).to_be_visible()
        calls = [path for path in paths if "/v1/" in path and "/auth/" not in path]
        # One of them is the company's name, which all pages share.
        assert len(calls) <= 3, calls


@pytest.fixture(scope="module")
def many(stack) -> Account:
    """The admin of a company of forty devices, each with a picture."""
    owner = found_company(stack, "Vineyard Ltd", address())
    (company,) = owner.rows("companies", select="company_id")
    ids = [uuid.uuid4().hex[:12].upper() for _ in range(40)]
    write(stack, "devices", *(
        {
            "device_id": device, "company_id": company["company_id"], "name": f"Row {number:02}",
            "last_seen_at": ago(hours=1), "next_wake_at": ago(hours=-2),
            "tags": ["even"] if number % 2 == 0 else [],
        }
        for number, device in enumerate(ids)
    ))  # fmt: skip
    write(stack, "captures", *(
        {
            "device_id": device, "company_id": company["company_id"], "device_capture_id": "1.jpg",
            "captured_at": ago(hours=1), "image_bytes": 48_000, "total_chunks": 47, "ingest_status": "stored",
            "storage_path": f"captures/{device}/1.jpg", "thumbnail_path": f"thumbnails/{device}/1.jpg",
            "width": 800, "height": 600, "image_sha256": hashlib.sha256(device.encode()).hexdigest(),
            "stored_at": ago(hours=1),
        }
        for device in ids
    ))  # fmt: skip
    return owner


def limits(page) -> list[int | None]:
    """Collect how many devices the page asks for: None are all."""
    asked_for: list[int | None] = []

    def note(request) -> None:
        if "/rpc/console_devices" in request.url:
            asked_for.append(request.post_data_json.get("p_limit"))

    page.on("request", note)
    return asked_for


def height(page) -> int:
    return page.evaluate("document.documentElement.scrollHeight")


@pytest.mark.parametrize("phone", [False, True])
def test_devices_further_down_are_asked_for_by_who_scrolls_and_nothing_moves(visit, many, phone):
    page = visit(phone=phone).sign_in(many)
    # What the page before still asks for is not counted.
    page.goto("about:blank")
    paths, asked_for = asked(page), limits(page)
    page.goto("/devices?sort=name")
    expect(page.get_by_text("40 devices", exact=True)).to_be_visible()
    expect(page.get_by_text("Row 00", exact=True)).to_be_visible()
    expect(page.get_by_role("table")).to_have_attribute("aria-rowcount", "41")
    calls = [path for path in paths if "/v1/" in path and "/auth/" not in path]
    # Who one is, the first devices, their pictures.
    assert len(calls) <= 3, calls
    assert asked_for == [30]
    before = height(page)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.get_by_text("Row 39", exact=True)).to_be_visible()
    assert height(page) == before
    page.evaluate("scrollTo(0, 0)")
    expect(page.get_by_text("Row 00", exact=True)).to_be_visible()
    assert asked_for == [30, None]


def test_all_devices_are_selected_and_not_only_those_of_the_first_screen(visit, many):
    page = visit().sign_in(many, "/devices")
    page.get_by_label("Select all that fit").click()
    expect(page.get_by_text("40 selected")).to_be_visible()
    expect(page.get_by_label("Select all that fit")).to_be_checked()
    page.get_by_label("Name, place, tag or id").fill("Row 3")
    expect(page.get_by_text("10 selected")).to_be_visible()
    page.get_by_label("Select all that fit").uncheck()
    expect(page.get_by_text("selected")).to_have_count(0)


def test_the_first_of_many_devices_are_those_that_the_address_asks_for(visit, many):
    page = visit().sign_in(many)
    page.goto("about:blank")
    asked_for = limits(page)
    page.goto("/devices?tag=even&sort=name")
    expect(page.get_by_text("20 of 40 devices")).to_be_visible()
    expect(page.get_by_text("Row 02", exact=True)).to_be_visible()
    assert page.get_by_text("Row 01", exact=True).count() == 0
    assert asked_for == [30]


def test_selected_devices_are_asked_for_a_picture_and_moved_together(visit, stack, admin, fleet):
    someone = visit()
    someone.expected = ("400",)
    page = someone.sign_in(admin, "/devices")
    page.get_by_label("Select Apples").check()
    page.get_by_label("Select Beehive").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.route("**/rpc/update_devices", lambda route: route.fulfill(status=400, json={"message": "not now"}))
    page.get_by_label("Move to a site").select_option("Orchard")
    expect(page.get_by_role("alert")).to_contain_text("not now")
    page.unroute("**/rpc/update_devices")
    page.get_by_role("button", name="Take a picture at the next wake").click()
    expect(page.get_by_role("status").filter(has_text="2 devices are asked")).to_be_visible()
    # What went wrong before is told no more.
    expect(page.get_by_role("alert")).to_have_count(0)
    commands = admin.rows("device_commands", select="device_id,type,status")
    assert {(command["device_id"], command["type"], command["status"]) for command in commands} == {
        (fleet["Apples"], "capture_image", "queued"),
        (fleet["Beehive"], "capture_image", "queued"),
    }
    page.get_by_label("Move to a site").select_option("Orchard")
    expect(page.get_by_role("status").filter(has_text="2 devices were moved")).to_be_visible()
    (site,) = admin.rows("sites", select="site_id", name="eq.Orchard")
    moved = admin.rows("devices", select="name", site_id=f"eq.{site['site_id']}", order="name")
    assert [device["name"] for device in moved] == ["Apples", "Beehive"]


def test_who_may_only_look_is_offered_nothing_else_and_refused_if_tried(visit, viewer, fleet):
    someone = visit()
    someone.expected = ("403",)
    page = someone.sign_in(viewer, "/devices")
    expect(page.get_by_text("Compost", exact=True)).to_be_visible()
    expect(page.get_by_role("checkbox")).to_have_count(0)
    # Tried all the same, with the page's own session.
    status = page.evaluate(
        """async (device) => {
          const { access_token } = JSON.parse(localStorage.getItem('fleet-session'))
          const headers = { apikey: CONSOLE_CONFIG.key, authorization: `Bearer ${access_token}`,
                            'content-type': 'application/json' }
          const body = JSON.stringify({ p_devices: [device], p_changes: { name: 'mine' } })
          return (await fetch('/rest/v1/rpc/update_devices', { method: 'POST', headers, body })).status
        }""",
        fleet["Apples"],
    )
    assert status == 403


def test_what_changes_appears_without_a_reload(visit, stack, viewer, fleet):
    someone = visit()
    page = someone.page
    someone.context.clock.install()
    someone.sign_in(viewer, "/devices?sort=name")
    expect(page.get_by_text("Compost", exact=True)).to_be_visible()
    service(stack)._ask(
        "PATCH", f"rest/v1/devices?device_id=eq.{fleet['Compost']}", json={"name": "Compost heap"}
    )
    someone.context.clock.fast_forward(20_000)
    expect(page.get_by_text("Compost heap")).to_be_visible()
    service(stack)._ask("PATCH", f"rest/v1/devices?device_id=eq.{fleet['Compost']}", json={"name": "Compost"})


def test_a_server_that_fails_is_told_and_asked_again(visit, viewer, fleet):
    someone = visit()
    someone.expected = ("500",)
    page = someone.sign_in(viewer)
    failing = {"on": True}

    def answer(route):
        if failing["on"]:
            refusal = json.dumps({"code": "XX000", "message": "out of order"})
            route.fulfill(status=500, content_type="application/json", body=refusal)
        else:
            route.continue_()

    page.route("**/rest/v1/rpc/console_devices*", answer)
    page.get_by_role("link", name="Devices", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The server cannot answer now")
    assert someone.violations() == []
    failing["on"] = False
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Compost", exact=True)).to_be_visible()


def test_without_a_connection_what_was_heard_stays_and_it_is_said(visit, viewer, fleet):
    someone = visit()
    page = someone.sign_in(viewer, "/devices")
    expect(page.get_by_text("Compost", exact=True)).to_be_visible()
    someone.expected = ("ERR_INTERNET_DISCONNECTED",)
    someone.context.set_offline(True)
    expect(page.get_by_text("No connection.")).to_be_visible()
    expect(page.get_by_text("Compost", exact=True)).to_be_visible()
    someone.context.set_offline(False)
    expect(page.get_by_text("No connection.")).to_be_hidden()


def test_two_companies_side_by_side_see_nothing_of_each_other(visit, stack, viewer, fleet):
    other = found_company(stack, "Orchard Ltd", address())
    ours, theirs = visit(), visit()
    expect(ours.sign_in(viewer, "/devices").get_by_text("Compost", exact=True)).to_be_visible()
    page = theirs.sign_in(other, "/devices")
    expect(page.get_by_role("heading", name="No device yet")).to_be_visible()
    expect(page.get_by_text("Orchard Ltd")).to_be_visible()
    expect(page.get_by_text("Compost")).to_have_count(0)
