"""What the console's pages about alerts are answered: what is open and past, page by page, and what decides it."""

import uuid
from datetime import UTC, datetime, timedelta

from sql_backends import Backend, Row

NOW = datetime.now(UTC)


def raise_alert(backend: Backend, company: str, device: str, hours: float, **more: object) -> str:
    alert = str(uuid.uuid4())
    values: Row = {
        "alert_id": alert,
        "company_id": company,
        "device_id": device,
        "kind": "channel",
        "subject": alert,
        "severity": "warning",
        "message": "x",
        "opened_at": (NOW - timedelta(hours=hours)).isoformat(),
    }
    backend.service.insert("alerts", values | more)
    return alert


def test_open_and_past_alerts_are_told_page_by_page_and_those_of_others_are_not(backend: Backend) -> None:
    company, admin, device = backend.company()
    other, _, its_device = backend.company()
    raise_alert(backend, other, its_device, 1)
    # Two of them opened in the same moment.
    opened = [raise_alert(backend, company, device, hours) for hours in (1, 2, 2, 3)]
    raise_alert(backend, company, device, 9, resolved_at=NOW.isoformat())

    told: list[str] = []
    last: Row = {}
    while True:
        page = admin.session.rpc(
            "console_alerts",
            p_limit=2,
            p_before=last.get("opened_at"),
            p_before_id=last.get("alert_id"),
        )
        mine = [alert["alert_id"] for alert in page["alerts"] if alert["kind"] == "channel"]
        told += mine
        if not page["more"]:
            break
        last = page["alerts"][-1]
    assert len(told) == 4 and set(told) == set(opened)
    assert told[0] == opened[0] and told[-1] == opened[-1]
    assert page["open"]["channel"] == 4

    (past,) = admin.session.rpc("console_alerts", p_past=True, p_device=device)["alerts"]
    assert past["resolved_at"] and past["alert_id"] not in opened
    assert admin.session.rpc("console_alerts", p_kind="sensor")["alerts"] == []
    assert admin.session.rpc("console_alerts", p_site=str(uuid.uuid4()))["alerts"] == []


def test_who_has_it_in_hand_is_told_by_address(backend: Backend) -> None:
    company, admin, device = backend.company()
    operator = backend.member(company, "operator")
    alert = raise_alert(backend, company, device, 1)
    until = (NOW + timedelta(days=1)).isoformat()
    operator.session.rpc("acknowledge_alert", p_alert=alert)
    operator.session.rpc("snooze_alert", p_alert=alert, p_until=until, p_reason="ordered")
    (told,) = admin.session.rpc("console_alerts", p_device=device)["alerts"]
    assert (told["acknowledged_by"], told["snoozed_by"]) == (operator.email, operator.email)
    assert told["device_name"] == device


def test_the_settings_tell_what_holds_and_what_the_company_has_said(backend: Backend) -> None:
    company, admin, device = backend.company()
    other, stranger, _ = backend.company()
    stranger.session.rpc("set_alert_rule", p_kind="offline", p_upper=9)
    admin.session.rpc(
        "set_alert_rule", p_kind="offline", p_device=device, p_upper=2, p_repeat_after="90 minutes"
    )
    made = admin.session.rpc("create_channel", p_name="n", p_kind="email", p_target=admin.email)
    until = (NOW + timedelta(days=1)).isoformat()
    window = admin.session.rpc("start_maintenance", p_until=until, p_reason="new router", p_device=device)

    settings = backend.member(company, "viewer").session.rpc("console_alert_settings")
    defaults = {(rule["kind"], rule["subject"]): rule for rule in settings["defaults"]}
    assert defaults["offline", ""]["upper"] == 6
    assert defaults["offline", ""]["repeat_hours"] == 24
    assert ("service", "") not in defaults
    (rule,) = settings["rules"]
    assert (rule["device_id"], rule["upper"], rule["repeat_hours"]) == (device, 2, 1.5)
    (channel,) = settings["channels"]
    assert (channel["channel_id"], channel["target"]) == (made["channel_id"], admin.email)
    (planned,) = settings["windows"]
    assert (planned["window_id"], planned["reason"], planned["created_by"]) == (
        window,
        "new router",
        admin.email,
    )
    assert admin.email in settings["members"] and stranger.email not in settings["members"]
    assert "alert.opened" in settings["events"]
    assert other not in str(settings)
