"""A project over its quota, unpaid or read-only: everything is kept, tried slowly, and stored afterwards."""

import pytest
from arrivals import arrive, photo, run
from chaos_proxy import Fault
from prometheus_client import REGISTRY
from supabase_server import SupabaseServer

from core.errors import AccessDenied
from core.store.keys import capture_keys
from core.supabase import SupabaseGateway
from tasks.app import DENIED_S
from tasks.capture import store_capture
from tasks.stations.upload import Place, upload


def alarms(kind):
    return REGISTRY.get_sample_value("fleet_alarms_total", {"alarm": kind}) or 0


def test_over_quota_everything_is_kept_and_stored_afterwards(behind, proxy, database, device):
    devices = [f"{device}N{number}" for number in range(3)]
    refs = [arrive(behind, name, photo()) for name in devices]
    proxy.set(Fault("answer", 402))
    before, captures = alarms("supabase_quota"), behind.store.captures
    for ref in refs:
        with pytest.raises(AccessDenied):
            store_capture.run(*ref)
        assert len(captures.chunks(ref)) == captures.get(ref).total_chunks
        store_capture.run(*ref)  # too early: nothing is asked
    next_tries = [at - behind.store.now() for _, at in captures.soonest(10)]
    assert len(next_tries) == 3
    assert all((DENIED_S - 10) * 1000 < wait < 75_000 for wait in next_tries)
    assert alarms("supabase_quota") == before + 6  # image and thumbnail of each
    proxy.set(None)
    for ref in refs:
        behind.store.redis.hdel(capture_keys(ref)[0], "retry_at")
        run(behind, ref)
    found = database.table("captures").select("ingest_status").in_("device_id", devices).execute().data
    assert [row["ingest_status"] for row in found] == ["stored"] * 3


def test_a_missing_object_and_a_missing_bucket_are_told_apart(resources):
    before = alarms("supabase_access")
    assert resources.supabase.download("captures/nobody/nothing.jpg") is None
    assert alarms("supabase_access") == before
    settings = resources.settings.model_copy(update={"supabase_storage_bucket": "nowhere"})
    elsewhere = SupabaseGateway(settings, 10.0)
    with pytest.raises(AccessDenied):
        elsewhere.upload("captures/nobody/nothing.jpg", b"x")
    elsewhere.close()
    assert alarms("supabase_access") == before + 1


def test_a_picture_that_was_removed_is_stored_anew_when_its_device_sends_it(
    resources, database, bucket, device
):
    run(resources, arrive(resources, device, photo()))
    [row] = database.table("captures").select("*").eq("device_id", device).execute().data
    bucket.remove([row["storage_path"], row["thumbnail_path"]])
    resources.store.redis.flushdb()
    run(resources, arrive(resources, device, photo()))
    [again] = database.table("captures").select("*").eq("device_id", device).execute().data
    assert bucket.download(again["storage_path"]) == photo()


PLACE = Place("D/2025/10/04/i.jpg", "D/2025/10/04/i--0123456789ab.jpg", "0123456789ab", reserved=True)
DUPLICATE = {"statusCode": "409", "error": "Duplicate", "message": "The resource already exists"}
MISSING = {"statusCode": "404", "error": "not_found", "message": "Object not found"}


@pytest.mark.parametrize("all_lost", [False, True])
def test_bytes_that_storage_has_lost(all_lost):
    """Storage's table has the object and its disk has not: the embedded one cannot be brought to that."""
    server = SupabaseServer()

    def answer(asked):
        if asked.method == "GET":
            return 400, MISSING
        return (400, DUPLICATE) if all_lost or PLACE.plain in asked.path else (200, {"Key": "k", "Id": "i"})

    server.answer = answer
    before = alarms("object_lost")
    try:
        with server.gateway() as gateway:
            if all_lost:
                with pytest.raises(AccessDenied, match=PLACE.own):
                    upload(gateway, "captures", PLACE, b"jpeg")
            else:
                assert upload(gateway, "captures", PLACE, b"jpeg") == f"captures/{PLACE.own}"
    finally:
        server.close()
    assert alarms("object_lost") == before + all_lost
