"""The pages about keeping: a policy that is looked at, set and ended, time-lapses, and what roles may do."""

import io
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pages import hold
from PIL import Image
from playwright.sync_api import expect

from local.company import claim, service
from local.stack import BUCKET

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def device(stack, admin):
    """A device with three pictures, one of them more than a year old."""
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, device, "Pond")
    for days in (1, 2, 400):
        name = f"{uuid.uuid4().hex}.jpg"
        service(stack).call(
            "record_capture",
            p_capture={
                "device_id": device,
                "image_name": name,
                "captured_at": (NOW - timedelta(days=days)).isoformat(),
                "ingest_status": "stored",
                "storage_path": f"captures/{device}/{name}",
                "thumbnail_path": f"thumbnails/{device}/{name}",
                "image_bytes": 40_000,
                "image_sha256": uuid.uuid4().hex * 2,
            },
        )
    return device


def change(stack, film: str, **values: object) -> None:
    """Write what a worker would have written of a time-lapse."""
    httpx.patch(
        f"{stack.supabase_url}/rest/v1/timelapses?timelapse_id=eq.{film}",
        headers=service(stack).headers,
        json=values,
        trust_env=False,
    ).raise_for_status()


def test_a_policy_is_looked_at_set_and_ended(visit, admin, device):
    visitor = visit()
    page = visitor.sign_in(admin, "/keeping")
    page.get_by_role("button", name="Set a policy").click()
    dialog = page.get_by_role("dialog", name="Set a policy")
    # What has not been looked at cannot be set.
    expect(dialog.get_by_role("button", name="Set a policy")).to_be_disabled()
    dialog.get_by_label("Older than (days)").fill("365")
    dialog.get_by_role("button", name="Show what it would let go").click()
    expect(dialog.get_by_role("status")).to_contain_text("It lets 1 pictures (40 kB) of 1 devices go.")
    assert visitor.violations() == []
    # Another policy was not looked at yet.
    dialog.get_by_label("Older than (days)").fill("500")
    expect(dialog.get_by_role("button", name="Set a policy")).to_be_disabled()
    dialog.get_by_role("button", name="Show what it would let go").click()
    expect(dialog.get_by_role("status")).to_contain_text("Now it would let nothing go.")
    dialog.get_by_label("All together (GB)").fill("0.5")
    dialog.get_by_role("button", name="Show what it would let go").click()
    dialog.get_by_role("button", name="Set a policy").click()
    row = page.get_by_role("list", name="Policies").get_by_role("listitem")
    expect(row).to_contain_text("What is older than 500 days goes.")
    expect(row).to_contain_text("The oldest go until all fit into 500 MB.")
    (policy,) = admin.rows("keep_policies")
    assert (policy["max_age_days"], policy["max_bytes"]) == (500, 500_000_000)
    row.get_by_role("button", name="End this policy").click()
    page.get_by_role("dialog").get_by_role("button", name="End this policy").click()
    expect(page.get_by_text("Without a policy pictures are kept for good.")).to_be_visible()
    assert admin.rows("keep_policies") == []


def test_what_is_typed_while_a_policy_is_looked_at_was_not_looked_at(visit, admin, device):
    page = visit().sign_in(admin, "/keeping")
    page.get_by_role("button", name="Set a policy").click()
    dialog = page.get_by_role("dialog", name="Set a policy")
    days = dialog.get_by_label("Older than (days)")
    held = hold(page, "**/rpc/preview_keep_policy")
    days.fill("500")
    with page.expect_request("**/rpc/preview_keep_policy"):
        dialog.get_by_role("button", name="Show what it would let go").click()
    days.fill("365")
    with page.expect_response("**/rpc/preview_keep_policy"):
        held[0].continue_()
    days.fill("500")
    expect(dialog.get_by_role("status")).to_contain_text("Now it would let nothing go.")
    days.fill("365")
    expect(dialog.get_by_role("status")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Set a policy")).to_be_disabled()


def test_a_pinned_picture_is_shown_and_unpinned(visit, admin, device):
    oldest, *_ = admin.rows("captures", device_id=f"eq.{device}", select="capture_id", order="captured_at")
    admin.call("pin_captures", p_captures=[oldest["capture_id"]])
    visitor = visit()
    # Its object was never stored.
    visitor.expected = ("400", "404")
    page = visitor.sign_in(admin, "/keeping/pins")
    item = page.get_by_role("list", name="Pinned").get_by_role("listitem")
    expect(item).to_contain_text("Pond")
    item.get_by_role("button", name="Unpin").click()
    page.get_by_role("dialog").get_by_role("button", name="Unpin").click()
    expect(page.get_by_role("heading", name="Nothing is pinned")).to_be_visible()
    assert admin.rows("captures", pinned="is.true") == []


def test_a_time_lapse_is_asked_for_made_and_watched(visit, stack, admin, device):
    page = visit().sign_in(admin, "/keeping/timelapses")
    page.get_by_role("button", name="Ask for a time-lapse").click()
    dialog = page.get_by_role("dialog", name="Ask for a time-lapse")
    dialog.get_by_role("combobox", name="A device").fill("pond")
    page.get_by_role("option", name="Pond").click()
    dialog.get_by_role("button", name="Ask for a time-lapse").click()
    row = page.get_by_role("listitem").filter(has_text="Pond")
    expect(row).to_contain_text("Waiting")
    row.get_by_role("button", name="Cancel it").click()
    expect(row).to_contain_text("Cancelled")
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No time-lapse yet")).to_be_visible()
    assert admin.rows("timelapses") == []

    # As a worker makes one.
    span = {"p_from": (NOW - timedelta(days=3)).isoformat(), "p_to": NOW.isoformat()}
    film = admin.call("request_timelapse", p_device=device, p_options={"format": "webp"}, **span)
    change(stack, film, state="running", frames_total=2, frames_done=1)
    expect(row).to_contain_text("1 of 2 pictures")
    (company,) = admin.rows("companies", select="company_id")
    path = f"timelapses/{company['company_id']}/{film}.webp"
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(picture, "WEBP")
    headers = {**service(stack).headers, "content-type": "image/webp"}
    where = f"{stack.supabase_url}/storage/v1/object/{BUCKET}/{path}"
    httpx.post(where, headers=headers, content=picture.getvalue(), trust_env=False).raise_for_status()
    change(stack, film, state="done", frames_done=2, duration_s=0.2, bytes=len(picture.getvalue()), path=path)
    row.get_by_role("button", name="Watch").click()
    shown = page.get_by_role("dialog", name="Pond").locator("img")
    expect(shown).to_have_js_property("naturalWidth", 64)


def test_what_a_role_may_not_do_is_not_offered_and_is_refused(visit, stack, admin, operator, viewer, device):
    span = {"p_from": (NOW - timedelta(days=3)).isoformat(), "p_to": NOW.isoformat()}
    film = admin.call("request_timelapse", p_device=device, **span)
    tried = [
        (viewer, "set_keep_policy", {"p_policy": {"max_age_days": 9}}),
        (operator, "set_keep_policy", {"p_policy": {"max_age_days": 9}}),
        (viewer, "pin_captures", {"p_captures": [], "p_pinned": False}),
        (viewer, "request_timelapse", {"p_device": device, **span}),
        (viewer, "cancel_timelapse", {"p_timelapse": film}),
        (viewer, "delete_timelapse", {"p_timelapse": film}),
    ]
    for account, function, arguments in tried:
        with pytest.raises(httpx.HTTPStatusError) as refused:
            account.call(function, **arguments)
        assert refused.value.response.status_code == 403, function
    for account, path, shown in (
        (viewer, "/keeping", "Admins set policies"),
        (operator, "/keeping", "Admins set policies"),
        (viewer, "/keeping/timelapses", "Pond"),
    ):
        page = visit().sign_in(account, path)
        expect(page.locator("#content").get_by_text(shown).first).to_be_visible()
        # A film may be watched by everybody.
        others = page.locator("#content").get_by_role("button").filter(has_not_text="Watch")
        assert others.count() == 0, path
