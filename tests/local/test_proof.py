"""The demonstration's verdict must be able to say no."""

import dataclasses
import hashlib
from datetime import UTC, datetime

import httpx
import pytest

from local import proof
from local.proof import Sent
from local.stack import BUCKET

IMAGE, THUMBNAIL = b"\xff\xd8 an image \xff\xd9", b"\xff\xd8 small \xff\xd9"
TAKEN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def http(stack):
    headers = {"apikey": stack.supabase_secret_key, "authorization": f"Bearer {stack.supabase_secret_key}"}
    with httpx.Client(base_url=stack.supabase_url, headers=headers) as client:
        yield client


def sent(name):
    return Sent("PROOF1", name, TAKEN, hashlib.sha256(IMAGE).hexdigest(), acknowledged=True)


@pytest.fixture
def put(http):
    http.post(
        "/rest/v1/devices",
        json={"device_id": "PROOF1"},
        headers={"prefer": "resolution=ignore-duplicates"},
        params={"on_conflict": "device_id"},
    ).raise_for_status()

    def put(name, *, image=IMAGE, status="stored", thumbnail=THUMBNAIL):
        path, small = f"captures/PROOF1/2026/03/01/{name}", f"thumbnails/PROOF1/2026/03/01/{name}"
        for where, data in ((path, image), (small, thumbnail)):
            if data is not None:
                http.post(
                    f"/storage/v1/object/{BUCKET}/{where}",
                    content=data,
                    headers={"content-type": "image/jpeg"},
                ).raise_for_status()
        row = {
            "device_id": "PROOF1",
            "device_capture_id": name,
            "captured_at": TAKEN.isoformat(),
            "ingest_status": status,
            "storage_path": path,
            "thumbnail_path": small if thumbnail else None,
        }
        http.post("/rest/v1/captures", json=row).raise_for_status()

    return put


def problem(stack, capture):
    [finding] = proof.examine(stack, [capture])
    return finding.problem


def test_what_is_stored_byte_for_byte_is_proven(stack, put):
    put("good.jpg")
    [finding] = proof.examine(stack, [sent("good.jpg")])
    assert (finding.problem, finding.thumbnail) == (None, THUMBNAIL)


def test_an_image_that_differs_in_a_byte_is_found(stack, put):
    put("changed.jpg", image=IMAGE.replace(b"an", b"AN"))
    assert "differs in storage" in problem(stack, sent("changed.jpg"))


def test_a_row_whose_image_is_missing_is_found(stack, put):
    put("lost.jpg", image=None)
    assert "is not in storage" in problem(stack, sent("lost.jpg"))


def test_a_capture_that_is_not_stored_yet_is_found(stack, put):
    put("arriving.jpg", status="assembling")
    assert "assembling instead of stored" in problem(stack, sent("arriving.jpg"))


def test_a_missing_thumbnail_is_found(stack, put):
    put("bare.jpg", thumbnail=None)
    assert "has no thumbnail" in problem(stack, sent("bare.jpg"))


def test_a_capture_without_a_row_or_of_another_time_is_found(stack, put):
    put("yesterday.jpg")
    assert "has 0 rows" in problem(stack, sent("never.jpg"))
    later = dataclasses.replace(sent("yesterday.jpg"), captured_at=TAKEN.replace(hour=13))
    assert "has 0 rows" in problem(stack, later)


def test_what_no_device_has_been_told_is_found(stack, put):
    put("unsaid.jpg")
    assert "never acknowledged" in problem(stack, dataclasses.replace(sent("unsaid.jpg"), acknowledged=False))
