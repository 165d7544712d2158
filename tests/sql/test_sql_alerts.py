"""The life of alerts: they open once, are told, repeated, acknowledged, snoozed, and resolve by themselves.

A story on the embedded stack takes seconds: three are told there too.
"""

from datetime import timedelta

from alert_story import ALERTS, COMPANY, EVENTS, OTHER, SITE, USER, Story, at, opened, told
from sql_backends import Backend, Native
from sql_postgres import Connection

LOW = {"battery_percent": 15}


def fleet(*names: str, **values: object) -> Story:
    """Begin with devices that were heard at noon and told to wake in an hour."""
    story = Story()
    for name in names:
        story.device(name, **values)
    story.heard(at(), *names, wake=at(1))
    return story


def test_an_alert_opens_once_is_told_and_resolves(backend: Backend) -> None:
    story = fleet("ONE", name="Greenhouse 3")
    story.evaluate(at(7), "in time")
    story.evaluate(at(7, minutes=1), "late")
    story.evaluate(at(7, minutes=1), "again")
    story.ask("open", ALERTS)
    story.heard(at(8), "ONE", wake=at(9))
    story.evaluate(at(8, minutes=1), "heard")
    story.evaluate(at(8, minutes=2), "and then")
    story.ask("resolved", ALERTS)
    story.ask("events", EVENTS)
    found = story.run(backend)

    none = {"opened": 0, "repeated": 0, "resolved": 0, "told": 0}
    assert found["in time"] == none | {"open": {}}
    assert found["late"] == none | {"opened": 1, "told": 1, "open": {"offline": 1}}
    assert found["again"] == none | {"open": {"offline": 1}}
    assert found["heard"] == none | {"resolved": 1, "told": 1, "open": {}}
    assert found["and then"] == none | {"open": {}}
    [alert] = found["open"]
    message = "Greenhouse 3 has not been heard for 7 h: it was due at 13:00 UTC."
    assert (alert["device_id"], alert["message"], alert["severity"]) == ("ONE", message, "warning")
    assert opened(found["resolved"]) == []
    assert told(found["events"]) == [("alert.opened", "ONE"), ("alert.resolved", "ONE")]
    first, last = (row["payload"] for row in found["events"])
    assert (first["company_id"], first["device_name"]) == (COMPANY, "Greenhouse 3")
    assert first["alert"].items() >= {"kind": "offline", "severity": "warning", "message": message}.items()
    assert first["alert"]["alert_id"] == last["alert"]["alert_id"]
    assert last["alert"]["message"] == f"Resolved after 60 min: {message}"
    assert last["alert"]["resolved_at"] is not None


def test_it_is_told_again_until_somebody_has_it_in_hand(native: Native) -> None:
    story = fleet("ONE")
    story.rule("offline", repeat_after="02:00:00")
    story.evaluate(at(8), "opened")
    story.evaluate(at(9, minutes=59), "not yet")
    story.evaluate(at(10), "again")
    story.evaluate(at(10, minutes=1), "and then")
    story.call("acknowledge_alert", p_alert="(select alert_id from public.alerts)")
    story.call("acknowledge_alert", p_alert="(select alert_id from public.alerts)")
    story.ask("acknowledged", "select acknowledged_by from public.alerts where acknowledged_at is not null")
    story.evaluate(at(13), "in hand")
    story.ask("events", EVENTS)
    found = story.run(native)
    assert [found[name]["told"] for name in ("opened", "not yet", "again", "and then", "in hand")] == [
        1,
        0,
        1,
        0,
        0,
    ]
    assert len(found["acknowledged"]) == 1
    assert [kind for kind, _ in told(found["events"])] == [
        "alert.opened",
        "alert.repeated",
        "alert.acknowledged",
    ]
    assert "for 10 h" in found["events"][1]["payload"]["alert"]["message"]


def test_it_can_be_told_never_again(native: Native) -> None:
    story = fleet("ONE")
    story.rule("offline", repeat_after="0")
    story.evaluate(at(8), "opened")
    story.evaluate(at(24 * 300), "much later")
    found = story.run(native)
    assert (found["opened"]["told"], found["much later"]["told"]) == (1, 0)


def test_a_snoozed_alert_is_told_when_that_is_over(native: Native) -> None:
    story = fleet("ONE", "TWO", **LOW)
    story.heard(at(), "ONE", "TWO", wake=at(24 * 40))
    story.evaluate(at(1), "opened")
    # What a user does is done in the present, so the snooze is set as it would have been then.
    story.sql(
        f"update public.alerts set snoozed_until = '{at(100)}', snooze_reason = 'new battery on its way'"
    )
    story.evaluate(at(99), "snoozed")
    story.heard(at(99), "TWO", wake=at(24 * 40), battery_percent=90)
    story.evaluate(at(99, minutes=1), "better")
    story.heard(at(99), "TWO", wake=at(24 * 40), battery_percent=10)
    story.evaluate(at(99, minutes=2), "worse")
    story.evaluate(at(100), "over")
    story.evaluate(at(100, minutes=1), "and then")
    story.ask("events", EVENTS)
    found = story.run(native)
    assert [found[name]["told"] for name in ("opened", "snoozed", "better")] == [2, 0, 1]
    assert (found["worse"]["opened"], found["worse"]["told"]) == (1, 0), "it is still snoozed"
    assert (found["over"]["told"], found["and then"]["told"]) == (2, 0)
    assert told(found["events"])[-2:] == [("alert.opened", "TWO"), ("alert.repeated", "ONE")]


def test_an_operator_snoozes_with_a_reason_and_wakes_again(native: Native) -> None:
    story = fleet("ONE", **LOW)
    story.evaluate(at(1))
    alert = "(select alert_id from public.alerts)"
    story.call("snooze_alert", p_alert=alert, p_until="(now() + interval '1 day')", p_reason=" on its way ")
    snoozed = "select snooze_reason, snoozed_until, snoozed_by from public.alerts"
    story.ask("snoozed", snoozed)
    story.call("snooze_alert", p_alert=alert, p_until=None)
    story.ask("awake", snoozed)
    found = story.run(native)
    assert found["snoozed"][0]["snooze_reason"] == "on its way"
    assert None not in found["snoozed"][0].values()
    assert set(found["awake"][0].values()) == {None}


def test_what_gets_worse_is_told_though_somebody_has_it_in_hand(native: Native) -> None:
    story = fleet("ONE", **LOW)
    story.heard(at(), "ONE", wake=at(24 * 40))
    story.evaluate(at(1))
    story.call("acknowledge_alert", p_alert="(select alert_id from public.alerts)")
    story.sql("update public.devices set battery_percent = 8")
    story.evaluate(at(2), "critical")
    story.sql("update public.devices set battery_percent = 12")
    story.evaluate(at(3), "a little better")
    story.ask("alerts", ALERTS)
    found = story.run(native)
    assert (found["critical"]["told"], found["a little better"]["told"]) == (1, 0)
    assert [row["severity"] for row in found["alerts"]] == ["critical"]


def test_in_a_maintenance_window_nothing_opens_or_is_told(backend: Backend) -> None:
    story = Story()
    for name, site in (("DEVICE", None), ("SITE", SITE), ("WATCHED", None), ("BACK", None)):
        story.device(name, site_id=site)
    story.heard(at(), "DEVICE", "SITE", "WATCHED", "BACK", wake=at(1))
    story.evaluate(at(7, minutes=1), "before")
    window = "insert into public.maintenance_windows (company_id, device_id, site_id, starts_at, ends_at, reason) values"
    # The first two are heard, so that nothing is open of them, and late again in their windows.
    story.heard(at(8), "DEVICE", "SITE", wake=at(9))
    story.evaluate(at(8, minutes=1))
    story.sql(f"{window} ('{COMPANY}', 'DEVICE', null, '{at(10)}', '{at(20)}', 'x'),"
              f" ('{COMPANY}', null, '{SITE}', '{at(10)}', '{at(20)}', 'x'),"
              f" ('{COMPANY}', 'BACK', null, '{at(10)}', '{at(20)}', 'x')")  # fmt: skip
    story.heard(at(11), "BACK", wake=at(24 * 40))
    story.evaluate(at(19), "within")
    story.ask("within: alerts", ALERTS)
    story.evaluate(at(20), "after")
    story.ask("after: alerts", ALERTS)
    found = story.run(backend)
    assert found["before"]["opened"] == 4
    assert {name: found["within"][name] for name in ("opened", "resolved", "told")} == dict.fromkeys(
        ("opened", "resolved", "told"), 0
    )
    assert opened(found["within: alerts"]) == ["BACK", "WATCHED"]
    assert opened(found["after: alerts"]) == ["WATCHED", "DEVICE", "SITE"]


def test_a_window_of_the_company_covers_all_its_devices_and_no_others(native: Native) -> None:
    story = Story()
    story.device("MINE")
    story.device("THEIRS", company=OTHER)
    story.heard(at(), "MINE", "THEIRS", wake=at(1))
    story.sql("insert into public.maintenance_windows (company_id, starts_at, ends_at, reason)"
              f" values ('{COMPANY}', '{at()}', '{at(20)}', 'x')")  # fmt: skip
    story.evaluate(at(8))
    story.ask("alerts", ALERTS)
    assert opened(story.run(native)["alerts"]) == ["THEIRS"]


def test_of_many_devices_at_once_one_event_tells(native: Native) -> None:
    story = Story()
    many = [f"D{number:02}" for number in range(12)]
    for number, name in enumerate(many):
        story.device(name, site_id=SITE, name=f"Camera {number:02}")
    story.device("ELSEWHERE")
    story.heard(at(), *many, "ELSEWHERE", wake=at(1))
    story.evaluate(at(8), "opened")
    story.heard(at(8), *many, wake=at(9))
    story.evaluate(at(8, minutes=1), "resolved")
    story.ask("alerts", ALERTS)
    story.ask("events", EVENTS)
    found = story.run(native)
    assert (found["opened"]["opened"], found["opened"]["told"]) == (13, 2)
    assert (found["resolved"]["resolved"], found["resolved"]["told"]) == (12, 1)
    assert len(found["alerts"]) == 13
    flood = next(row["payload"] for row in found["events"] if row["payload"]["device_id"] is None)
    assert flood["site"] == "north"
    assert flood["alert"]["devices"] == len(flood["alert"]["alert_ids"]) == 12
    assert flood["alert"]["message"] == (
        "12 devices: Camera 00, Camera 01, Camera 02, Camera 03, Camera 04, and 7 more (not heard when they were due)."
    )


def test_what_died_long_ago_opens_without_a_word(native: Native) -> None:
    story = fleet("ONE")
    story.evaluate(at(24 * 40), "first")
    story.ask("alerts", ALERTS)
    story.evaluate(at(24 * 45), "later")
    story.heard(at(24 * 46), "ONE", wake=at(24 * 47))
    story.evaluate(at(24 * 46), "heard")
    found = story.run(native)
    assert (found["first"]["opened"], found["first"]["told"]) == (1, 0)
    assert opened(found["alerts"]) == ["ONE"]
    assert (found["later"]["told"], found["heard"]["resolved"], found["heard"]["told"]) == (0, 1, 0)


def test_a_device_that_leaves_its_company_leaves_no_trouble_there(native: Native) -> None:
    story = fleet("ONE")
    story.rule("offline", device="ONE", upper=1)
    story.call("start_maintenance", p_until="(now() + interval '1 hour')", p_reason="x", p_device="ONE")
    story.evaluate(at(8))
    story.sql(f"update public.devices set company_id = '{OTHER}' where device_id = 'ONE'")
    story.ask("alerts", ALERTS)
    story.ask("events", EVENTS)
    story.ask("rules", "select rule_id from public.alert_rules")
    story.ask("windows", "select window_id from public.maintenance_windows")
    story.evaluate(at(8, minutes=1), "then")
    found = story.run(native)
    assert opened(found["alerts"]) == []
    assert told(found["events"]) == [("alert.opened", "ONE"), ("alert.resolved", "ONE")]
    assert (found["rules"], found["windows"]) == ([], [])
    assert found["then"]["opened"] == 0, "the other company has not heard it yet"


def test_devices_of_nobody_have_no_alerts(native: Native) -> None:
    story = fleet("ONE", company=None, **LOW)
    story.evaluate(at(24), "late")
    assert story.run(native)["late"]["opened"] == 0


def test_old_alerts_go(native: Native) -> None:
    story = fleet("ONE")
    story.evaluate(at(8))
    story.heard(at(8), "ONE", wake=at(24 * 400))
    story.evaluate(at(8, minutes=1))
    story.evaluate(at(24 * 100), keep_days=100)
    story.ask("kept", ALERTS)
    story.evaluate(at(24 * 101), keep_days=100)
    story.ask("gone", ALERTS)
    found = story.run(native)
    assert (len(found["kept"]), len(found["gone"])) == (1, 0)


def test_what_else_opens_an_alert_opens_one(native: Native) -> None:
    story = Story()
    call = (
        f"fleet_private.open_alert('{COMPANY}', null, 'channel', 'x', 'critical', 'The channel x is dead.')"
    )
    story.ask("first", f"select {call} is not null as opened")
    story.ask("second", f"select {call} is not null as opened")
    story.evaluate(at() + timedelta(days=365 * 10), "stays")
    gone = f"fleet_private.resolve_alert('{COMPANY}', null, 'channel', 'x')"
    story.ask("resolved", f"select {gone} as resolved")
    story.ask("again", f"select {gone} as resolved")
    story.ask("events", EVENTS)
    found = story.run(native)
    assert [found[name][0]["opened"] for name in ("first", "second")] == [True, False]
    assert (found["stays"]["resolved"], found["stays"]["repeated"]) == (0, 1)
    assert [found[name][0]["resolved"] for name in ("resolved", "again")] == [True, False]
    assert [kind for kind, _ in told(found["events"])] == ["alert.opened", "alert.repeated", "alert.resolved"]


def test_every_kind_opens(backend: Backend) -> None:
    story = Story()
    far = at(24 * 40)
    for name in ("OFFLINE", "FAILING", "LOW", "FALLING", "BLACK", "COLD"):
        story.device(name)
    for minutes in range(3):
        story.failed(at(minutes=minutes), "FAILING")
        story.picture(at(minutes=minutes), "BLACK", image_bytes=10**9)
    story.sql("update public.captures set health = 'black' where device_id = 'BLACK'")
    for hours, percent in enumerate((90, 80, 70)):
        story.hello(at(hours), "FALLING", battery_percent=percent)
    story.picture(at(1), "COLD", sensors={"temperature_c": -5})
    story.rule("sensor", device="COLD", subject="temperature_c", lower=2)
    story.sql(f"update public.companies set storage_quota_bytes = 1e9 where company_id = '{COMPANY}'")
    story.days(at(3))
    story.heard(at(), "FAILING", "FALLING", "BLACK", "COLD", wake=far)
    story.heard(at(), "LOW", wake=far, battery_percent=12)
    story.heard(at(), "OFFLINE", wake=at(1))
    story.evaluate(at(8), troubles=["Storage does not answer"])
    story.evaluate(at(8, minutes=5), troubles=["Storage does not answer"])
    story.ask("alerts", ALERTS)
    alerts = story.run(backend)["alerts"]
    assert {(row["kind"], row["device_id"]) for row in alerts} == {
        ("offline", "OFFLINE"), ("failing", "FAILING"), ("battery_low", "LOW"), ("battery_falling", "FALLING"),
        ("picture", "BLACK"), ("sensor", "COLD"), ("storage", None), ("service", None),
    }  # fmt: skip
    assert all(row["message"] for row in alerts)


def test_members_read_that_the_service_is_ill_and_nothing_of_others(native: Native) -> None:
    story = Story()
    story.device("MINE")
    story.device("THEIRS", company=OTHER)
    story.heard(at(), "MINE", "THEIRS", wake=at(24), battery_percent=5)
    for minutes in (0, 5):
        story.evaluate(at(minutes=minutes), troubles=["no listener is running"], storage_quota_bytes=1)
    dead = "fleet_private.open_alert(null, null, 'channel', 'x', 'critical', 'The channel x is dead.')"
    story.sql(f"do $do$ begin perform {dead}; end $do$")
    what = "select kind, device_id from public.alerts order by 1"
    story.ask_as(USER, "member", what)
    story.ask_as("66666666-6666-4666-8666-666666666666", "stranger", what)
    found = story.run(native)
    assert found["member"] == [
        {"kind": "battery_low", "device_id": "MINE"},
        {"kind": "service", "device_id": None},
    ]
    assert found["stranger"] == []


def test_of_two_evaluations_at_once_the_second_does_nothing(native: Native) -> None:
    first, second = Connection(native.database), Connection(native.database)
    try:
        first.ask("begin; set role service_role; select public.evaluate_alerts();")
        assert second.ask("set role service_role; select public.evaluate_alerts();").strip() == (
            '{"told": 0, "opened": 0, "repeated": 0, "resolved": 0}'
        )
    finally:
        first.ask("rollback;")
        first.close()
        second.close()


def test_a_clock_that_was_ahead_for_a_moment_holds_up_no_alert(native: Native) -> None:
    story, ill = fleet("ONE", "TWO"), {"troubles": ["no listener is running"]}
    story.heard(at(), "TWO", wake=at(24 * 40))
    story.evaluate(at(1), "before", silence_minutes=600)
    # A day ahead nobody has looked for as long, and something is wrong since then.
    story.evaluate(at(25), "ahead", silence_minutes=600, **ill)
    story.evaluate(at(1, minutes=1), silence_minutes=600, **ill)
    story.evaluate(at(1, minutes=6), "ill", silence_minutes=600, **ill)
    story.evaluate(at(7, minutes=2), "late", silence_minutes=600)
    story.ask("alerts", ALERTS)
    found = story.run(native)
    assert found["ill"]["open"] == {"service": 1}
    assert opened(found["alerts"], "offline") == ["ONE"]
