"""Older pictures are made smaller: what they show and tell stays, and a worker may be killed at any line."""

import io
import uuid
from hashlib import sha256

import pytest
from arrivals import arrive, photo, run
from deaths import KilledError, dying
from PIL import Image

from tasks import keeping, smaller

TIME = "2025-10-04T12:00:00Z"


def with_exif(data):
    """The photograph with the EXIF of a camera."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a camera", 6
    output = io.BytesIO()
    Image.open(io.BytesIO(data)).save(output, "JPEG", quality=95, exif=exif, comment=b"of the roof")
    return output.getvalue()


@pytest.fixture
def company(database, device):
    """A company that has the device, and makes its pictures smaller after a month."""
    company_id = str(uuid.uuid4())
    database.table("companies").insert({"company_id": company_id, "name": "a company"}).execute()
    database.table("devices").insert({"device_id": device, "company_id": company_id}).execute()
    policy = {"company_id": company_id, "smaller_after_days": 30, "smaller_width": 320}
    database.table("keep_policies").insert(policy).execute()
    return company_id


@pytest.fixture
def sent(resources, device, company):
    """A picture that has arrived, with its EXIF."""
    data = with_exif(photo())
    run(resources, arrive(resources, device, data, time=TIME))
    return data


def row_of(database, device):
    return database.table("captures").select("*").eq("device_id", device).single().execute().data


def objects(database, device):
    found = database.storage.from_("gxp-captures").list(f"captures/{device}/2025/10/04")
    return sorted(one["name"].rpartition("/")[2] for one in found)


def test_an_old_picture_is_made_smaller_and_keeps_what_it_tells(
    resources, database, device, sent, again, caplog
):
    before = row_of(database, device)
    with caplog.at_level("INFO", "tasks.smaller"):
        again(keeping.apply_keep_policies, smaller.make_smaller)
    row = row_of(database, device)
    stored = resources.supabase.download(row["storage_path"])
    assert (row["image_bytes"], row["stored_sha256"]) == (len(stored), sha256(stored).hexdigest())
    assert (row["original_bytes"], row["image_sha256"]) == (len(sent), sha256(sent).hexdigest())
    assert len(stored) <= 0.9 * len(sent)
    shown, original = Image.open(io.BytesIO(stored)), Image.open(io.BytesIO(sent))
    assert shown.size == (row["width"], row["height"]) == (320, round(320 * original.height / original.width))
    assert shown.getexif() == original.getexif()
    assert shown.info["comment"] == original.info["comment"]
    assert row["thumbnail_path"] == before["thumbnail_path"]
    assert resources.supabase.download(before["storage_path"]) == sent  # until its removal
    again(keeping.remove_objects)
    assert resources.supabase.download(before["storage_path"]) is None
    assert resources.supabase.download(row["thumbnail_path"]) is not None
    told = [record.getMessage() for record in caplog.records if record.name == "tasks.smaller"]
    assert told == [f"1 pictures were made smaller, by {len(sent) - len(stored)} bytes together"]
    again(keeping.apply_keep_policies, smaller.make_smaller)
    assert row_of(database, device) == row


def test_a_picture_that_is_small_already_stays_and_that_is_noted(resources, database, device, company, again):
    output = io.BytesIO()
    Image.open(io.BytesIO(photo())).resize((320, 240)).save(output, "JPEG", quality=55, optimize=True)
    run(resources, arrive(resources, device, output.getvalue(), time=TIME))
    before = row_of(database, device)
    again(keeping.apply_keep_policies, smaller.make_smaller)
    row = row_of(database, device)
    assert row["smaller_at"] is not None
    assert row == before | {"smaller_at": row["smaller_at"]}
    again(keeping.remove_objects)
    assert len(objects(database, device)) == 1


def test_a_device_that_offers_it_again_gets_its_ack_and_the_smaller_one_stays(
    resources, database, device, ear, sent, again
):
    assert "ACK_OK" in ear.next()[1]
    again(keeping.apply_keep_policies, smaller.make_smaller, keeping.remove_objects)
    row = row_of(database, device)
    # Redis knows nothing of it any more: the device comes after weeks.
    resources.store.redis.flushdb()
    run(resources, arrive(resources, device, sent, time=TIME))
    assert "ACK_OK" in ear.next()[1]
    # Its story tells that it came again.
    assert row_of(database, device) | {"story": None} == row | {"story": None}
    again(keeping.remove_objects)
    assert objects(database, device) == [row["storage_path"].rpartition("/")[2]]


def test_an_object_that_is_not_what_the_device_sent_is_left_alone(resources, database, device, sent, again):
    row = row_of(database, device)
    resources.supabase.remove([row["storage_path"]])
    resources.supabase.upload(row["storage_path"], photo(1))
    again(keeping.apply_keep_policies, smaller.make_smaller)
    assert row_of(database, device) == row


@pytest.mark.parametrize("moment", ["claim_smaller_pictures", "download", "upload", "record_smaller_picture"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_worker_that_is_killed_loses_nothing(resources, database, device, sent, again, moment, done):
    again(keeping.apply_keep_policies)
    before = row_of(database, device)
    with dying(resources.supabase, moment, done=done), pytest.raises(KilledError):
        again(smaller.make_smaller)
    row = row_of(database, device)
    is_recorded = (moment, done) == ("record_smaller_picture", True)
    assert (row == before) is not is_recorded
    assert resources.supabase.download(row["storage_path"]) is not None
    again(keeping.remove_objects)
    assert objects(database, device) == [row["storage_path"].rpartition("/")[2]]
