"""Each kind of alert: what opens it, what does not, and what resolves it.

On PostgreSQL alone: a story on the embedded stack takes seconds, and test_sql_alerts.py has one of all kinds.
"""

from datetime import timedelta

import pytest
from alert_story import ALERTS, COMPANY, OTHER, SITE, Story, at, opened
from sql_backends import Native

FAR = at(24 * 40)


def one(**values: object) -> Story:
    """Begin with a device that sleeps for long, so that it is not offline."""
    story = Story()
    story.device("ONE", name="Greenhouse 3")
    story.heard(at(), "ONE", wake=FAR, **values)
    return story


# ── offline ──


def test_a_sleeping_device_is_never_offline(native: Native) -> None:
    story = Story()
    story.device("MONTH")
    story.sql("insert into public.device_configs (device_id, interval_minutes) values ('MONTH', 60)")
    wake = at(24 * 31)
    story.sql(
        "insert into public.device_commands (device_id, type, payload)"
        f" values ('MONTH', 'next_wake', '{{\"next_wake\": \"{wake.isoformat()}\"}}')"
    )
    story.hello(at(), "MONTH")
    for day in (1, 8, 30, 31):
        story.evaluate(at(24 * day, minutes=1), f"day {day}")
    story.evaluate(wake + timedelta(hours=6, minutes=1), "late")
    found = story.run(native)
    assert {name: answer["opened"] for name, answer in found.items()} == {
        "day 1": 0, "day 8": 0, "day 30": 0, "day 31": 0, "late": 1,
    }  # fmt: skip


def test_what_a_device_was_told_counts_and_not_a_schedule_set_since(native: Native) -> None:
    story = Story()
    story.device("ONE")
    story.sql(
        "insert into public.device_configs (device_id, interval_minutes, wake_spread_s) values ('ONE', 1440, 0)"
    )
    story.hello(at(1), "ONE")  # the next wake is at midnight
    story.sql("update public.device_configs set interval_minutes = 60")
    story.evaluate(at(17, minutes=59), "early")
    story.evaluate(at(18, minutes=1), "late")
    found = story.run(native)
    assert (found["early"]["opened"], found["late"]["opened"]) == (0, 1)


@pytest.mark.parametrize("scope", ["device_id", "company_id", None])
def test_of_what_was_told_nothing_the_schedule_says_when_it_wakes(native: Native, scope: str | None) -> None:
    story = Story()
    story.device("ONE")
    story.heard(at(1), "ONE")
    columns = {"device_id": "'ONE'", "company_id": f"'{COMPANY}'"}
    named, value = (f"{scope}, ", f"{columns[scope]}, ") if scope else ("", "")
    story.sql(
        f"insert into public.device_configs ({named}interval_minutes, wake_spread_s) values ({value}720, 0)"
    )
    story.evaluate(at(18), "early")  # it wakes at midnight
    story.evaluate(at(18, minutes=1), "late")
    story.ask("alerts", ALERTS)
    found = story.run(native)
    assert (found["early"]["opened"], found["late"]["opened"]) == (0, 1)
    assert found["alerts"][0]["message"].endswith("it was due at 00:00 UTC.")


def test_without_a_schedule_a_device_has_a_day_or_as_long_as_it_is_let_sleep(native: Native) -> None:
    story = Story()
    story.device("ONE")
    story.device("NEVER")  # was never heard: nobody misses it
    story.heard(at(), "ONE")
    story.evaluate(at(24), "a day")
    story.evaluate(at(24, minutes=1), "sleeps for two", default_wake_minutes=2 * 24 * 60)
    story.evaluate(at(24, minutes=2), "late")
    story.ask("alerts", ALERTS)
    found = story.run(native)
    assert [found[name]["opened"] for name in ("a day", "sleeps for two", "late")] == [0, 0, 1]
    assert found["alerts"][0]["message"] == "ONE has not been heard for 24 h: it has no schedule."


def test_the_narrowest_rule_says_how_many_hours(native: Native) -> None:
    story = Story()
    for name, site in (("COMPANY", None), ("SITE", SITE), ("DEVICE", SITE), ("OFF", SITE)):
        story.device(name, site_id=site)
    story.device("THEIRS", company=OTHER)
    names = ("COMPANY", "SITE", "DEVICE", "OFF", "THEIRS")
    story.heard(at(), *names, wake=at(1))
    story.rule("offline", upper=2)
    story.rule("offline", site=SITE, upper=3)
    story.rule("offline", device="DEVICE", upper=4)
    story.rule("offline", device="OFF", enabled=False)
    for hours in (2, 3, 4, 5, 7):
        story.evaluate(at(hours + 0.1))
        story.ask(f"{hours} h", ALERTS)
    found = story.run(native)
    assert [sorted(opened(found[f"{hours} h"])) for hours in (2, 3, 4, 5, 7)] == [
        [],
        ["COMPANY"],
        ["COMPANY", "SITE"],
        ["COMPANY", "DEVICE", "SITE"],
        ["COMPANY", "DEVICE", "SITE", "THEIRS"],
    ]


# ── the service ──


def test_when_nobody_was_heard_the_service_is_ill_and_no_device_offline(native: Native) -> None:
    story = Story()
    names = [f"D{number}" for number in range(8)]
    for name in names:
        story.device(name)
    story.heard(at(), *names, wake=at(1))
    story.evaluate(at(0.5), "before", silence_minutes=30)
    for hours in (1.1, 1.2, 4, 12):
        story.evaluate(at(hours), f"{hours} h", silence_minutes=30)
    story.ask("silent", ALERTS)
    # One is heard. The others have their six hours from now on.
    story.heard(at(12.1), "D0", wake=FAR)
    story.evaluate(at(12.2), "heard", silence_minutes=30)
    for hours in (13, 14, 15, 16, 17, 18):
        story.heard(at(hours), "D0", wake=FAR)
        story.evaluate(at(hours), "in time", silence_minutes=61)
    story.heard(at(18.1), "D1", "D2", wake=FAR)
    story.evaluate(at(18.3), "late", silence_minutes=61)
    story.ask("alerts", ALERTS)
    found = story.run(native)
    assert found["before"]["opened"] == found["1.1 h"]["opened"] == 0
    assert (found["1.2 h"]["opened"], found["4 h"]["opened"], found["12 h"]["opened"]) == (1, 0, 0)
    [alert] = found["silent"]
    assert (alert["kind"], alert["device_id"], alert["severity"]) == ("service", None, "critical")
    assert alert["message"] == (
        "The service is ill: nothing has been heard from any device since 2026-03-10 12:00 UTC, though devices were due."
    )
    assert (found["heard"]["resolved"], found["heard"]["opened"]) == (1, 0)
    assert found["in time"]["opened"] == 0
    assert opened(found["alerts"], "offline") == ["D3", "D4", "D5", "D6", "D7"]


def test_one_device_that_is_late_is_no_silence_of_the_service(native: Native) -> None:
    story = Story()
    story.device("ONE")
    story.device("SLEEPS")
    story.heard(at(), "ONE", wake=at(1))
    story.heard(at(), "SLEEPS", wake=FAR)
    for hours, name in ((6.8, "waits"), (6.9, "still"), (7.1, "late")):
        story.evaluate(at(hours), name, silence_minutes=30)
    story.ask("alerts", ALERTS)
    found = story.run(native)
    assert [found[name]["opened"] for name in ("waits", "still", "late")] == [0, 0, 1]
    assert opened(found["alerts"], "offline") == ["ONE"]


def test_after_a_time_in_which_nobody_looked_devices_have_their_hours_anew(native: Native) -> None:
    story = Story()
    for name in ("ONE", "TWO", "OTHER"):
        story.device(name)
    story.heard(at(), "ONE", "TWO", wake=at(1))
    story.evaluate(at(), silence_minutes=30)
    # Nothing ran for ten hours; what has waited at the broker is just being read.
    story.heard(at(10), "OTHER", wake=FAR)
    story.evaluate(at(10), "back", silence_minutes=30)
    for minutes in range(20, 361, 20):
        story.heard(at(10, minutes=minutes), "OTHER", wake=FAR)
        story.evaluate(at(10, minutes=minutes), "six hours", silence_minutes=30)
    story.heard(at(16), "OTHER", wake=FAR)
    story.evaluate(at(16, minutes=1), "late", silence_minutes=30)
    found = story.run(native)
    assert [found[name]["opened"] for name in ("back", "six hours", "late")] == [0, 0, 2]


def test_the_service_is_ill_after_five_minutes_and_well_after_five(native: Native) -> None:
    story = Story()
    story.evaluate(at(), "first", troubles=["Storage does not answer"])
    story.evaluate(at(minutes=4), "four")
    story.evaluate(at(minutes=5), "five", troubles=["Storage does not answer", "no listener is connected"])
    story.ask("alerts", ALERTS)
    story.evaluate(at(minutes=6), "a pause")
    story.evaluate(at(minutes=9), "again", troubles=["Storage does not answer"])
    story.evaluate(at(minutes=10), "well")
    story.evaluate(at(minutes=14), "four later")
    story.evaluate(at(minutes=15), "five later")
    found = story.run(native)
    assert [found[name]["opened"] for name in ("first", "four", "five")] == [0, 0, 1]
    [alert] = found["alerts"]
    assert alert["message"] == "The service is ill: Storage does not answer; no listener is connected."
    assert [found[name]["resolved"] for name in ("a pause", "again", "well", "four later", "five later")] == [
        0,
        0,
        0,
        0,
        1,
    ]


@pytest.mark.parametrize(
    "service", [{}, {"troubles": "x", "silence_minutes": "x"}, {"troubles": [None] * 1000}]
)
def test_whatever_the_workers_say_is_taken(native: Native, service: dict[str, object]) -> None:
    story = one()
    story.evaluate(at(1), "done", **service)
    assert story.run(native)["done"]["opened"] == 0


# ── failing ──


def test_a_device_fails_that_fails_often_enough(native: Native) -> None:
    story = Story()
    for name, good, bad in (("TEN", 27, 3), ("MORE", 26, 3), ("FEW", 1, 2), ("NONE", 5, 0)):
        story.device(name)
        for number in range(good):
            story.picture(at(minutes=number), name)
        for number in range(bad):
            story.failed(at(1, minutes=number), name)
        story.heard(at(2), name, wake=FAR)
    story.days(at(2))
    story.evaluate(at(2), "first")
    story.ask("alerts", ALERTS)
    # Two of the three leave the last 24 hours: 1 of 17 is below 10 %, and not half of that; 1 of 24 is.
    for number in range(16):
        story.picture(at(23, minutes=number), "MORE")
    story.days(at(24))
    story.evaluate(at(25, minutes=1, seconds=30), "better")
    for number in range(16, 23):
        story.picture(at(23, minutes=number), "MORE")
    story.days(at(24))
    story.evaluate(at(25, minutes=1, seconds=30), "good")
    found = story.run(native)
    assert opened(found["alerts"]) == ["MORE"]
    assert found["alerts"][0]["message"] == "3 of the last 29 pictures of MORE failed (10.3 %, in 24 h)."
    assert (found["better"]["resolved"], found["good"]["resolved"]) == (0, 1)


# ── batteries ──


def test_a_low_battery_opens_below_20_and_resolves_at_25(native: Native) -> None:
    story = one(battery_percent=20)
    for name, percent in (("20", 20), ("19.9", 19.9), ("24.9", 24.9), ("19", 19), ("25", 25)):
        story.sql(f"update public.devices set battery_percent = {percent}")
        story.evaluate(at(1), name)
        story.ask(f"{name}: alerts", ALERTS)
    found = story.run(native)
    assert [(found[name]["opened"], found[name]["resolved"]) for name in ("20", "19.9", "24.9", "19", "25")] == [
        (0, 0), (1, 0), (0, 0), (0, 0), (0, 1),
    ]  # fmt: skip
    assert found["19.9: alerts"][0]["message"] == "The battery of Greenhouse 3 is low: 19.9 %."


@pytest.mark.parametrize(("mv", "low"), [(3470, True), (3490, False), (2400, False), (12000, False)])
def test_millivolts_are_those_of_a_cell_of_lithium_if_they_can_be(
    native: Native, mv: int, *, low: bool
) -> None:
    story = one(battery_mv=mv)
    story.evaluate(at(1))
    story.ask("alerts", ALERTS)
    alerts = story.run(native)["alerts"]
    assert [row["message"] for row in alerts] == (
        ["The battery of Greenhouse 3 is low: 3470 mV, about 19 %."] if low else []
    )


def levels(story: Story, *percents: float, since: float = 0) -> None:
    """Let the device tell its battery every hour, and count the days."""
    for number, percent in enumerate(percents):
        story.hello(at(since + number), "ONE", battery_percent=percent)
    story.days(at(since + len(percents)))
    story.heard(at(since + len(percents) - 1), "ONE", wake=FAR)


@pytest.mark.parametrize(
    ("percents", "falls"),
    [
        ((90, 85, 80, 75), False),  # 15 points
        ((90, 85, 80, 74), True),
        ((90, 60, 66, 64), False),  # charged
        ((60, 90, 80, 76), False),
        ((90, 70, 73, 72, 70), True),  # noise is no charge
        ((90, 60, 95, 70), True),
    ],
)
def test_a_battery_falls_fast_that_loses_more_than_15_points(
    native: Native, percents: tuple[float, ...], *, falls: bool
) -> None:
    story = one()
    levels(story, *percents)
    story.evaluate(at(len(percents)))
    story.ask("alerts", ALERTS)
    alerts = story.run(native)["alerts"]
    assert opened(alerts, "battery_falling") == (["ONE"] if falls else [])


def test_a_battery_that_is_charged_falls_no_more(native: Native) -> None:
    story = one()
    levels(story, 90, 80, 70)
    story.evaluate(at(3), "falls")
    story.ask("alerts", ALERTS)
    levels(story, 72, 74, since=3)
    story.evaluate(at(5), "not yet")
    levels(story, 75, 74, 71, since=5)
    story.evaluate(at(8), "charged")
    levels(story, 60, since=8)
    story.evaluate(at(9), "lower")
    levels(story, 59, since=9)
    story.evaluate(at(10), "falls again")
    found = story.run(native)
    assert (
        found["alerts"][0]["message"]
        == "The battery of Greenhouse 3 has lost 20 points in 24 h and is at 70 %."
    )
    names = ("falls", "not yet", "charged", "lower", "falls again")
    assert [(found[name]["opened"], found[name]["resolved"]) for name in names] == [
        (1, 0), (0, 0), (0, 1), (0, 0), (1, 0),
    ]  # fmt: skip


def test_who_loses_little_each_day_does_not_fall_fast(native: Native) -> None:
    story = one()
    for day in range(3):
        levels(story, 90 - 9 * day, since=24 * day)
    story.evaluate(at(48))
    story.ask("alerts", ALERTS)
    assert story.run(native)["alerts"] == []


# ── storage ──


def test_storage_opens_at_80_is_critical_at_95_and_resolves_below_75(native: Native) -> None:
    story = one()
    story.sql(f"update public.companies set storage_quota_bytes = 10e9 where company_id = '{COMPANY}'")
    for number in range(8):
        story.picture(at(minutes=number), "ONE", image_bytes=10**9)
    story.days(at(1))
    story.evaluate(at(1), "80", storage_quota_bytes=100e9)
    story.picture(at(minutes=9), "ONE", image_bytes=10**9)
    story.days(at(1))
    story.evaluate(at(1), "90", storage_quota_bytes=100e9)
    story.ask("alerts", ALERTS)
    story.picture(at(minutes=10), "ONE", image_bytes=10**9)
    story.days(at(1))
    story.evaluate(at(1), "100", storage_quota_bytes=100e9)
    story.evaluate(at(1), "service", storage_quota_bytes=12e9)
    story.ask("critical", ALERTS)
    for kept, name in ((8, "80 again"), (7, "70")):
        story.sql(
            "delete from public.captures where capture_id in"
            f" (select capture_id from public.captures order by captured_at offset {kept})"
        )
        story.days(at(1))
        story.evaluate(at(1), name, storage_quota_bytes=100e9)
    story.ask("sum", "select bytes from fleet_private.stored_bytes")
    found = story.run(native)
    assert (found["80"]["opened"], found["90"]["opened"], found["100"]["repeated"]) == (0, 1, 1)
    assert found["alerts"][0]["message"] == "90 % of the storage is used: 9 of 10 GB."
    assert found["service"]["opened"] == 1
    assert [row["severity"] for row in found["critical"]] == ["critical", "warning"]
    assert (found["80 again"]["resolved"], found["70"]["resolved"]) == (1, 1)
    assert found["sum"] == [{"bytes": 7 * 10**9}]


def test_a_companys_bytes_are_those_of_its_days(native: Native) -> None:
    story = Story()
    story.device("ONE", company=None)
    story.picture(at(), "ONE")
    story.days(at(1))
    story.ask("nobody's", "select company_id, bytes from fleet_private.stored_bytes where bytes > 0")
    story.sql(f"update public.devices set company_id = '{COMPANY}'")
    story.days(at(1))
    story.ask("mine", "select company_id, bytes from fleet_private.stored_bytes where bytes > 0")
    found = story.run(native)
    assert found["nobody's"] == [{"company_id": None, "bytes": 1000}]
    assert found["mine"] == [{"company_id": COMPANY, "bytes": 1000}]


# ── pictures and sensors ──


def test_three_bad_pictures_in_a_row_open_and_a_good_one_resolves(native: Native) -> None:
    story = one()
    judge = "update public.captures set health = '{}' where captured_at = '{}'"
    for number, health in enumerate(("black", "black", "ok", "blurred", "black")):
        story.picture(at(minutes=number), "ONE")
        story.sql(judge.format(health, at(minutes=number)))
    story.heard(at(1), "ONE", wake=FAR)
    story.evaluate(at(1), "two in a row")
    story.picture(at(minutes=30), "ONE")
    story.sql(judge.format("covered", at(minutes=30)))
    story.sql(judge.format("covered", at(minutes=30)))
    story.picture(at(minutes=31), "ONE")  # it is not judged
    story.heard(at(1), "ONE", wake=FAR)
    story.evaluate(at(1), "three")
    story.ask("alerts", ALERTS)
    story.sql(judge.format("ok", at(minutes=31)))
    story.evaluate(at(1), "good")
    found = story.run(native)
    assert (found["two in a row"]["opened"], found["three"]["opened"], found["good"]["resolved"]) == (0, 1, 1)
    assert (
        found["alerts"][0]["message"]
        == "The last 3 pictures of Greenhouse 3 were not good; the latest is covered."
    )


def test_a_sensor_out_of_its_bounds_has_to_come_back_by_the_margin(native: Native) -> None:
    story = one()
    story.rule("sensor", subject="temperature_c", lower=2, upper=30, margin=1)
    story.rule("sensor", device="ONE", subject="humidity_pct", upper=90)
    readings = ((30, 50), (30.1, 50), (29.5, 95), (29, 89), (1.9, 88), (2.5, None), (3, None))
    for number, (temperature, humidity) in enumerate(readings):
        sensors = {"temperature_c": temperature, "humidity_pct": humidity}
        story.picture(at(minutes=number), "ONE", sensors=sensors)
        story.heard(at(1), "ONE", wake=FAR)
        story.evaluate(at(1), f"{number}")
        story.ask(f"{number}: alerts", ALERTS)
    found = story.run(native)
    open_ones = [
        [row["subject"] for row in found[f"{number}: alerts"] if row["open"]]
        for number in range(len(readings))
    ]
    temperature, humidity = "temperature_c", "humidity_pct"
    assert open_ones == [
        [], [temperature], [temperature, humidity], [humidity], [temperature], [temperature], [],
    ]  # fmt: skip
    messages = {row["message"] for row in found["6: alerts"]}
    assert messages == {
        "The temperature of Greenhouse 3 is 30.1 °C: above 30 °C.",
        "The humidity of Greenhouse 3 is 95 %: above 90 %.",
        "The temperature of Greenhouse 3 is 1.9 °C: below 2 °C.",
    }
