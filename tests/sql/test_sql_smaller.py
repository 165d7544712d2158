"""How older pictures are made smaller: which of them, once, and what their rows tell then."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sql_backends import Backend, Row, refused
from test_sql_keeping import MB, NOW, apply, count_days, offered, picture, removals

SHA = "a" * 64
POLICY = {"smaller_after_days": 30, "smaller_quality": 50, "smaller_width": 640}
MADE = {"original_bytes": MB, "bytes": MB // 4, "sha256": "b" * 64, "width": 640, "height": 480}


def old(backend: Backend, device: str, *ages: float, **changed: Any) -> list[Row]:
    """Stored pictures of these ages in days, as the service has recorded them."""
    rows = [picture(device, age, number, image_sha256=SHA, **changed) for number, age in enumerate(ages)]
    backend.service.insert("captures", *rows)
    return rows


def claims(backend: Backend, device: str, days: float = 0.0, **arguments: Any) -> list[Row]:
    """Let go what goes, claim everything, and return what is of this device."""
    at = NOW + timedelta(days=days)
    apply(backend, at=at)
    found: list[Row] = []
    while some := backend.service.rpc("claim_smaller_pictures", p_at=at.isoformat(), **arguments):
        found += some
    return [claim for claim in found if f"/{device}/" in claim["path"]]


def record(backend: Backend, claim: Row, made: Row | None = MADE) -> int | None:
    answer: int | None = backend.service.rpc("record_smaller_picture", p_claim=claim, p_made=made)
    return answer


def mine(device: str) -> Callable[[str], bool]:
    return lambda path: f"/{device}/" in path


def test_what_is_old_is_claimed_once_but_for_what_is_pinned_or_damaged(backend: Backend) -> None:
    _, admin, device = backend.company()
    rows = old(backend, device, 29.5, 31, 90)
    old(backend, device, 40, pinned=True)
    old(backend, device, 41, damaged=True)
    backend.service.insert("captures", picture(device, 42))  # nobody knows what the device has
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    found = claims(backend, device, p_limit=1)
    assert [claim["path"] for claim in found] == [rows[2]["storage_path"], rows[1]["storage_path"]]
    assert {(claim["quality"], claim["width"]) for claim in found} == {(50, 640)}
    assert {claim["new_path"].rpartition("--")[0] for claim in found} == {
        row["storage_path"].removesuffix(".jpg") for row in rows[1:]
    }
    assert claims(backend, device) == []  # of this round
    assert len(claims(backend, device, days=1)) == 3  # nothing was recorded, and one has grown old


def test_a_policy_that_says_nothing_more_takes_the_size_as_it_is(backend: Backend) -> None:
    _, admin, device = backend.company()
    old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy={"smaller_after_days": 30})
    (claim,) = claims(backend, device)
    assert (claim["quality"], claim["width"]) == (60, None)


def test_a_smaller_picture_takes_the_place_of_the_former_in_one_transaction(backend: Backend) -> None:
    _, admin, device = backend.company()
    (row,) = old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    (claim,) = claims(backend, device)
    assert record(backend, claim) == MB - MB // 4
    after = backend.service.row("captures", capture_id=row["capture_id"])
    told = ("storage_path", "thumbnail_path", "image_sha256", "stored_sha256", "original_bytes", "image_bytes",
            "stored_quality", "width", "height")  # fmt: skip
    assert [after[name] for name in told] == [
        claim["new_path"], row["thumbnail_path"], SHA, MADE["sha256"], MB, MB // 4, 50, 640, 480,
    ]  # fmt: skip
    assert removals(backend, mine(device)) == [row["storage_path"]]
    assert record(backend, claim) is None  # once
    assert claims(backend, device, days=1) == []
    count_days(backend)
    usage = admin.session.rpc("storage_usage")
    assert (usage["bytes"], usage["smaller"]) == (MB // 4, {"captures": 1, "saved_bytes": MB - MB // 4})
    (day,) = backend.service.rows("capture_days", device_id=device)
    assert (day["bytes"], day["kept_bytes"]) == (MB, MB // 4)  # what came, and what is there


def test_what_gains_too_little_is_noted_and_stays(backend: Backend) -> None:
    _, admin, device = backend.company()
    (row,) = old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    (claim,) = claims(backend, device)
    assert record(backend, claim, None) == 0
    after = backend.service.row("captures", capture_id=row["capture_id"])
    assert (after["storage_path"], after["image_bytes"], after["original_bytes"]) == (
        row["storage_path"],
        MB,
        None,
    )
    assert removals(backend, mine(device)) == []
    admin.session.rpc("set_keep_policy", p_policy=POLICY | {"smaller_quality": 30})
    assert claims(backend, device, days=1) == []
    assert admin.session.rpc("storage_usage")["smaller"] == {"captures": 0, "saved_bytes": 0}


@pytest.mark.parametrize("change", ["pinned", "deleted", "made smaller"])
def test_a_picture_that_has_changed_since_its_claim_stays_as_it_is(backend: Backend, change: str) -> None:
    _, admin, device = backend.company()
    (row,) = old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    (claim,) = claims(backend, device, p_lease="0 seconds")
    (other,) = claims(backend, device, days=1)
    if change == "pinned":
        admin.session.rpc("pin_captures", p_captures=(row["capture_id"],))
    elif change == "deleted":
        admin.session.rpc("delete_captures", p_captures=(row["capture_id"],))
    else:
        record(backend, other)
    before = backend.service.row("captures", capture_id=row["capture_id"])
    assert record(backend, claim) is None
    assert backend.service.row("captures", capture_id=row["capture_id"]) == before
    # What was uploaded for it goes.
    assert claim["new_path"] in removals(backend, mine(device))


def test_what_may_be_being_removed_is_not_recorded(backend: Backend) -> None:
    _, admin, device = backend.company()
    (row,) = old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    (claim,) = claims(backend, device, p_lease="0 seconds")
    assert removals(backend, mine(device)) == [claim["new_path"]]
    assert record(backend, claim) is None
    backend.service.rpc("finish_removals", p_paths=[claim["new_path"]])
    assert record(backend, claim) is None
    assert (
        backend.service.row("captures", capture_id=row["capture_id"])["storage_path"] == row["storage_path"]
    )


def test_what_is_claimed_is_not_removed_before_its_time(backend: Backend) -> None:
    _, admin, device = backend.company()
    old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    assert len(claims(backend, device)) == 1
    assert removals(backend, mine(device)) == []


def test_a_device_that_offers_the_picture_again_gets_its_ack(backend: Backend) -> None:
    _, admin, device = backend.company()
    (row,) = old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    (claim,) = claims(backend, device)
    record(backend, claim)
    gone = removals(backend, mine(device))
    backend.service.rpc("finish_removals", p_paths=gone)
    before = backend.service.row("captures", capture_id=row["capture_id"])
    answer = backend.service.rpc("record_capture", p_capture=offered(device, row))
    assert (answer["capture_id"], answer["ingest_status"]) == (row["capture_id"], "stored")
    assert answer["storage_path"] == claim["new_path"]
    assert backend.service.row("captures", device_id=device) == before
    # The worker has uploaded what the device sent; that goes again, and the thumbnail stays.
    assert removals(backend, mine(device)) == [row["storage_path"]]


def test_the_preview_tells_what_is_made_smaller(backend: Backend) -> None:
    _, admin, device = backend.company()
    old(backend, device, 1, 31, 50, 90, 91)
    old(backend, device, 60, pinned=True)
    policy = POLICY | {"max_age_days": 80}
    preview = admin.session.rpc("preview_keep_policy", p_policy=policy, p_at=NOW.isoformat())
    admin.session.rpc("set_keep_policy", p_policy=policy)
    assert (preview["captures"], preview["smaller"]) == (2, {"captures": 2, "bytes": 2 * MB})
    found = claims(backend, device)
    assert len(found) == 2
    for claim in found:
        record(backend, claim)
    again = admin.session.rpc("preview_keep_policy", p_policy=policy, p_at=NOW.isoformat())
    assert again["smaller"] == {"captures": 0, "bytes": 0}
    without = admin.session.rpc("preview_keep_policy", p_policy={"max_age_days": 80}, p_at=NOW.isoformat())
    assert without["smaller"] == {"captures": 0, "bytes": 0}


def test_the_bytes_of_a_policy_are_those_that_are_there(backend: Backend) -> None:
    _, admin, device = backend.company()
    rows = old(backend, device, 1, 40, 50)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    for claim in claims(backend, device):
        record(backend, claim)
    policy = POLICY | {"max_bytes": 3 * MB // 2}
    assert admin.session.rpc("preview_keep_policy", p_policy=policy, p_at=NOW.isoformat())["captures"] == 0
    admin.session.rpc("set_keep_policy", p_policy=policy | {"max_bytes": 5 * MB // 4})
    apply(backend)
    gone = backend.service.rows("captures", device_id=device, ingest_status="expired")
    assert [row["capture_id"] for row in gone] == [rows[2]["capture_id"]]


def test_the_narrowest_policy_says_whether(backend: Backend) -> None:
    _, admin, device = backend.company()
    old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    admin.session.rpc("set_keep_policy", p_policy={"device_id": device, "max_age_days": 900})
    assert claims(backend, device) == []
    admin.session.rpc("set_keep_policy", p_policy={"device_id": device})
    assert len(claims(backend, device)) == 1
    admin.session.rpc("set_keep_policy", p_policy={})
    assert claims(backend, device, days=1) == []


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"smaller_after_days": 30, "smaller_quality": 10}, "smaller_quality is from 30 to 90"),
        ({"smaller_after_days": 30, "smaller_width": 100}, "smaller_width from 160 to 10000"),
        ({"smaller_quality": 60}, "both with smaller_after_days"),
        ({"max_count": 5, "smaller_width": 640}, "both with smaller_after_days"),
        ({"smaller_after_days": 30, "smaller_quality": "good"}, "no limits of a policy: smaller_quality"),
    ],
)
def test_what_no_picture_is_made_to_is_refused(backend: Backend, policy: Row, said: str) -> None:
    _, admin, _ = backend.company()
    with refused("22023", said):
        admin.session.rpc("set_keep_policy", p_policy=policy)


def test_a_claim_that_names_another_picture_changes_nothing(backend: Backend) -> None:
    _, admin, device = backend.company()
    old(backend, device, 40)
    admin.session.rpc("set_keep_policy", p_policy=POLICY)
    (claim,) = claims(backend, device)
    assert record(backend, json.loads(json.dumps(claim)) | {"capture_id": str(uuid.uuid4())}) is None
