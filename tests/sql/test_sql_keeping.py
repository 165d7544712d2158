"""How pictures are let go: by which policy, which of them, and what becomes of their objects."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_backends import BUCKET, Backend, Native, PsqlSession, Row, User, new_device, refused
from sql_postgres import Connection, Database, SqlError, literal
from tenacity import Retrying, stop_after_delay, wait_fixed
from upgrades import upgrade

from operate.schema.files import read

NOW = datetime(2027, 6, 15, 12, 0, tzinfo=UTC)
MB = 1_000_000


def picture(device: str, age_days: float, number: int = 0, size: int = MB, **changed: Any) -> Row:
    """A stored picture, so many days old."""
    name = f"{device}/{uuid.uuid4().hex}.jpg"
    return {
        "capture_id": str(uuid.uuid4()), "device_id": device, "device_capture_id": f"image_{number}.jpg",
        "captured_at": (NOW - timedelta(days=age_days)).isoformat(), "ingest_status": "stored", "image_bytes": size,
        "storage_path": f"captures/{name}", "thumbnail_path": f"thumbnails/{name}", "pinned": False,
    } | changed  # fmt: skip


def stored(backend: Backend, device: str, *ages: float, **changed: Any) -> list[str]:
    """Stored pictures of these ages in days; their ids in this order."""
    rows = [picture(device, age, number, **changed) for number, age in enumerate(ages)]
    backend.service.insert("captures", *rows)
    return [row["capture_id"] for row in rows]


def apply(backend: Backend, limit: int = 500, at: datetime = NOW) -> None:
    """Apply the policies of all companies until there is nothing more to do."""
    for _ in range(1000):
        if not backend.service.rpc("apply_keep_policies", p_limit=limit, p_at=at.isoformat())["more"]:
            return
    raise AssertionError("it never ends")


def kept(backend: Backend, device: str) -> set[str]:
    rows = backend.service.rows("captures", device_id=device, ingest_status="stored")
    return {row["capture_id"] for row in rows}


def reasons(backend: Backend, device: str) -> dict[str, str]:
    rows = backend.service.rows("captures", device_id=device, ingest_status="expired")
    assert all(row["storage_path"] is None and row["thumbnail_path"] is None for row in rows)
    return {row["capture_id"]: row["expired_by"] for row in rows}


@pytest.mark.parametrize(
    ("policy", "ages", "gone"),
    [
        ({"max_age_days": 30}, (29, 31, 400), {1: "age", 2: "age"}),
        ({"max_count": 2}, (1, 5, 3, 2), {1: "count", 2: "count"}),
        ({"max_bytes": 2 * MB}, (1, 5, 3, 2), {1: "bytes", 2: "bytes"}),
        ({"daily_after_days": 30}, (1, 1.1, 40.3, 40.2, 40.1, 41.1), {3: "daily", 4: "daily"}),
        ({"hourly_after_days": 7}, (8, 8.01, 8.02, 8.06), {1: "hourly"}),
        ({"weekly_after_days": 90}, (100, 101, 110, 111), {0: "weekly", 2: "weekly"}),
    ],
)
def test_each_limit_lets_go_what_it_says(
    backend: Backend, policy: Row, ages: tuple[float, ...], gone: dict[int, str]
) -> None:
    _, admin, device = backend.company()
    ids = stored(backend, device, *ages)
    expected = {ids[place]: why for place, why in gone.items()}
    preview = admin.session.rpc("preview_keep_policy", p_policy=policy, p_at=NOW.isoformat())
    assert (preview["captures"], preview["bytes"], preview["devices"]) == (len(gone), len(gone) * MB, 1)
    assert preview["by"] == {why: list(gone.values()).count(why) for why in gone.values()}
    assert kept(backend, device) == set(ids)  # a preview removes nothing

    admin.session.rpc("set_keep_policy", p_policy=policy)
    apply(backend)
    assert reasons(backend, device) == expected
    assert kept(backend, device) == set(ids) - expected.keys()
    apply(backend, at=NOW + timedelta(minutes=1))
    assert kept(backend, device) == set(ids) - expected.keys()


def test_the_narrowest_policy_is_in_force_as_a_whole(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    at_site, plain = new_device(), new_device()
    admin.session.insert("sites", {"name": "cellar"})
    site_id = admin.session.row("sites")["site_id"]
    for other in (at_site, plain):
        backend.service.insert("devices", {"device_id": other, "company_id": company_id})
    admin.session.rpc("update_device", p_device=at_site, p_changes={"site_id": site_id})
    ids = {one: stored(backend, one, 5, 15, 50) for one in (device, at_site, plain)}
    for policy in (
        {"max_age_days": 40}, {"site_id": site_id, "max_age_days": 10}, {"device_id": device, "max_count": 2},
    ):  # fmt: skip
        admin.session.rpc("set_keep_policy", p_policy=policy)
    apply(backend)
    assert kept(backend, plain) == set(ids[plain][:2])
    assert kept(backend, at_site) == set(ids[at_site][:1])
    assert kept(backend, device) == set(ids[device][:2])

    # One that sets nothing ends it, and the next wider one is in force.
    admin.session.rpc("set_keep_policy", p_policy={"device_id": device, "max_count": None})
    admin.session.rpc("set_keep_policy", p_policy={"max_age_days": 10})
    apply(backend)
    assert kept(backend, device) == set(ids[device][:1])
    assert [row["device_id"] for row in admin.session.rows("keep_policies")] == [None, None]


def test_bytes_are_those_of_all_devices_of_a_policy_together(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    second = new_device()
    backend.service.insert("devices", {"device_id": second, "company_id": company_id})
    first_ids, second_ids = stored(backend, device, 1, 4, 5), stored(backend, second, 2, 3, 6)
    policy = {"max_bytes": 3 * MB}
    preview = admin.session.rpc("preview_keep_policy", p_policy=policy, p_at=NOW.isoformat())
    admin.session.rpc("set_keep_policy", p_policy=policy)
    apply(backend, limit=1)
    assert (preview["captures"], preview["bytes"]) == (3, 3 * MB)
    assert kept(backend, device) == {first_ids[0]}
    assert kept(backend, second) == set(second_ids[:2])


def test_what_is_pinned_stays_and_counts(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    operator, viewer = backend.member(company_id, "operator"), backend.member(company_id, "viewer")
    ids = stored(backend, device, 1, 50, 60)
    assert operator.session.rpc("pin_captures", p_captures=(ids[2],)) == 1
    assert operator.session.rpc("pin_captures", p_captures=(ids[2],)) == 0
    with refused("42501", "this needs the role operator"):
        viewer.session.rpc("pin_captures", p_captures=(ids[1],))
    admin.session.rpc("set_keep_policy", p_policy={"max_age_days": 30, "max_bytes": MB})
    apply(backend)
    assert kept(backend, device) == {ids[2]}  # it has the bytes that are left
    assert reasons(backend, device) == {ids[0]: "bytes", ids[1]: "age"}
    assert admin.session.rpc("delete_captures", p_captures=(ids[2],)) == {"captures": 0, "bytes": 0}
    operator.session.rpc("pin_captures", p_captures=(ids[2],), p_pinned=False)
    assert admin.session.rpc("delete_captures", p_captures=(ids[2],)) == {"captures": 1, "bytes": MB}
    assert reasons(backend, device)[ids[2]] == "person"


def test_admins_alone_set_policies_and_delete_and_no_company_touches_another(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    _, stranger, _ = backend.company()
    ids = stored(backend, device, 50)
    operator = backend.member(company_id, "operator")
    with refused("42501", "this needs the role admin"):
        operator.session.rpc("set_keep_policy", p_policy={"max_age_days": 1})
    with refused("42501", "this needs the role admin"):
        operator.session.rpc("delete_captures", p_captures=tuple(ids))
    with refused("PT404", "the company has no such device"):
        stranger.session.rpc("set_keep_policy", p_policy={"device_id": device, "max_age_days": 1})
    for function in ("delete_captures", "pin_captures"):
        with refused("PT404", "the company has no such picture"):
            stranger.session.rpc(function, p_captures=tuple(ids))
    stranger.session.rpc("set_keep_policy", p_policy={"max_age_days": 1})
    assert stranger.session.rpc("preview_keep_policy", p_policy={"max_age_days": 1})["captures"] == 0
    apply(backend)
    assert kept(backend, device) == set(ids)
    assert admin.session.rows("keep_policies") == []


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (None, "the policy is no object"),
        ([], "the policy is no object"),
        ({"max_age": 3}, "these are no limits of a policy: max_age"),
        ({"max_age_days": "soon"}, "these are no limits of a policy: max_age_days"),
        ({"max_age_days": 0}, "these are no limits of a policy: max_age_days"),
        ({"max_age_days": 1e12}, "these are no limits of a policy: max_age_days"),
        ({"max_age_days": 40_000}, "days are from 1 to 36500"),
        ({"max_bytes": 5}, "max_bytes at least 1000000"),
        ({"site_id": 7, "max_count": 1}, "these are no limits of a policy: site_id"),
    ],
)
def test_what_is_no_policy_is_refused_in_words(backend: Backend, policy: object, said: str) -> None:
    _, admin, _ = backend.company()
    with refused("22023", said):
        admin.session.rpc("set_keep_policy", p_policy=policy)


def test_a_device_that_was_handed_over_leaves_its_pictures_under_the_policy_of_whose_they_are(
    backend: Backend,
) -> None:
    _, seller, device = backend.company()
    buyer_id, buyer, _ = backend.company()
    old = stored(backend, device, 50)
    backend.service.update("devices", {"company_id": buyer_id}, device_id=device)
    new = stored(backend, device, 49, company_id=buyer_id)
    buyer.session.rpc("set_keep_policy", p_policy={"max_age_days": 10})
    apply(backend)
    assert kept(backend, device) == set(old)
    assert reasons(backend, device).keys() == set(new)
    seller.session.rpc("set_keep_policy", p_policy={"device_id": device, "max_age_days": 10})
    apply(backend)
    assert kept(backend, device) == set()


def removals(backend: Backend, mine: Callable[[str], bool]) -> list[str]:
    """Claim everything that is free, and return what is ours of it."""
    found: list[str] = []
    while paths := backend.service.rpc("claim_removals", p_limit=1000):
        found += paths
    return sorted(filter(mine, found))


def test_objects_are_removed_once_no_row_names_them(backend: Backend) -> None:
    _, admin, device = backend.company()
    ids = stored(backend, device, 1, 50)
    rows = {row["capture_id"]: row for row in backend.service.rows("captures", device_id=device)}
    mine = [rows[ids[1]][name] for name in ("storage_path", "thumbnail_path")]

    def is_mine(path: str) -> bool:
        return f"/{device}/" in path

    assert removals(backend, is_mine) == []
    admin.session.rpc("set_keep_policy", p_policy={"max_age_days": 30})
    apply(backend)
    assert removals(backend, is_mine) == sorted(mine)
    assert removals(backend, is_mine) == []  # somebody has them
    backend.service.rpc("finish_removals", p_paths=mine)
    assert removals(backend, is_mine) == []


def test_an_object_that_a_row_names_again_is_left_alone(backend: Backend) -> None:
    _, admin, device = backend.company()
    (capture,) = stored(backend, device, 1)
    row = backend.service.row("captures", capture_id=capture)
    admin.session.rpc("delete_captures", p_captures=(capture,))
    again = picture(device, 1, 7, storage_path=row["storage_path"], thumbnail_path=row["thumbnail_path"])
    backend.service.insert("captures", again)
    assert removals(backend, lambda path: f"/{device}/" in path) == []


TIMES = st.lists(
    st.tuples(st.integers(0, 24 * 120), st.booleans(), st.integers(1, 5)),
    min_size=0,
    max_size=25,
    unique_by=lambda t: t[0],
)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "max_age_days": st.integers(1, 120), "max_count": st.integers(1, 20), "max_bytes": st.integers(1, 60).map(lambda n: n * MB),
        "hourly_after_days": st.integers(1, 60), "daily_after_days": st.integers(1, 90), "weekly_after_days": st.integers(1, 110),
    },
).filter(bool)  # fmt: skip


def model(rows: list[Row], policy: Row, zone: ZoneInfo) -> set[str]:
    """The pictures that stay, told as docs/retention.md has it."""
    rows = sorted(rows, key=lambda row: row["captured_at"])
    local = {row["capture_id"]: datetime.fromisoformat(row["captured_at"]).astimezone(zone) for row in rows}
    firsts: dict[str, set[str]] = {}
    for limit, form in (("hourly", "%Y-%j-%H"), ("daily", "%Y-%j"), ("weekly", "%G-%V")):
        seen = {local[row["capture_id"]].strftime(form): row["capture_id"] for row in reversed(rows)}
        firsts[limit] = set(seen.values())
    stay = []
    for place, row in enumerate(reversed(rows), start=1):
        age = NOW - local[row["capture_id"]]
        goes = age > timedelta(days=policy.get("max_age_days", 10**6)) or place > policy.get(
            "max_count", 10**6
        )
        for limit, ones in firsts.items():
            after = policy.get(f"{limit}_after_days", 10**6)
            goes |= age > timedelta(days=after) and row["capture_id"] not in ones
        if row["pinned"] or not goes:
            stay.append(row)
    excess = sum(row["image_bytes"] for row in stay) - policy.get("max_bytes", 10**15)
    for row in reversed(list(stay)):
        if excess > 0 and not row["pinned"]:
            stay.remove(row)
            excess -= row["image_bytes"]
    return {row["capture_id"] for row in stay}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    times=TIMES,
    policy=LIMITS,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
    limit=st.integers(1, 30),
)
def test_what_goes_is_what_the_words_say_and_what_the_preview_has_told(
    native: Native, times: list[tuple[int, bool, int]], policy: Row, zone: str, limit: int
) -> None:
    _, admin, device = native.company()
    native.service.update("devices", {"timezone": zone}, device_id=device)
    rows = [
        picture(device, hours / 24 + 0.013, number, size * MB, pinned=pinned)
        for number, (hours, pinned, size) in enumerate(times)
    ]
    if rows:
        native.service.insert("captures", *rows)
    expected = model(rows, policy, ZoneInfo(zone))
    preview = admin.session.rpc("preview_keep_policy", p_policy=policy, p_at=NOW.isoformat())
    admin.session.rpc("set_keep_policy", p_policy=policy)
    apply(native, limit)
    assert kept(native, device) == expected
    gone = [row["image_bytes"] for row in rows if row["capture_id"] in reasons(native, device)]
    assert (preview["captures"], preview["bytes"]) == (len(gone), sum(gone))
    admin.session.rpc("set_keep_policy", p_policy={})


def offered(device: str, capture: Row, **changed: Any) -> Row:
    """The picture of this row as the worker records it when the device sends it."""
    return {
        "device_id": device, "image_name": capture["device_capture_id"], "captured_at": capture["captured_at"],
        "arrived_at": NOW.isoformat(), "ingest_status": "stored", "image_bytes": capture["image_bytes"],
        "image_sha256": capture["image_sha256"], "storage_path": capture["storage_path"],
        "thumbnail_path": capture["thumbnail_path"],
    } | changed  # fmt: skip


@pytest.fixture
def expired(backend: Backend) -> tuple[str, Row]:
    """A device, and its one picture as it was before somebody deleted it."""
    _, admin, device = backend.company()
    (capture,) = stored(backend, device, 1, image_sha256="a" * 64)
    row = backend.service.row("captures", capture_id=capture)
    admin.session.rpc("delete_captures", p_captures=(capture,))
    return device, row


def test_a_picture_that_has_expired_and_is_offered_again_is_acknowledged_and_stays_expired(
    backend: Backend, expired: tuple[str, Row]
) -> None:
    device, row = expired
    mine = sorted([row["storage_path"], row["thumbnail_path"]])
    assert removals(backend, lambda path: f"/{device}/" in path) == mine
    backend.service.rpc("finish_removals", p_paths=mine)
    answer = backend.service.rpc("record_capture", p_capture=offered(device, row))
    assert (answer["ingest_status"], answer["storage_path"]) == ("expired", None)
    assert backend.service.row("captures", device_id=device)["capture_id"] == row["capture_id"]
    # What was uploaded for it goes again.
    assert removals(backend, lambda path: f"/{device}/" in path) == mine


def test_no_row_comes_to_name_an_object_that_may_be_being_removed(
    backend: Backend, expired: tuple[str, Row]
) -> None:
    device, row = expired
    other = offered(device, row, captured_at=NOW.isoformat(), image_sha256="b" * 64)
    assert len(removals(backend, lambda path: f"/{device}/" in path)) == 2
    with refused("23505", "an object of this path is being removed"):
        backend.service.rpc("record_capture", p_capture=other)
    backend.service.rpc("finish_removals", p_paths=[row["storage_path"], row["thumbnail_path"]])
    # An upload that began before may have ended before the removal did.
    with refused("23505", "captures_storage_path_key"):
        backend.service.rpc("record_capture", p_capture=other)
    answer = backend.service.rpc(
        "record_capture",
        p_capture=other | {"storage_path": f"captures/{device}/own.jpg"} | {"thumbnail_path": None},
    )
    assert answer["ingest_status"] == "stored"


def test_an_object_that_is_queued_and_not_yet_claimed_may_be_named(
    backend: Backend, expired: tuple[str, Row]
) -> None:
    device, row = expired
    other = offered(device, row, captured_at=NOW.isoformat(), image_sha256="b" * 64)
    assert backend.service.rpc("record_capture", p_capture=other)["storage_path"] == row["storage_path"]
    assert removals(backend, lambda path: f"/{device}/" in path) == []


def test_another_picture_under_the_name_and_time_of_one_that_has_expired_is_another_row(
    backend: Backend, expired: tuple[str, Row]
) -> None:
    device, row = expired
    path = f"captures/{device}/own.jpg"
    other = offered(device, row, image_sha256="b" * 64, storage_path=path, thumbnail_path=None)
    assert backend.service.rpc("record_capture", p_capture=other)["ingest_status"] == "stored"
    statuses = {found["ingest_status"] for found in backend.service.rows("captures", device_id=device)}
    assert statuses == {"expired", "stored"}


def test_the_objects_of_a_whole_picture_that_takes_the_place_of_a_broken_one_stay_and_those_go(
    backend: Backend,
) -> None:
    _, _, device = backend.company()
    row = picture(device, 1) | {"image_sha256": "a" * 64}
    backend.service.rpc("record_capture", p_capture=offered(device, row, damaged=True))
    whole = offered(device, row, image_sha256="b" * 64, replaces_sha256="a" * 64, storage_path=f"captures/{device}/own.jpg",
                    thumbnail_path=f"thumbnails/{device}/own.jpg")  # fmt: skip
    backend.service.rpc("record_capture", p_capture=whole)
    assert removals(backend, lambda path: f"/{device}/" in path) == sorted(
        [row["storage_path"], row["thumbnail_path"]]
    )


def compare(backend: Backend, limit: int, older_than: str) -> Row:
    """Compare rows and objects to the end."""
    answer: Row = {}
    while not answer.get("done_at"):
        answer = backend.service.rpc(
            "reconcile_objects", p_bucket=BUCKET, p_limit=limit, p_older_than=older_than, p_every="0 seconds"
        )
    return answer


@pytest.mark.parametrize("limit", [3, 1000])
def test_rows_and_objects_are_compared(embedded: Backend, limit: int) -> None:
    _, _, device = embedded.company()
    # The folder of such a device is sorted before that of the one whose name it begins with.
    beside = f"{device}-B"
    embedded.service.insert("devices", {"device_id": beside})
    nobody = new_device()
    whole, lost = picture(device, 1), picture(beside, 2)
    embedded.service.insert("captures", whole, lost)
    orphans = [f"captures/{name}/2027/orphan.jpg" for name in (device, beside, nobody)] + [
        f"quarantine/{device}/orphan.jpg"
    ]
    for name in (whole["storage_path"], whole["thumbnail_path"], lost["thumbnail_path"], *orphans):
        embedded.put_object(name)

    def is_mine(path: str) -> bool:
        return path.split("/")[1] in (device, beside, nobody)

    compare(embedded, limit, "1 day")
    assert removals(embedded, is_mine) == []  # an upload whose row is yet to come
    answer = compare(embedded, limit, "0 seconds")
    assert removals(embedded, is_mine) == sorted(orphans)
    assert answer["missing"] >= 1
    assert answer["orphans"] >= len(orphans)
    assert answer["objects"] >= 3 + len(orphans)


def test_a_missing_object_is_told_with_its_row(embedded: Backend) -> None:
    _, _, device = embedded.company()
    lost = picture(device, 2)
    before = compare(embedded, 1000, "1 day")["missing"]
    embedded.service.insert("captures", lost)
    embedded.put_object(lost["thumbnail_path"])
    assert compare(embedded, 1000, "1 day")["missing"] == before + 1


def rows_read_one_by_one(native: Native, call: str) -> int:
    """How many rows of captures a call reads without an index."""
    answer = native.database.run(
        f"begin; set local role service_role; do $$ begin perform {call}; end $$; reset role;"
        " select seq_tup_read from pg_stat_xact_user_tables where relid = 'public.captures'::regclass; rollback;"
    )
    return int(answer)


def test_no_look_for_a_name_reads_all_captures(native: Native) -> None:
    _, admin, device = native.company()
    ids = stored(native, device, 1, 2, 3)
    native.put_object(f"captures/{device}/orphan.jpg")
    admin.session.rpc("delete_captures", p_captures=(ids[0],))
    assert rows_read_one_by_one(native, "public.claim_removals(1000)") == 0
    compared = "public.reconcile_objects('gxp-captures', 1000, '0 seconds', '0 seconds')"
    assert rows_read_one_by_one(native, compared) == 0


def test_a_device_with_many_pictures_is_compared_in_pieces(native: Native) -> None:
    """No call reads more than it is asked to, whatever one device has; and together they find the same."""
    _, _, device = native.company()
    native.database.run(
        "insert into public.captures (device_id, device_capture_id, captured_at, ingest_status, storage_path)"
        f" select '{device}', n || '.jpg', now() - n * interval '1 minute', 'stored', 'captures/{device}/' || n || '.jpg'"
        "   from generate_series(1, 3000) as n;"
        "insert into storage.objects (bucket_id, name)"
        f" select '{BUCKET}', 'captures/{device}/' || n || '.jpg' from generate_series(2, 3001) as n"
    )
    found = in_pieces(native, 400)
    assert removals(native, lambda path: f"/{device}/" in path) == [f"captures/{device}/3001.jpg"]
    native.put_object(f"captures/{device}/1.jpg")
    assert in_pieces(native, 400)["missing"] == found["missing"] - 1


def in_pieces(backend: Backend, limit: int) -> Row:
    """Compare rows and objects to the end, and see that each call looks at so many of them."""
    answer: Row = {"objects": 0, "named": 0, "done_at": None}
    while not answer["done_at"]:
        before, answer = answer, backend.service.rpc(
            "reconcile_objects", p_bucket=BUCKET, p_limit=limit, p_older_than="0 seconds", p_every="0 seconds"
        )  # fmt: skip
        # A row names two objects.
        assert max(answer[count] - before[count] for count in ("objects", "named")) <= 2 * limit
    return answer


def test_without_storage_there_is_nothing_to_compare(plain_database: Database) -> None:
    upgrade(plain_database, read())
    assert (
        plain_database.value(
            "public.reconcile_objects('gxp-captures')", before="set local role service_role;"
        )
        is None
    )


def count_days(backend: Backend) -> None:
    while backend.service.rpc("refresh_capture_days")["more"]:
        pass


def test_what_is_in_storage_is_told_by_device(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    second = new_device()
    backend.service.insert("devices", {"device_id": second, "company_id": company_id, "name": "Cellar"})
    backend.service.update("companies", {"storage_quota_bytes": 50 * MB}, company_id=company_id)
    ids = stored(backend, device, 200, 201, 202)
    stored(backend, second, 200, size=7 * MB)
    count_days(backend)
    usage = admin.session.rpc("storage_usage")
    assert (usage["bytes"], usage["quota_bytes"], usage["devices"]) == (10 * MB, 50 * MB, 2)
    assert usage["largest"] == [
        {"device_id": second, "name": "Cellar", "bytes": 7 * MB}, {"device_id": device, "name": None, "bytes": 3 * MB},
    ]  # fmt: skip
    admin.session.rpc("delete_captures", p_captures=tuple(ids[:2]))
    count_days(backend)
    usage = admin.session.rpc("storage_usage", p_limit=1)
    assert (usage["bytes"], usage["devices"], len(usage["largest"])) == (8 * MB, 2, 1)
    days = backend.service.rows("capture_days", device_id=device)
    assert sum(day["bytes"] for day in days) == 3 * MB
    assert sum(day["stored"] for day in days) == 3


def test_the_operator_sets_the_quota_of_a_company(backend: Backend) -> None:
    company_id, admin, device = backend.company()
    stored(backend, device, 1)
    count_days(backend)
    said = backend.service.rpc("set_storage_quota", p_company=company_id, p_bytes=2 * MB)
    assert said == {"bytes": MB, "quota_bytes": 2 * MB}
    assert admin.session.rpc("storage_usage")["quota_bytes"] == 2 * MB
    backend.service.rpc("set_storage_quota", p_company=company_id)
    assert admin.session.rpc("storage_usage")["quota_bytes"] is None
    with refused("PT404", "there is no such company"):
        backend.service.rpc("set_storage_quota", p_company=str(uuid.uuid4()), p_bytes=MB)
    if not backend.keeps_grants:
        return
    with refused("42501", "permission denied"):
        admin.session.rpc("set_storage_quota", p_company=company_id)


def test_a_policy_that_ends_leaves_its_pictures_to_the_wider_one_at_once(backend: Backend) -> None:
    _, admin, device = backend.company()
    ids = stored(backend, device, 1, 50)
    admin.session.rpc("set_keep_policy", p_policy={"max_age_days": 30})
    admin.session.rpc("set_keep_policy", p_policy={"device_id": device, "max_age_days": 1000})
    # Of these three the newest change is that of a device that has nothing to do with it.
    admin.session.rpc("set_keep_policy", p_policy={"device_id": other_device(backend, admin), "max_count": 5})
    apply(backend)
    assert kept(backend, device) == set(ids)
    admin.session.rpc("set_keep_policy", p_policy={"device_id": device})
    apply(backend)
    assert kept(backend, device) == {ids[0]}


def other_device(backend: Backend, admin: User) -> str:
    """Another device of the company of this user."""
    device = new_device()
    company_id = admin.session.row("companies")["company_id"]
    backend.service.insert("devices", {"device_id": device, "company_id": company_id})
    return device


def test_a_company_looks_at_one_policy_at_a_time(native: Native) -> None:
    _, admin, _ = native.company()
    _, stranger, _ = native.company()
    assert isinstance(admin.session, PsqlSession)
    looking = Connection(native.database)
    try:
        looking.ask(
            f"begin; {admin.session.begin} select public.preview_keep_policy('{{\"max_count\": 1}}');"
        )
        with refused("PT429", "the company is looking at another policy"):
            admin.session.rpc("preview_keep_policy", p_policy={"max_count": 1})
        assert stranger.session.rpc("preview_keep_policy", p_policy={"max_count": 1})["captures"] == 0
        looking.ask("rollback;")
    finally:
        looking.close()
    assert admin.session.rpc("preview_keep_policy", p_policy={"max_count": 1})["captures"] == 0


def test_an_object_that_is_let_go_while_another_row_comes_to_name_it_stays(native: Native) -> None:
    _, admin, device = native.company()
    (capture,) = stored(native, device, 1, image_sha256="a" * 64)
    row = native.service.row("captures", capture_id=capture)
    assert isinstance(admin.session, PsqlSession)
    going, coming = Connection(native.database), Connection(native.database)
    try:
        going.ask(f"begin; {admin.session.begin} select public.delete_captures('{{{capture}}}');")
        other = offered(device, row, captured_at=NOW.isoformat(), image_sha256="b" * 64)
        # It waits for the path.
        number = coming.ask("select pg_backend_pid();").strip()
        coming.send(f"begin; set local role service_role; select public.record_capture({literal(other)});")
        waits = f"select count(*) from pg_stat_activity where pid = {number} and wait_event_type = 'Lock'"
        for attempt in Retrying(stop=stop_after_delay(30), wait=wait_fixed(0.05)):
            with attempt:
                assert native.database.rows(waits) == [{"count": 1}]
        going.ask("commit;")
        coming.receive()
        # Not committed yet, and nobody may remove what it names.
        assert removals(native, lambda path: f"/{device}/" in path) == []
        coming.ask("commit;")
    finally:
        going.close()
        coming.close()
    assert kept(native, device) != set()


def test_one_change_of_a_companys_policies_waits_for_the_other(native: Native) -> None:
    _, admin, device = native.company()
    _, stranger, _ = native.company()
    assert isinstance(admin.session, PsqlSession)
    setting = Connection(native.database)
    try:
        setting.ask(f"begin; {admin.session.begin} select public.set_keep_policy('{{\"max_count\": 1}}');")
        stranger.session.rpc("set_keep_policy", p_policy={"max_count": 1})
        beside = f'{{"device_id": "{device}", "max_count": 1}}'
        with pytest.raises(SqlError, match="55P03"):
            native.database.run(
                f"begin; set local lock_timeout = '100ms'; {admin.session.begin}"
                f" select public.set_keep_policy({literal(beside)}); commit;"
            )
        setting.ask("commit;")
    finally:
        setting.close()
    first = admin.session.row("keep_policies")["changed_at"]
    admin.session.rpc("set_keep_policy", p_policy={"device_id": device, "max_count": 1})
    assert admin.session.row("keep_policies", device_id=device)["changed_at"] > first
