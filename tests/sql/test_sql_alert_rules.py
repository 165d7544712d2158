"""Rules and maintenance windows: what may be said, and that docs/alerts.md says what works."""

import re
from pathlib import Path

import pytest
from alert_story import ALERTS, SITE, Story, at, opened
from sql_backends import Backend, User, refused

DOC = Path(__file__).parents[2] / "docs" / "alerts.md"
# The device of the examples.
EXAMPLE = "AABBCCDDEEFF"


def test_the_examples_of_the_page_work(backend: Backend) -> None:
    """As they stand there, but for the ids, and for the year: windows have to be to come."""
    blocks = re.findall(r"(?s)```sql\n(.*?)```", DOC.read_text(encoding="utf-8"))
    text = re.sub(r"--.*", "", "".join(blocks)).replace("2026-", "2099-")
    statements = [statement.strip() for statement in text.split(";") if statement.strip()]
    assert len(statements) == 12
    story = Story()
    story.device(EXAMPLE, site_id=SITE)
    story.heard(at(), EXAMPLE, wake=at(24 * 300), battery_percent=15)
    story.evaluate(at(1))
    for statement in statements:
        table = "alerts" if "alert(" in statement else "maintenance_windows"
        key = "alert_id" if "alert(" in statement else "window_id"
        call = statement.removeprefix("select ").replace(
            "'…'", f"(select {key} from public.{table} order by 1 limit 1)"
        )
        story.as_operator(f"public.{call}")
    story.ask(
        "rules",
        "select kind, device_id, site_id, enabled, lower, upper from public.alert_rules order by kind, upper",
    )
    story.ask("windows", "select reason from public.maintenance_windows")
    story.ask("alert", "select acknowledged_at is not null as acknowledged, snoozed_until from public.alerts")
    found = story.run(backend)
    assert [(row["kind"], row["device_id"], row["site_id"], row["upper"]) for row in found["rules"]] == [
        ("failing", EXAMPLE, None, None),
        ("offline", None, None, 2),
        ("offline", None, SITE, 12),
        ("sensor", None, None, 30),
    ]
    assert len(found["windows"]) in (1, 2), "one of the two was ended; if it had not begun, it is gone"
    assert found["alert"] == [{"acknowledged": True, "snoozed_until": None}]


def test_a_rule_that_is_switched_off_resolves_what_is_open(backend: Backend) -> None:
    story = Story()
    story.device("ONE")
    story.heard(at(), "ONE", wake=at(24), battery_percent=15)
    story.evaluate(at(1), "on")
    story.rule("battery_low", enabled=False)
    story.evaluate(at(1), "off")
    story.ask("off: alerts", ALERTS)
    story.rule("battery_low")
    story.evaluate(at(1), "on again")
    found = story.run(backend)
    assert [found[name]["opened"] for name in ("on", "off", "on again")] == [1, 0, 1]
    assert opened(found["off: alerts"]) == []


@pytest.fixture(scope="module")
def operator(backend: Backend) -> User:
    """An operator with a company."""
    company_id, _, _ = backend.company()
    return backend.member(company_id, "operator")


@pytest.mark.parametrize(
    "values",
    [
        {"p_kind": "service", "p_enabled": False},
        {"p_kind": "nonsense", "p_enabled": False},
        {"p_kind": None, "p_enabled": False},
        {"p_kind": "sensor", "p_lower": 1},
        {"p_kind": "sensor", "p_subject": "health", "p_lower": 1},
        {"p_kind": "offline", "p_subject": "temperature_c", "p_upper": 1},
        {"p_kind": "battery_low", "p_lower": "NaN"},
        {"p_kind": "battery_low", "p_lower": "Infinity"},
        {"p_kind": "battery_low", "p_margin": -1},
        {"p_kind": "sensor", "p_subject": "temperature_c", "p_lower": 2, "p_upper": 1},
        {"p_kind": "failing", "p_at_least": 0},
        {"p_kind": "failing", "p_repeat_after": "1 minute"},
        {"p_kind": "failing", "p_repeat_after": "-1 day"},
        {"p_kind": "failing", "p_repeat_after": "367 days"},
    ],
)
def test_what_is_no_rule_is_refused(operator: User, values: dict[str, object]) -> None:
    with refused("22023", "a rule has a kind"):
        operator.session.rpc("set_alert_rule", **values)


def test_a_rule_is_of_a_site_or_a_device_and_storage_of_the_company(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    backend.service.insert("sites", {"company_id": company_id, "name": "north"})
    site = backend.service.row("sites", company_id=company_id)["site_id"]
    with refused("22023", "not for both"):
        admin.session.rpc("set_alert_rule", p_kind="offline", p_device=device, p_site=site, p_upper=1)
    with refused("22023", "storage neither device nor site"):
        admin.session.rpc("set_alert_rule", p_kind="storage", p_site=site, p_upper=1)


@pytest.mark.parametrize(
    "values",
    [
        {"p_until": "2020-01-01T00:00:00Z", "p_reason": "x"},
        {"p_until": "2099-01-01T00:00:00Z", "p_reason": "x"},
        {"p_until": "2099-01-01T00:00:00Z", "p_from": "2099-01-02T00:00:00Z", "p_reason": "x"},
        {"p_until": "infinity", "p_reason": "x"},
        {"p_until": None, "p_reason": "x"},
        {"p_until": "2099-01-02T00:00:00Z", "p_from": "2099-01-01T00:00:00Z", "p_reason": " "},
        {"p_until": "2099-01-02T00:00:00Z", "p_from": "2099-01-01T00:00:00Z", "p_reason": "x" * 501},
        {"p_until": "2099-01-02T00:00:00Z", "p_from": "2099-01-01T00:00:00Z", "p_reason": None},
    ],
)
def test_what_is_no_window_is_refused(operator: User, values: dict[str, object]) -> None:
    with refused("22023", "window"):
        operator.session.rpc("start_maintenance", **values)


def test_what_a_company_may_say_is_bounded(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    window = {
        "company_id": company_id,
        "starts_at": "2099-01-01T00:00:00Z",
        "ends_at": "2099-01-02T00:00:00Z",
    }
    backend.service.insert("maintenance_windows", *[window | {"reason": str(n)} for n in range(100)])
    with refused("22023", "100 windows"):
        admin.session.rpc("start_maintenance", p_until="2099-01-01T00:00:00Z", p_reason="x")
    sites = [{"company_id": company_id, "name": str(number)} for number in range(1000)]
    backend.service.insert("sites", *sites)
    rules = [
        {"company_id": company_id, "site_id": site["site_id"], "kind": "offline", "upper": 1}
        for site in backend.service.rows("sites", company_id=company_id)
    ]
    backend.service.insert("alert_rules", *rules)
    with refused("22023", "1,000 rules"):
        admin.session.rpc("set_alert_rule", p_kind="offline", p_device=device, p_upper=1)


def test_a_snooze_has_an_end_and_a_reason(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    alert = {
        "company_id": company_id,
        "device_id": device,
        "kind": "offline",
        "severity": "warning",
        "message": "x",
    }
    backend.service.insert("alerts", alert)
    alert_id = backend.service.row("alerts", device_id=device)["alert_id"]
    for until, reason in (
        ("2020-01-01T00:00:00Z", "x"), ("2099-01-01T00:00:00Z", "x"), ("infinity", "x"), ("tomorrow", None),
        ("tomorrow", " "), ("tomorrow", "x" * 501),
    ):  # fmt: skip
        with refused("22023", "an alert is snoozed for"):
            admin.session.rpc("snooze_alert", p_alert=alert_id, p_until=until, p_reason=reason)
