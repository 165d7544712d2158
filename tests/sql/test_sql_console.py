"""What the console asks: of the own company alone, all of a page in one answer, whatever the number of devices."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sql_backends import Backend, Native, Row, User, new_device, refused


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def devices(user: User, **filters: object) -> Row:
    answer: Row = user.session.rpc("console_devices", **filters)
    return answer


def listed(user: User, **filters: object) -> list[str]:
    return [device["device_id"] for device in devices(user, **filters)["devices"]]


def alert(company: str, device: str, kind: str, **changed: object) -> Row:
    return {
        "company_id": company,
        "device_id": device,
        "kind": kind,
        "severity": "warning",
        "message": "x",
    } | changed


@pytest.fixture
def fleet(backend: Backend) -> tuple[str, User, dict[str, str]]:
    """A company with a device of each state; its id, a viewer, and the devices by their states."""
    company, _, first = backend.company()
    viewer = backend.member(company, "viewer")
    names = {name: new_device() for name in ("lost", "failing", "late", "battery", "new")}
    seen = {"company_id": company, "last_seen_at": ago(hours=4), "next_wake_at": ago(hours=-1)}
    backend.service.update("devices", {**seen, "name": "a bed"}, device_id=first)
    for name, device in names.items():
        backend.service.insert("devices", {"device_id": device, "company_id": company, "name": name})
        if name != "new":
            backend.service.update("devices", seen, device_id=device)
    backend.service.update("devices", {"next_wake_at": ago(minutes=11)}, device_id=names["late"])
    backend.service.insert(
        "alerts",
        alert(company, names["lost"], "offline"),
        alert(company, names["failing"], "failing"),
        alert(company, names["battery"], "battery_low"),
    )
    return company, viewer, {**names, "asleep": first}


def test_each_device_is_in_the_state_that_its_alerts_and_times_say(
    fleet: tuple[str, User, dict[str, str]],
) -> None:
    _, viewer, names = fleet
    answer = devices(viewer)
    assert {device["device_id"]: device["state"] for device in answer["devices"]} == {
        device: state for state, device in names.items()
    }
    assert [device["state"] for device in answer["devices"]] == [
        "lost", "failing", "late", "battery", "new", "asleep",
    ]  # fmt: skip
    assert answer["states"] == dict.fromkeys(names, 1)
    assert (answer["matching"], answer["total"]) == (6, 6)


def test_an_alert_that_is_over_counts_no_more_and_ten_minutes_are_given(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    _, viewer, names = fleet
    backend.service.update("alerts", {"resolved_at": ago()}, device_id=names["lost"])
    backend.service.update("devices", {"next_wake_at": ago(minutes=8)}, device_id=names["late"])
    assert set(listed(viewer, p_state="asleep")) == {names["lost"], names["late"], names["asleep"]}


def test_filters_narrow_and_the_states_are_counted_but_for_their_own(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    site = str(uuid.uuid4())
    backend.service.insert("sites", {"site_id": site, "company_id": company, "name": "Orchard"})
    backend.service.update("devices", {"site_id": site, "tags": ("wet", "old")}, device_id=names["lost"])
    backend.service.update("devices", {"tags": ("wet",), "location": "Bench 7 %"}, device_id=names["new"])
    assert listed(viewer, p_site=site) == [names["lost"]]
    assert set(listed(viewer, p_tag="wet")) == {names["lost"], names["new"]}
    assert listed(viewer, p_search="BENCH 7 %") == [names["new"]]
    assert listed(viewer, p_search=names["late"].lower()) == [names["late"]]
    assert listed(viewer, p_search="%") == [names["new"]]  # a sign like any other
    narrowed = devices(viewer, p_tag="wet", p_state="new")
    assert [device["device_id"] for device in narrowed["devices"]] == [names["new"]]
    assert (narrowed["matching"], narrowed["total"]) == (1, 6)
    assert narrowed["states"] == {"lost": 1, "new": 1}
    assert narrowed["sites"] == [{"site_id": site, "name": "Orchard"}]
    assert narrowed["tags"] == ["old", "wet"]


def test_the_order_is_chosen_and_a_limit_tells_how_many_there_are(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    _, viewer, names = fleet
    backend.service.update("devices", {"battery_percent": 3}, device_id=names["asleep"])
    backend.service.update("devices", {"battery_mv": 3400}, device_id=names["late"])
    backend.service.update("devices", {"last_seen_at": ago()}, device_id=names["lost"])
    assert listed(viewer, p_sort="battery")[:2] == [names["asleep"], names["late"]]
    assert listed(viewer, p_sort="seen")[0] == names["lost"]
    assert listed(viewer, p_sort="seen")[-1] == names["new"]
    assert listed(viewer, p_sort="name")[0] == names["asleep"]
    short = devices(viewer, p_limit=2, p_sort="name")
    assert (len(short["devices"]), short["matching"]) == (2, 6)


def test_a_device_has_its_newest_picture_and_its_days(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    device = names["asleep"]
    for hours, status in ((1, "failed"), (2, "stored"), (3, "stored")):
        path = f"{device}/{hours}.jpg"
        backend.service.insert("captures", {
            "device_id": device, "company_id": company, "device_capture_id": f"image_{hours}.jpg",
            "captured_at": ago(hours=hours), "ingest_status": status,
            "storage_path": f"captures/{path}" if status == "stored" else None,
            "thumbnail_path": f"thumbnails/{path}" if status == "stored" else None,
        })  # fmt: skip
    backend.service.delete("capture_days", device_id=device)
    for days in (0, 13, 14):
        backend.service.insert("capture_days", {
            "device_id": device, "company_id": company, "day": ago(days=days)[:10],
            "timezone": "UTC", "expected": 8, "silent": 1, "stored": 5, "partial": 1, "failed_transfer": 1,
            "refreshed_at": ago(),
        })  # fmt: skip
    answer = devices(viewer)
    (told,) = (each for each in answer["devices"] if each["device_id"] == device)
    assert told["thumbnail_path"] == f"thumbnails/{device}/2.jpg"
    assert answer["days"] == {device: [[13, 8, 1, 6, 1], [0, 8, 1, 6, 1]]}
    assert devices(viewer, p_state="lost")["days"] == {}
    overview = viewer.session.rpc("console_overview")
    assert [picture["thumbnail_path"] for picture in overview["pictures"]] == [
        f"thumbnails/{device}/2.jpg", f"thumbnails/{device}/3.jpg",
    ]  # fmt: skip
    assert viewer.session.rpc("console_overview", p_pictures=1)["pictures"] == overview["pictures"][:1]


def test_the_overview_tells_how_all_is(backend: Backend, fleet: tuple[str, User, dict[str, str]]) -> None:
    company, viewer, names = fleet
    backend.service.update(
        "alerts", {"severity": "critical", "opened_at": ago(days=9)}, device_id=names["battery"]
    )
    overview = viewer.session.rpc("console_overview")
    assert overview["devices"] == 6
    assert overview["states"] == dict.fromkeys(names, 1)
    assert overview["heard"] == 0
    assert (overview["alerts"]["open"], overview["alerts"]["critical"]) == (3, 1)
    # What is critical comes first, however old it is.
    assert overview["alerts"]["newest"][0]["device_id"] == names["battery"]
    assert overview["alerts"]["newest"][0]["name"] == "battery"
    assert (overview["storage"]["bytes"], overview["storage"]["quota_bytes"]) == (0, None)
    assert overview["service"]["waiting"] == 0
    backend.service.rpc("set_storage_quota", p_company=company, p_bytes=1000)
    assert viewer.session.rpc("console_overview")["storage"]["quota_bytes"] == 1000


def test_the_overview_tells_the_troubles_of_the_service_apart(native: Native) -> None:
    _, admin, _ = native.company()
    [[service]] = native.trial(
        "insert into public.alerts (kind, severity, message, details) values"
        " ('service', 'critical', 'The service is ill: a; b.', '{\"troubles\": \"a; b\"}');"
        f" set local request.jwt.claim.sub = '{admin.user_id}';",
        "select public.console_overview()->'service' as service",
    )
    assert (service["ill"], service["troubles"]) == ("The service is ill: a; b.", "a; b")


def test_nothing_of_another_company_is_told(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, _, names = fleet
    _, other, device = backend.company()
    assert listed(other) == [device]
    told = str(other.session.rpc("console_overview")) + str(devices(other))
    assert company not in told
    assert not any(name in told for name in names.values())
    stranger = backend.sign_up()
    assert devices(stranger)["devices"] == []
    assert backend.refuses(lambda: backend.anonymous.rpc("console_devices"))


def test_several_devices_are_changed_together_or_not_at_all(
    backend: Backend, fleet: tuple[str, User, dict[str, str]]
) -> None:
    company, viewer, names = fleet
    operator = backend.member(company, "operator")
    _, _, foreign = backend.company()
    two = (names["lost"], names["new"])
    operator.session.rpc("update_devices", p_devices=two, p_changes={"location": "Bench 1"})
    assert {backend.service.row("devices", device_id=device)["location"] for device in two} == {"Bench 1"}
    with refused("PT404", "no such device"):
        operator.session.rpc("update_devices", p_devices=(*two, foreign), p_changes={"location": "Bench 2"})
    assert {backend.service.row("devices", device_id=device)["location"] for device in two} == {"Bench 1"}
    with refused("42501", "operator"):
        viewer.session.rpc("update_devices", p_devices=two, p_changes={"location": "mine"})
    with refused("22023", "at most 1,000"):
        operator.session.rpc("update_devices", p_devices=("x",) * 1001, p_changes={})
