"""What the console's report is told."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, Row, User, new_device, refused
from test_sql_gaps import at, fail, others_are_heard, say, watch
from test_sql_rollups import refresh, register, take

MINUTE = timedelta(minutes=1)
FIRST = date(2026, 3, 1)
LAST = FIRST + timedelta(days=11)


def noon(day: float) -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)


def report(user: User, function: str = "console_report", **asked: Any) -> Any:
    return user.session.rpc(function, **{"p_from": str(FIRST), "p_to": str(LAST)} | asked)


@pytest.fixture
def place(backend: Backend) -> tuple[str, User, str, dict[str, str]]:
    """A company with two devices at a site; its id, a viewer, the site, and the devices by name."""
    company, _, _ = backend.company()
    viewer = backend.member(company, "viewer")
    backend.service.insert("sites", {"company_id": company, "name": "North"})
    site = backend.service.row("sites", company_id=company)["site_id"]
    names = {name: new_device() for name in ("apple", "beech")}
    for name, device in names.items():
        register(backend, device, known=noon(-3), company_id=company, name=name, site_id=site)
    return company, viewer, site, names


def test_a_site_has_its_devices_with_their_days(
    backend: Backend, place: tuple[str, User, str, dict[str, str]]
) -> None:
    _, viewer, site, names = place
    take(backend, names["apple"], noon(0), sensors={"temperature_c": 10, "humidity_pct": 50, "gas_kohm": 7})
    take(backend, names["apple"], noon(0.1), sensors={"temperature_c": 15})
    take(backend, names["apple"], noon(30))
    refresh(backend)
    told = report(viewer, p_site=site)
    assert (told["company"], told["site"], told["more"]) == ("a company", "North", 0)
    apple, beech = told["devices"]
    assert (apple["name"], apple["site"], apple["zone"]) == ("apple", "North", "UTC")
    assert apple["days"][0] == [
        "2026-03-01", None, 0, 2, 0, 0, 0, 0, 10, 12.5, 15, 50, 50, 50, None, 7, None, None,
    ]  # fmt: skip
    assert [row[0] for row in apple["days"]] == ["2026-03-01"]
    assert (beech["days"], beech["pictures"]) == ([], [])
    assert [device["name"] for device in report(viewer, p_devices=(names["beech"],))["devices"]] == ["beech"]
    assert report(viewer)["devices"] == []


def test_pictures_are_chosen_evenly_over_the_time(
    backend: Backend, place: tuple[str, User, str, dict[str, str]]
) -> None:
    _, viewer, site, names = place
    # All at once on one day, and one on each of the others: 12 days have 12 stretches.
    for hour in range(12):
        take(backend, names["apple"], noon(4) - timedelta(hours=6) + hour * timedelta(hours=1))
    for day in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10):
        take(backend, names["apple"], noon(day) + MINUTE)
    take(backend, names["apple"], noon(11), ingest_status="failed", storage_path=None,
         error={"code": 1002, "message": "m"})  # fmt: skip
    chosen = report(viewer, p_site=site)["devices"][0]["pictures"]
    days = [datetime.fromtimestamp(seconds, UTC) for seconds, *_ in chosen]
    assert [day.day for day in days] == list(range(1, 12))
    # Of the day with many the one nearest its middle.
    assert days[4] == noon(4)
    # One device has no more room than twelve pictures have.
    long = report(viewer, p_devices=(names["apple"],), p_to=str(FIRST + timedelta(days=91)))
    assert 1 <= len(long["devices"][0]["pictures"]) <= 12


def test_of_many_devices_the_first_are_told_and_the_others_counted(
    backend: Backend, place: tuple[str, User, str, dict[str, str]]
) -> None:
    company, viewer, site, _ = place
    backend.service.insert(
        "devices",
        *(
            {"device_id": new_device(), "company_id": company, "site_id": site, "name": f"cedar {number:02}"}
            for number in range(13)
        ),
    )
    told = report(viewer, p_site=site)
    assert (len(told["devices"]), told["more"]) == (12, 3)
    assert [device["name"] for device in told["devices"]][:3] == ["apple", "beech", "cedar 00"]


def test_what_did_not_come_has_its_reason(backend: Backend) -> None:
    company, admin, _ = backend.company()
    device = watch(backend, 4, company_id=company)
    others_are_heard(backend, 4)
    take(backend, device, at(0) + MINUTE)
    fail(backend, device, at(1) + MINUTE, 1002)
    days = {"p_from": str(at(0).date()), "p_to": str(at(4).date()), "p_devices": (device,)}
    found = report(admin, "console_report_gaps", **days)
    here = [gap for gap in found if at(0) <= datetime.fromisoformat(gap["at"]) < at(4)]
    assert [(gap["device_id"], gap["code"]) for gap in here] == [
        (device, "camera_failed"),
        (device, "silent"),
        (device, "silent"),
    ]
    assert here[0]["params"]["error_code"] == 1002
    assert here[0]["sentence"] == "The device reported an error instead of a picture: m1002 (1002)."


def test_what_a_silent_device_misses_is_bounded(backend: Backend) -> None:
    """Of a device that was silent for 40 days at six wakes a day, the oldest 240 are told, over the end of a month."""
    company, admin, _ = backend.company()
    long_ago = datetime.now(UTC) - timedelta(days=41)
    device = new_device()
    register(backend, device, known=long_ago, company_id=company)
    config = {"device_id": device, "interval_minutes": 240, "wake_spread_s": 0}
    backend.service.insert("device_configs", config | {"created_at": long_ago.isoformat()})
    say(backend, device, long_ago)
    refresh(backend)
    days = {"p_from": str(long_ago.date()), "p_to": str(datetime.now(UTC).date()), "p_devices": (device,)}
    found = [datetime.fromisoformat(gap["at"]) for gap in report(admin, "console_report_gaps", **days)]
    assert len(found) == 240
    assert found == sorted(found)
    # Six wakes a day: 240 of them reach over the end of the month that is asked for at a time.
    assert found[-1] - found[0] > timedelta(days=32)


def test_every_role_sees_the_own_company_and_nobody_another(
    backend: Backend, place: tuple[str, User, str, dict[str, str]]
) -> None:
    company, viewer, site, names = place
    take(backend, names["apple"], noon(0))
    refresh(backend)

    def without_the_clock(told: Row) -> Row:
        return told | {"made_at": None}

    own = report(viewer, p_site=site)
    for role in ("operator", "admin"):
        theirs = report(backend.member(company, role), p_site=site)
        assert without_the_clock(theirs) == without_the_clock(own)
    _, other, _ = backend.company()
    for asked in ({"p_site": site}, {"p_devices": tuple(names.values())}):
        told = report(other, **asked)
        assert (told["site"], told["devices"], told["more"], told["sites"]) == (None, [], 0, [])
        assert report(other, "console_report_gaps", **asked) == []
    for function in ("console_report", "console_report_gaps"):
        assert backend.refuses(
            lambda asked=function: backend.anonymous.rpc(asked, p_from=str(FIRST), p_to=str(LAST))
        )


@pytest.mark.parametrize("function", ["console_report", "console_report_gaps"])
@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"p_to": "2026-02-01"}, "a report is of 92 days at most"),
        ({"p_to": "2026-06-01"}, "a report is of 92 days at most"),
        ({"p_from": "-infinity"}, "a report is of 92 days at most"),
        ({"p_devices": tuple(f"D{number}" for number in range(13))}, "at most 12 devices"),
    ],
)
def test_what_cannot_be_asked(backend: Backend, function: str, asked: Row, why: str) -> None:
    _, admin, _ = backend.company()
    with refused("22023", why):
        report(admin, function, **asked)
