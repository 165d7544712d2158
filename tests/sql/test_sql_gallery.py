"""What the gallery is told: the pictures of the own company alone, counted by local days, asked by stretches of time."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, Native, PsqlSession, RefusedError, Row, Session, User, refused

# Two in the afternoon in Berlin.
NOON = datetime(2026, 11, 3, 13, 0, tzinfo=UTC)
BERLIN = {"zone": "Europe/Berlin"}
ALL_TIMES = {"p_from": "2000-01-01T00:00:00Z", "p_to": "2100-01-01T00:00:00Z"}


def take(backend: Backend, device: str, at: datetime = NOON, **columns: Any) -> str:
    """Store a picture of a device of a company; return its id."""
    capture = str(uuid.uuid4())
    backend.service.insert(
        "captures",
        {
            "capture_id": capture,
            "device_id": device,
            "device_capture_id": capture,
            "captured_at": at.isoformat(),
            "company_id": backend.service.row("devices", device_id=device)["company_id"],
            "ingest_status": "stored",
            "storage_path": f"captures/{device}/{capture}",
            "thumbnail_path": f"thumbnails/{device}/{capture}",
        }
        | columns,
    )
    return capture


@pytest.fixture
def owner(backend: Backend) -> tuple[User, str]:
    """A company's admin, and its device."""
    _, user, device = backend.company()
    return user, device


def pictures(session: Session, **filters: Any) -> list[str]:
    told: list[Row] = session.rpc("console_pictures", **ALL_TIMES, p_filter=filters)
    return [picture["id"] for picture in told]


def days(session: Session, **filters: Any) -> list[tuple[str, int]]:
    told = session.rpc("console_gallery", p_filter=filters)
    return [(day, count) for _, _, day, count in told["buckets"]]


def test_pictures_are_counted_by_the_days_of_a_zone(backend: Backend, owner: tuple[User, str]) -> None:
    user, device = owner
    # A quarter past midnight in Berlin, which in UTC is still the day before.
    midnight = datetime(2026, 11, 3, 23, 15, tzinfo=UTC)
    for at in (NOON, NOON + timedelta(hours=1), midnight):
        take(backend, device, at)
    assert days(user.session, **BERLIN) == [("2026-11-04", 1), ("2026-11-03", 2)]
    assert days(user.session, zone="UTC") == [("2026-11-03", 3)]
    with refused("22023", "this is no filter of the gallery"):
        days(user.session, zone="Europe/Nowhere")


def test_a_day_with_many_pictures_is_asked_by_its_hours_and_quarters(
    backend: Backend, owner: tuple[User, str]
) -> None:
    user, device = owner
    company = backend.service.row("devices", device_id=device)["company_id"]
    rows = [
        {
            "device_id": device,
            "device_capture_id": f"{hour}-{number}",
            "captured_at": (NOON + timedelta(hours=hour, seconds=number)).isoformat(),
            "company_id": company,
            "ingest_status": "stored",
            "storage_path": f"captures/{device}/{hour}-{number}",
        }
        # In the first hour two quarters have pictures.
        for hour, many in ((0, range(600, 1000)), (2, range(40)), (30, range(40)))
        for number in many
    ]
    backend.service.insert("captures", *rows)
    told = user.session.rpc("console_gallery", p_filter=BERLIN)["buckets"]
    assert [(day, count) for _, _, day, count in told] == [
        ("2026-11-04", 40),
        ("2026-11-03", 40),
        ("2026-11-03", 100),
        ("2026-11-03", 300),
    ]
    for since, until, _, count in told:
        assert until > since
        stretch = {
            "p_from": datetime.fromtimestamp(since, UTC).isoformat(),
            "p_to": datetime.fromtimestamp(until, UTC).isoformat(),
        }
        found = user.session.rpc("console_pictures", **stretch, p_filter=BERLIN)
        assert len(found) == count


def test_more_than_a_thousand_pictures_are_asked_by_the_last_one(
    backend: Backend, owner: tuple[User, str]
) -> None:
    user, device = owner
    company = backend.service.row("devices", device_id=device)["company_id"]
    rows = [
        {
            "device_id": device,
            "device_capture_id": str(number),
            # All at the same moment: what orders them is their id.
            "captured_at": NOON.isoformat(),
            "company_id": company,
            "ingest_status": "stored",
            "storage_path": f"captures/{device}/{number}",
        }
        for number in range(1_010)
    ]
    backend.service.insert("captures", *rows)
    first = user.session.rpc("console_pictures", **ALL_TIMES)
    then = user.session.rpc(
        "console_pictures", **ALL_TIMES, p_after_at=first[-1]["at"], p_after=first[-1]["id"]
    )
    assert (len(first), len(then)) == (1_000, 10)
    assert len({picture["id"] for picture in first + then}) == 1_010


def test_pictures_are_filtered(backend: Backend, owner: tuple[User, str]) -> None:
    user, device = owner
    company = backend.service.row("devices", device_id=device)["company_id"]
    backend.service.insert("sites", {"company_id": company, "name": "north"})
    site = backend.service.row("sites", company_id=company)["site_id"]
    other = uuid.uuid4().hex[:12].upper()
    backend.service.insert(
        "devices", {"device_id": other, "company_id": company, "site_id": site, "name": "Apple trees"}
    )
    plain = take(backend, device)
    failed = take(backend, device, ingest_status="failed", storage_path=None, thumbnail_path=None)
    gone = take(backend, device, ingest_status="expired", storage_path=None, thumbnail_path=None)
    dark = take(backend, other, NOON + timedelta(hours=12), health="black", pinned=True)
    assert pictures(user.session) == [dark, plain]
    assert pictures(user.session, status="whole") == [dark, plain]
    assert pictures(user.session, status="failed") == [failed]
    assert pictures(user.session, status="gone") == [gone]
    assert pictures(user.session, status="pinned") == [dark]
    assert set(pictures(user.session, status="all")) == {plain, failed, gone, dark}
    assert pictures(user.session, device=device) == [plain]
    assert pictures(user.session, site=site) == pictures(user.session, search="APPLE") == [dark]
    assert pictures(user.session, site=site, device=device) == []
    assert pictures(user.session, health="black") == pictures(user.session, health="odd") == [dark]
    assert pictures(user.session, health="ok") == []
    assert pictures(user.session, **BERLIN, **{"from": 22, "to": 6}) == [dark]
    assert pictures(user.session, **BERLIN, **{"from": 14, "to": 15}) == [plain]
    for wrong in ({"status": "x"}, {"health": "x"}, {"from": 3}, {"from": 3, "to": 30}):
        with refused("22023", "this is no filter of the gallery"):
            pictures(user.session, **wrong)
    assert days(user.session, site=site) == [("2026-11-04", 1)]
    told = user.session.rpc("console_gallery")
    assert {d["device_id"]: (d["name"], d["site_id"]) for d in told["devices"]} == {
        device: (None, None),
        other: ("Apple trees", site),
    }
    assert [s["name"] for s in told["sites"]] == ["north"]


def test_what_has_come_since_is_told_with_its_day(backend: Backend, owner: tuple[User, str]) -> None:
    user, device = owner
    asked = user.session.rpc("console_gallery", p_filter=BERLIN)["asked_at"]
    old = take(backend, device, NOON - timedelta(days=30), created_at="2026-01-01T00:00:00Z")
    new = take(backend, device, NOON)
    told = user.session.rpc("console_arrivals", p_since=asked, p_filter=BERLIN)
    assert [(picture["id"], picture["day"]) for picture in told["pictures"]] == [(new, "2026-11-03")]
    assert told["more"] is False
    assert old in pictures(user.session)
    again = user.session.rpc("console_arrivals", p_since="2026-01-01T00:00:00Z", p_filter=BERLIN)
    assert {picture["id"] for picture in again["pictures"]} == {old, new}


def test_a_picture_that_was_long_on_its_way_is_told_when_it_is_there(
    backend: Backend, owner: tuple[User, str]
) -> None:
    """Its row is as old as its first chunks."""
    user, device = owner
    before = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    slow = take(
        backend, device, created_at=before, ingest_status="assembling", storage_path=None, thumbnail_path=None
    )
    take(backend, device, NOON + timedelta(hours=1), created_at=before, stored_at=before)
    asked = user.session.rpc("console_gallery")["asked_at"]
    assert user.session.rpc("console_arrivals", p_since=asked)["pictures"] == []
    backend.service.rpc(
        "record_capture",
        p_capture={
            "device_id": device,
            "image_name": slow,
            "captured_at": NOON.isoformat(),
            "ingest_status": "stored",
            "storage_path": f"captures/{device}/{slow}",
            "thumbnail_path": f"thumbnails/{device}/{slow}",
        },
    )
    told = user.session.rpc("console_arrivals", p_since=asked)["pictures"]
    assert [picture["id"] for picture in told] == [slow]


def test_a_picture_is_told_with_its_reading_and_its_story(backend: Backend, owner: tuple[User, str]) -> None:
    user, device = owner
    capture = take(
        backend, device, image_bytes=40_000, image_sha256="a" * 64, health="blurred", health_reason="x"
    )
    backend.service.insert(
        "sensor_readings",
        {
            "device_id": device,
            "capture_id": capture,
            "temperature_c": 21.5,
            "humidity_pct": 40,
            "measured_at": NOON.isoformat(),
        },
    )
    told = user.session.rpc("console_picture", p_capture=capture)
    assert told["readings"] == {"temperature_c": 21.5, "humidity_pct": 40}
    assert told["sha256"] == "a" * 64
    assert (told["health"], told["bytes"], told["name"]) == ("blurred", 40_000, capture)
    assert [said["code"] for said in told["story"]["sentences"]] == ["untold"]


def test_a_picture_that_did_not_come_tells_what_asking_for_it_again_takes(
    backend: Backend, owner: tuple[User, str]
) -> None:
    user, device = owner
    partial = take(
        backend,
        device,
        device_capture_id="half.jpg",
        ingest_status="partial",
        error_code=2201,
        partial_rows=150,
        height=600,
    )

    def told() -> Row:
        (picture,) = user.session.rpc("console_pictures", **ALL_TIMES, p_filter={"status": "partial"})
        return dict(picture)

    assert {name: told()[name] for name in ("share", "name", "error_code")} == {
        "share": 0.25,
        "name": "half.jpg",
        "error_code": 2201,
    }
    assert "asked" not in told()
    assert user.session.rpc("console_picture", p_capture=partial)["asks"] == []
    for payload in ({"image_name": "other.jpg"}, {"image_name": "half.jpg"}):
        user.session.insert(
            "device_commands", {"device_id": device, "type": "send_image", "payload": payload}
        )
    assert told()["asked"] is True
    (ask,) = user.session.rpc("console_picture", p_capture=partial)["asks"]
    assert (ask["status"], ask["pictured_at"]) == ("queued", None)
    user.session.rpc("cancel_command", p_command=ask["command_id"])
    assert "asked" not in told()
    (ask,) = user.session.rpc("console_picture", p_capture=partial)["asks"]
    assert ask["status"] == "cancelled"
    # A whole picture says nothing of it.
    take(backend, device)
    (whole,) = user.session.rpc("console_pictures", **ALL_TIMES, p_filter={"status": "whole"})
    assert not {"share", "name", "error_code", "asked"} & set(whole)


def test_the_same_hour_is_that_of_the_devices_clock(backend: Backend, owner: tuple[User, str]) -> None:
    user, device = owner
    backend.service.update("devices", {"timezone": "Europe/Berlin"}, device_id=device)
    # Noon in Berlin, before and after the clocks changed on 25 October 2026.
    summer = datetime(2026, 10, 24, 10, 0, tzinfo=UTC)
    winter = datetime(2026, 10, 26, 11, 0, tzinfo=UTC)
    opened = take(backend, device, winter)
    before = take(backend, device, summer + timedelta(minutes=20))
    nearer = take(backend, device, summer - timedelta(minutes=5))
    take(backend, device, summer + timedelta(hours=1))
    take(backend, device, winter + timedelta(minutes=1))
    take(backend, device, winter - timedelta(days=1), ingest_status="failed", storage_path=None)
    week = take(backend, device, summer - timedelta(days=5))
    far = take(backend, device, winter - timedelta(days=31))

    def found(every: str) -> list[str]:
        told = user.session.rpc("console_picture", p_capture=opened, p_every=every)
        return [picture["id"] for picture in told["same_hour"]]

    assert found("day") == [week, nearer, opened]
    assert found("week") == [week, opened]
    assert before not in found("day")
    assert far not in found("day")
    assert "same_hour" not in user.session.rpc("console_picture", p_capture=opened)
    with refused("22023", "neither day nor week"):
        found("month")


def test_a_picture_is_told_with_the_one_it_is_compared_with(
    backend: Backend, owner: tuple[User, str]
) -> None:
    user, device = owner
    one, other = take(backend, device), take(backend, device, NOON - timedelta(days=1))
    told = user.session.rpc("console_picture", p_capture=one, p_other=other)
    assert (told["id"], told["other"]["id"]) == (one, other)
    _, stranger, theirs = backend.company()
    with refused("PT404", "to compare with"):
        user.session.rpc("console_picture", p_capture=one, p_other=take(backend, theirs))
    with refused("PT404", "there is no such picture"):
        stranger.session.rpc("console_picture", p_capture=one, p_other=one)


def test_nobody_is_told_of_the_pictures_of_another_company(backend: Backend) -> None:
    (_, one, device), (_, other, _) = backend.company(), backend.company()
    capture = take(backend, device)
    assert pictures(one.session) == [capture]
    for session in (other.session, backend.sign_up().session):
        told = session.rpc("console_gallery")
        assert told["buckets"] == []
        assert device not in {found["device_id"] for found in told["devices"]}
        assert pictures(session) == pictures(session, device=device) == []
        assert session.rpc("console_arrivals", p_since="2026-01-01T00:00:00Z")["pictures"] == []
        with refused("PT404", "there is no such picture"):
            session.rpc("console_picture", p_capture=capture)
    for ask in ("console_gallery", "console_pictures", "console_arrivals", "console_picture"):
        arguments: Row = {
            "console_gallery": {},
            "console_pictures": ALL_TIMES,
            "console_arrivals": {"p_since": "2026-01-01T00:00:00Z"},
            "console_picture": {"p_capture": capture},
        }[ask]
        with pytest.raises(RefusedError, match="42501"):
            backend.anonymous.rpc(ask, **arguments)


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("c.storage_path", "order by c.captured_at desc, c.capture_id desc limit 100"),
        ("max(c.storage_path)", "and c.captured_at >= now() - interval '1 hour'"),
    ],
)
def test_pictures_are_found_by_the_companys_index(native: Native, what: str, more: str) -> None:
    company, user, device = native.company()
    _, _, noise = native.company()
    for owned_by, whose in ((f"'{company}'", device), ("null", noise)):
        native.database.run(
            "insert into public.captures (device_id, device_capture_id, captured_at, company_id, ingest_status, storage_path)"
            f" select '{whose}', 'i' || n, now() - n * interval '1 minute', {owned_by},"
            f" 'stored', '{whose}/' || n from generate_series(1, 4000) as n"
        )
    native.database.run("vacuum analyze public.captures")
    assert isinstance(user.session, PsqlSession)
    condition = native.database.value("select fleet_private.gallery_condition()")
    plan = native.database.run(
        f"begin; {user.session.begin}"
        " prepare asked (uuid, text, text[], text[], boolean, text[], integer[]) as"
        f" select {what} from public.captures c where {condition} {more};"
        f" explain execute asked ('{company}', 'UTC', array['stored', 'partial'], null, false, null, null); rollback;"
    )
    assert "captures_gallery_idx" in plan, plan
    assert "Seq Scan" not in plan
