"""A picture of which only the top came: what its row is, what becomes of it, and who counts it as what."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sql_backends import Backend, RefusedError, Row, new_device
from test_sql_captures import failed, stored
from test_sql_events import channel, taken

ERROR = {"code": 2201, "message": "timed out: chunks are missing", "details": {"chunks": 20}}
NOW = datetime(2027, 6, 15, 12, 0, tzinfo=UTC)


def partial(device: str, rows: int = 300, **changes: Any) -> Row:
    place = f"{device}/2025/10/04/image_1--{rows:012x}.jpg"
    return (
        failed(device, ingest_status="partial", error=ERROR, partial_rows=rows, width=800, height=600)
        | {"image_bytes": 1000 + rows}
        | {"storage_path": f"captures/{place}", "thumbnail_path": f"thumbnails/{place}"}
        | changes
    )


def record(backend: Backend, capture: Row) -> Row:
    answer: Row = backend.service.rpc("record_capture", p_capture=capture)
    return answer


def state(backend: Backend, device: str) -> tuple[Any, ...]:
    row = backend.service.row("captures", device_id=device)
    paths = (row["storage_path"] or "").rpartition("/")[2], (row["thumbnail_path"] or "").rpartition("/")[2]
    return row["ingest_status"], row["error_code"], row["partial_rows"], *paths


def queued(backend: Backend, device: str) -> set[str]:
    claimed = backend.service.rpc("claim_removals", p_limit=10_000)
    return {path for path in claimed if f"/{device}/" in path}


def paths(*captures: Row) -> set[str]:
    return {capture[name] for capture in captures for name in ("storage_path", "thumbnail_path")}


def name_of(capture: Row) -> tuple[str, str]:
    storage, thumbnail = capture["storage_path"], capture["thumbnail_path"]
    return storage.rpartition("/")[2], thumbnail.rpartition("/")[2]


@pytest.mark.parametrize("times", [1, 2])
def test_a_failed_picture_becomes_partial_and_whole_in_one_row(backend: Backend, times: int) -> None:
    device = new_device()
    top, whole = partial(device), stored(device)
    for _ in range(times):
        first = record(backend, failed(device, error=ERROR))
    for _ in range(times):
        assert record(backend, top)["capture_id"] == first["capture_id"]
    assert state(backend, device) == ("partial", 2201, 300, *name_of(top))
    row = backend.service.row("captures", device_id=device)
    assert (row["stored_at"], row["image_sha256"], row["health"], row["damaged"]) == (None, None, None, False)
    assert record(backend, failed(device, error=ERROR))["ingest_status"] == "partial"
    assert queued(backend, device) == set()
    for _ in range(times):
        assert record(backend, whole)["capture_id"] == first["capture_id"]
    assert state(backend, device) == ("stored", None, None, *name_of(whole))
    assert backend.service.row("captures", device_id=device)["image_bytes"] == 45678
    assert queued(backend, device) == paths(top)
    assert len(backend.service.rows("device_errors", device_id=device)) == 1


def test_a_whole_picture_without_a_thumbnail_keeps_none_of_its_top(backend: Backend) -> None:
    device = new_device()
    record(backend, partial(device))
    record(backend, stored(device, thumbnail_path=None))
    assert backend.service.row("captures", device_id=device)["thumbnail_path"] is None


def test_more_rows_take_the_place_of_fewer_and_never_the_other_way(backend: Backend) -> None:
    device = new_device()
    some, more, less = partial(device, 300), partial(device, 400), partial(device, 200)
    for top in (some, more, less):
        record(backend, top)
    assert state(backend, device) == ("partial", 2201, 400, *name_of(more))
    assert queued(backend, device) == paths(some, less)


def test_what_is_stored_or_has_expired_does_not_become_partial(backend: Backend) -> None:
    _, admin, device = backend.company()
    whole, top = stored(device), partial(device)
    capture = record(backend, whole)["capture_id"]
    assert record(backend, top)["ingest_status"] == "stored"
    assert state(backend, device) == ("stored", None, None, *name_of(whole))
    assert queued(backend, device) == paths(top)
    admin.session.rpc("delete_captures", p_captures=(capture,))
    assert record(backend, top | {"storage_path": "captures/x/y"})["ingest_status"] == "expired"


def test_another_failure_ends_what_was_shown(backend: Backend) -> None:
    """All chunks came, and are not what the device had said: then its top may be that of another picture."""
    device = new_device()
    top, bad = partial(device), f"quarantine/{device}/bad.jpg"
    record(backend, top)
    record(backend, failed(device, error={"code": 2207, "message": "SHA-256 differs"}, storage_path=bad))
    assert state(backend, device) == ("failed", 2207, None, "bad.jpg", "")
    assert queued(backend, device) == paths(top)


@pytest.mark.parametrize("lacks", [{"partial_rows": None}, {"storage_path": None}, {"partial_rows": 0}])
def test_one_that_does_not_say_what_it_shows_is_refused(backend: Backend, lacks: Row) -> None:
    device = new_device()
    with pytest.raises(RefusedError, match="partial_rows"):
        record(backend, partial(device) | lacks)
    assert backend.service.rows("captures", device_id=device) == []


def test_it_is_told_once_and_the_policy_that_lets_it_go_tells_nothing(backend: Backend) -> None:
    company, admin, device = backend.company()
    mine = channel(backend, company, "capture.stored", "capture.failed", "capture.partial")
    record(backend, failed(device, error=ERROR))
    capture = record(backend, partial(device, 300))["capture_id"]
    record(backend, partial(device, 400))
    admin.session.rpc("delete_captures", p_captures=(capture,))
    record(backend, stored(device))
    events = taken(backend, mine)
    assert [event["type"] for event in events] == ["capture.failed", "capture.partial", "capture.stored"]
    assert [event["capture"]["partial_rows"] for event in events] == [None, 300, None]


def test_deleting_its_picture_leaves_the_failure_and_the_whole_one_is_stored_when_it_comes(
    backend: Backend,
) -> None:
    _, admin, device = backend.company()
    top = partial(device)
    capture = record(backend, top)["capture_id"]
    assert admin.session.rpc("delete_captures", p_captures=(capture,)) == {"captures": 1, "bytes": 1300}
    assert state(backend, device) == ("failed", 2201, None, "", "")
    assert queued(backend, device) == paths(top)
    assert record(backend, stored(device))["ingest_status"] == "stored"


def kept_picture(device: str, age_days: float, **changed: Any) -> Row:
    name = f"{device}/{uuid.uuid4().hex}.jpg"
    return {
        "device_id": device, "device_capture_id": "image_1.jpg", "ingest_status": "stored", "image_bytes": 10**6,
        "captured_at": (NOW - timedelta(days=age_days)).isoformat(), "storage_path": f"captures/{name}",
        "thumbnail_path": f"thumbnails/{name}", "partial_rows": None,
    } | changed  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "stay"),
    [
        ({"max_age_days": 30}, {1, 20}),
        ({"max_count": 2}, {1}),
        ({"daily_after_days": 15}, {1}),
        ({"max_bytes": 4 * 10**6}, {1, 20}),
    ],
)
def test_policies_let_it_go_with_the_pictures_that_are_as_old(
    backend: Backend, policy: Row, stay: set[int]
) -> None:
    _, admin, device = backend.company()
    backend.service.insert("captures", *(kept_picture(device, age) for age in (2, 10, 40)))
    tops = [
        kept_picture(device, age, ingest_status="partial", error_code=2201, partial_rows=8)
        for age in (1, 20, 50)
    ]
    backend.service.insert("captures", *tops)
    preview = admin.session.rpc("preview_keep_policy", p_policy=policy, p_at=NOW.isoformat())
    admin.session.rpc("set_keep_policy", p_policy=policy)
    # Others of this database may have policies too.
    while backend.service.rpc("apply_keep_policies", p_limit=2, p_at=NOW.isoformat())["more"]:
        pass
    gone = sum(row["storage_path"] is None for row in backend.service.rows("captures", device_id=device))
    left = backend.service.rows("captures", device_id=device, ingest_status="partial")
    assert {(NOW - datetime.fromisoformat(row["captured_at"])).days for row in left} == stay
    failures = backend.service.rows("captures", device_id=device, ingest_status="failed")
    assert {(row["expired_at"], row["storage_path"], row["error_code"]) for row in failures} <= {
        (None, None, 2201)
    }
    assert preview["captures"] == gone
    admin.session.rpc("set_keep_policy", p_policy={})


def test_a_device_that_has_nothing_whole_is_found_by_the_policies_too(backend: Backend) -> None:
    _, admin, device = backend.company()
    top = kept_picture(device, 50, ingest_status="partial", error_code=2201, partial_rows=8)
    backend.service.insert("captures", top)
    admin.session.rpc("set_keep_policy", p_policy={"max_age_days": 30})
    assert backend.service.rpc("apply_keep_policies", p_at=NOW.isoformat())["captures"] == 1
    admin.session.rpc("set_keep_policy", p_policy={})


def test_days_count_it_for_itself_and_its_bytes_as_kept(backend: Backend) -> None:
    device = new_device()
    record(backend, partial(device))
    record(backend, stored(device, captured_at="2025-10-04T13:00:00+00:00"))
    while backend.service.rpc("refresh_capture_days")["more"]:
        pass
    [day] = [d for d in backend.service.rows("capture_days", device_id=device) if d["partial"] or d["stored"]]
    counts = day["stored"], day["partial"], day["failed_transfer"], day["bytes"], day["kept_bytes"]
    assert counts == (1, 1, 0, 45678, 45678 + 1300)


def test_the_story_says_what_is_shown(backend: Backend) -> None:
    _, admin, device = backend.company()
    story = {"at": 1759581330000, "chunks": [0, 4000], "held": 20}
    capture = record(backend, partial(device, story=story))["capture_id"]
    told = admin.session.rpc("capture_story", p_capture=capture)
    codes = [sentence["code"] for sentence in told["sentences"]]
    assert {"failed", "partial"} <= set(codes)
    assert "Its first 300 of 600 rows are shown" in str(told["sentences"])


def test_its_row_is_the_same_where_the_metadata_comes_after_it_was_given_up(backend: Backend) -> None:
    device, began = new_device(), {"arrived_at": "2025-10-04T12:34:56.789Z"}
    untimed = began | {"captured_at": None, "captured_at_source": "arrival"}
    given_up = record(backend, partial(device, **untimed))
    whole = stored(device, **began)
    assert record(backend, whole)["capture_id"] == given_up["capture_id"]
    row = backend.service.row("captures", device_id=device)
    assert (row["ingest_status"], row["captured_at_source"]) == ("stored", "device")
    assert queued(backend, device) == paths(partial(device))
