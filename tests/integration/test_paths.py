"""Which capture gets which object, where Storage lets two uploads of one key at once both succeed."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from arrivals import arrive, photo, run

from core.supabase import AlreadyThere, SupabaseGateway

FOLDER = "{}/{}/2025/10/04"


@pytest.fixture
def hosted(resources, proxy):
    """The resources of a worker whose Storage takes uploads as the hosted one does."""
    settings = resources.settings.model_copy(update={"supabase_url": proxy.url})
    gateway = SupabaseGateway(settings, settings.supabase_timeout_s)
    yield resources._replace(settings=settings, supabase=gateway)
    gateway.close()


def rows(database, device):
    return database.table("captures").select("*").eq("device_id", device).order("captured_at").execute().data


def objects(bucket, folder, device):
    return {item["name"].rpartition("/")[2] for item in bucket.list(FOLDER.format(folder, device))}


def pictures(number):
    """Pictures that differ, and each is a whole JPEG: what follows the end marker is padding."""
    return [photo(index % 3) + bytes(index // 3) for index in range(number)]


def run_at_once(resources, refs):
    with ThreadPoolExecutor(len(refs)) as pool:
        for done in [pool.submit(run, resources, ref) for ref in refs]:
            done.result(60)


def times(number):
    return [f"2025-10-04T08:00:{second:02}Z" for second in range(number)]


def test_two_uploads_of_one_key_at_once_both_succeed_and_the_later_stands(hosted, proxy, bucket, device):
    path = f"captures/{device}/one.jpg"
    proxy.gather(path, 2)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(hosted.supabase.upload, path, data) for data in (b"one", b"two")]:
            done.result(30)
    assert bucket.download(path) in (b"one", b"two")
    with pytest.raises(AlreadyThere):
        hosted.supabase.upload(path, b"three")


@pytest.mark.parametrize("number", [2, 8])
def test_pictures_of_one_name_and_date_at_once_have_an_object_each(
    hosted, proxy, database, bucket, device, number
):
    data = pictures(number)
    refs = [arrive(hosted, device, image, time=time) for image, time in zip(data, times(number), strict=True)]
    proxy.gather(f"/captures/{device}/", number)
    run_at_once(hosted, refs)
    found = rows(database, device)
    assert [bucket.download(row["storage_path"]) for row in found] == data
    assert len({row["thumbnail_path"] for row in found}) == number
    assert "image_1.jpg" in objects(bucket, "captures", device)
    assert len(objects(bucket, "captures", device)) == len(objects(bucket, "thumbnails", device)) == number


def test_the_next_of_a_name_and_date_has_a_suffix(resources, database, bucket, device):
    for image, time in zip(pictures(3), times(3), strict=True):
        run(resources, arrive(resources, device, image, time=time))
    first, *others = rows(database, device)
    assert first["storage_path"] == f"captures/{device}/2025/10/04/image_1.jpg"
    assert first["thumbnail_path"] == f"thumbnails/{device}/2025/10/04/image_1.jpg"
    for row in others:
        [suffix] = re.findall(r"image_1--([0-9a-f]{12})\.jpg$", row["storage_path"])
        assert row["thumbnail_path"].endswith(f"image_1--{suffix}.jpg")
    assert [bucket.download(row["storage_path"]) for row in (first, *others)] == pictures(3)


def test_equal_bytes_of_two_captures_are_two_objects(resources, database, bucket, device):
    for time in times(2):
        run(resources, arrive(resources, device, photo(), time=time))
    assert len({row["storage_path"] for row in rows(database, device)}) == 2
    assert len({row["thumbnail_path"] for row in rows(database, device)}) == 2


def test_a_capture_offered_again_keeps_its_objects(resources, database, bucket, device):
    for _ in range(2):
        for image, time in zip(pictures(3), times(3), strict=True):
            run(resources, arrive(resources, device, image, time=time))
        resources.store.redis.delete(*resources.store.redis.keys(f"*tombstone:{device}*"))
    assert len(rows(database, device)) == 3
    assert len(objects(bucket, "captures", device)) == len(objects(bucket, "thumbnails", device)) == 3


@pytest.mark.parametrize("same", [False, True], ids=["other bytes", "equal bytes"])
def test_after_the_reservation_has_expired_nothing_is_overwritten(resources, database, bucket, device, same):
    data = [photo(0), photo(0 if same else 1)]
    for image, time in zip(data, times(2), strict=True):
        run(resources, arrive(resources, device, image, time=time))
        resources.store.redis.delete(*resources.store.redis.keys(f"*place:{device}*"))
    first, second = rows(database, device)
    assert [bucket.download(row["storage_path"]) for row in (first, second)] == data
    assert first["storage_path"] == f"captures/{device}/2025/10/04/image_1.jpg"
    assert second["storage_path"] != first["storage_path"]
    assert second["thumbnail_path"] != first["thumbnail_path"]


def test_damaged_pictures_with_equal_bytes_are_quarantined_apart(resources, database, bucket, device):
    for time in times(2):
        run(resources, arrive(resources, device, photo(), time=time, size=999))
    paths = {row["storage_path"] for row in rows(database, device)}
    assert len(paths) == 2
    assert {path.partition("/")[0] for path in paths} == {"quarantine"}
