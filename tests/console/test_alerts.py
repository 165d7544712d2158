"""The pages about alerts: one that is raised and taken in hand, rules, channels, maintenance, and what roles may do."""

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from playwright.sync_api import expect

from local.company import claim, service

SOON = (datetime.now(UTC) + timedelta(days=1)).isoformat()


def a_low_battery(stack, admin, name: str) -> str:
    """A device whose battery is nearly empty, and the alert that the service makes of it."""
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, device, name)
    status = {
        "device_id": device,
        "last_seen_at": datetime.now(UTC).isoformat(),
        "battery_percent": 8.4,
    }
    answer = httpx.patch(
        f"{stack.supabase_url}/rest/v1/devices?device_id=eq.{device}",
        headers=service(stack).headers,
        json=status,
        trust_env=False,
    )
    answer.raise_for_status()
    service(stack).call("evaluate_alerts")
    return device


def test_an_alert_is_raised_snoozed_and_taken_in_hand(visit, stack, admin, operator, viewer):
    device = a_low_battery(stack, admin, "Tomato row")
    page = visit().sign_in(operator, "/alerts")
    row = page.get_by_role("listitem").filter(has_text="Tomato row")
    expect(row).to_contain_text("The battery is at 8.4 %.")
    expect(row).to_contain_text("Critical")

    row.get_by_role("button", name="Snooze").click()
    dialog = page.get_by_role("dialog", name="Snooze")
    dialog.get_by_label("Why").fill("The battery is ordered")
    dialog.get_by_role("button", name="Snooze").click()
    expect(row).to_contain_text("Not told until")
    expect(row).to_contain_text(f"The battery is ordered ({operator.email})")
    row.get_by_role("button", name="Acknowledge").click()
    expect(row).to_contain_text(f"taken in hand by {operator.email}")
    (alert,) = admin.rows("alerts", device_id=f"eq.{device}")
    assert alert["acknowledged_at"] and alert["snooze_reason"] == "The battery is ordered"

    # Who may not act sees the same, in their own language, without buttons.
    page = visit(language="de").sign_in(viewer, f"/alerts?kind=battery_low&device={device}")
    row = page.get_by_role("listitem")
    expect(row).to_contain_text("Die Batterie steht bei 8,4 %.")
    assert row.get_by_role("button").count() == 0

    admin.call("update_device", p_device=device, p_changes={"name": "Tomato row again"})
    httpx.patch(
        f"{stack.supabase_url}/rest/v1/devices?device_id=eq.{device}",
        headers=service(stack).headers,
        json={"battery_percent": 90},
        trust_env=False,
    ).raise_for_status()
    service(stack).call("evaluate_alerts")
    page.get_by_text("Vergangen").click()
    expect(row).to_contain_text("wieder in Ordnung")
    assert "past=true" in page.url and "battery_low" in page.url


def test_the_overview_and_the_device_tell_an_alert_in_the_viewer_s_language_too(visit, stack, admin, viewer):
    a_low_battery(stack, admin, "Herbs")
    page = visit(language="de").sign_in(viewer)
    card = page.get_by_role("region", name="Offene Alarme")
    expect(card.get_by_role("listitem").filter(has_text="Herbs")).to_contain_text(
        "Die Batterie steht bei 8,4 %."
    )
    card.get_by_role("link", name="Herbs").click()
    now = page.get_by_role("region", name="Jetzt")
    expect(now).to_contain_text("Die Batterie steht bei 8,4 %.")
    page.goto("/")
    card.get_by_role("link", name="Alle Alarme").click()
    expect(page.get_by_role("heading", name="Alarme")).to_be_visible()


def test_rules_for_the_company_and_a_device_are_set_and_end(visit, stack, admin, operator):
    device = uuid.uuid4().hex[:12].upper()
    claim(stack, admin, device, "Far pond")
    visitor = visit()
    page = visitor.sign_in(operator, "/alerts/rules")
    row = page.get_by_role("listitem").filter(has_text="Not heard").first
    expect(row).to_contain_text("6 hours after a wake")
    row.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Not heard")
    dialog.get_by_label("Hours after its wake").fill("2")
    dialog.get_by_role("button", name="Set the rule").click()
    expect(row).to_contain_text("2 hours after a wake")

    row.get_by_role("button", name="Add an exception").click()
    dialog.get_by_text("A device", exact=True).click()
    dialog.get_by_role("combobox", name="A device").fill("pond")
    page.get_by_role("option", name="Far pond").click()
    dialog.get_by_text("No", exact=True).click()
    assert visitor.violations() == []
    dialog.get_by_role("button", name="Set the rule").click()
    expect(row).to_contain_text("Far pond: Such alerts do not open.")
    rules = {rule["device_id"]: rule for rule in admin.rows("alert_rules", kind="eq.offline")}
    assert rules[None]["upper"] == 2
    assert rules[device]["enabled"] is False

    row.get_by_role("button", name="As by default").click()
    page.get_by_role("dialog").get_by_role("button", name="End this rule").click()
    expect(row).to_contain_text("6 hours after a wake")
    assert [rule["device_id"] for rule in admin.rows("alert_rules", kind="eq.offline")] == [device]


def test_a_webhook_is_made_tried_and_deleted_and_its_secret_shown_once(visit, admin):
    visitor = visit()
    # Chromium's own word on the URL that is refused.
    visitor.expected = ("400",)
    page = visitor.sign_in(admin, "/alerts/channels")
    page.get_by_role("button", name="Add a channel").first.click()
    dialog = page.get_by_role("dialog", name="Add a channel")
    assert visitor.violations() == []
    dialog.get_by_text("Webhook", exact=True).click()
    dialog.get_by_label("Name").fill("Our program")
    dialog.get_by_label("URL").fill("http://127.0.0.1/hook#fragment")
    dialog.get_by_role("button", name="Add a channel").click()
    expect(dialog.get_by_role("alert")).to_contain_text("the target is no URL")
    dialog.get_by_label("URL").fill("https://hooks.example.com/hook")
    dialog.get_by_role("button", name="Add a channel").click()
    shown = page.get_by_role("dialog", name="The secret of this webhook")
    expect(shown).to_contain_text("whsec_")
    secret = shown.locator("code").inner_text()
    shown.get_by_role("button", name="Close").click()
    expect(page.get_by_text("whsec_")).to_have_count(0)
    assert secret not in page.evaluate("JSON.stringify([localStorage, sessionStorage, location.href])")

    card = page.get_by_role("region", name="Our program")
    card.get_by_role("button", name="Send a test").click()
    deliveries = page.get_by_role("dialog", name="Deliveries to Our program")
    expect(deliveries.get_by_role("listitem")).to_contain_text("Test message")
    assert "deliveries=" in page.url
    deliveries.get_by_role("button", name="Close").click()
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Nobody is told yet")).to_be_visible()
    assert admin.rows("alert_channels") == []


def test_quiet_hours_of_a_channel_are_set_by_the_viewer_s_clock_and_end(visit, admin):
    page = visit().sign_in(admin, "/alerts/channels")
    page.get_by_role("button", name="Add a channel").first.click()
    dialog = page.get_by_role("dialog", name="Add a channel")
    dialog.get_by_label("Name").fill("By mail")
    dialog.get_by_label("From").fill("22:00")
    # Half of them would be none.
    dialog.get_by_role("button", name="Add a channel").click()
    expect(dialog.get_by_label("Until")).to_be_focused()
    dialog.get_by_label("Until").fill("06:30")
    dialog.get_by_role("button", name="Add a channel").click()
    card = page.get_by_role("region", name="By mail")
    expect(card).to_contain_text("22:00 – 06:30 (Europe/Berlin)")
    (channel,) = admin.rows("alert_channels", select="quiet_from,quiet_until,quiet_timezone")
    assert channel == {
        "quiet_from": "22:00:00",
        "quiet_until": "06:30:00",
        "quiet_timezone": "Europe/Berlin",
    }
    card.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("From").fill("")
    dialog.get_by_label("Until").fill("")
    dialog.locator("button[type=submit]").click()
    expect(card).not_to_contain_text("22:00")
    (channel,) = admin.rows("alert_channels")
    assert channel["quiet_from"] is None
    admin.call("delete_channel", p_channel=channel["channel_id"])


def test_maintenance_is_planned_and_ended(visit, admin, operator):
    page = visit(phone=True).sign_in(operator, "/alerts/maintenance")
    page.get_by_role("button", name="Plan maintenance").click()
    dialog = page.get_by_role("dialog", name="Plan maintenance")
    dialog.get_by_label("Why").fill("New router")
    dialog.get_by_role("button", name="Plan maintenance").click()
    row = page.get_by_role("listitem").filter(has_text="New router")
    expect(row).to_contain_text("Whole company")
    row.get_by_role("button", name="End it now").click()
    page.get_by_role("dialog").get_by_role("button", name="End it now").click()
    expect(row).to_contain_text("Over")
    (window,) = admin.rows("maintenance_windows")
    assert datetime.fromisoformat(window["ends_at"]) <= datetime.now(UTC)


def test_what_a_role_may_not_do_is_not_offered_and_is_refused(visit, stack, admin, operator, viewer):
    device = a_low_battery(stack, admin, "Seedlings")
    (alert,) = admin.rows("alerts", device_id=f"eq.{device}", select="alert_id")
    channel = admin.call("create_channel", p_name="Mail", p_kind="email", p_target=admin.email)["channel_id"]
    window = admin.call("start_maintenance", p_until=SOON, p_reason="x", p_device=device)
    of_operators = {
        "acknowledge_alert": {"p_alert": alert["alert_id"]},
        "snooze_alert": {"p_alert": alert["alert_id"], "p_until": SOON, "p_reason": "x"},
        "set_alert_rule": {"p_kind": "offline", "p_upper": 2},
        "start_maintenance": {"p_until": SOON, "p_reason": "x"},
        "end_maintenance": {"p_window": window},
    }
    of_admins = {
        "create_channel": {"p_name": "x", "p_kind": "email", "p_target": admin.email},
        "update_channel": {"p_channel": channel, "p_changes": {"enabled": False}},
        "delete_channel": {"p_channel": channel},
        "rotate_channel_secret": {"p_channel": channel},
        "test_channel": {"p_channel": channel},
        "replay_events": {"p_channel": channel, "p_since": SOON},
    }
    tried = [(viewer, of_operators), (viewer, of_admins), (operator, of_admins)]
    for account, functions in tried:
        for function, arguments in functions.items():
            with pytest.raises(httpx.HTTPStatusError) as refused:
                account.call(function, **arguments)
            assert refused.value.response.status_code == 403, function
    for account, path, shown in (
        (viewer, "/alerts", "Seedlings"),
        (viewer, "/alerts/rules", "Not heard"),
        (viewer, "/alerts/maintenance", "Seedlings"),
        (viewer, "/alerts/channels", admin.email),
        (operator, "/alerts/channels", admin.email),
    ):
        page = visit().sign_in(account, path)
        expect(page.locator("#content").get_by_text(shown).first).to_be_visible()
        assert page.locator("#content").get_by_role("button").count() == 0, path
