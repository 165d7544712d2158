"""The periodic task that counts the days of devices."""

from core.clock import now_ms, to_iso
from local.snapshot import query
from tasks.rollups import refresh_days


def test_the_days_are_counted_once_in_a_while(resources, database, device):
    resources.store.redis.flushdb()
    for name in ("first", "second"):
        capture = {"device_id": device, "image_name": f"{name}.jpg", "captured_at": to_iso(now_ms())}
        capture |= {"ingest_status": "stored", "storage_path": f"{device}/{name}"}
        database.rpc("record_capture", {"p_capture": capture}).execute()
        refresh_days.run()
        # What has waited behind the first message finds the lock, which stays for a while.
        [row] = database.table("capture_days").select("stored").eq("device_id", device).execute().data
        assert row == {"stored": 1}


def test_the_days_of_a_company_are_added_up_after_those_of_its_devices(resources, database, device):
    resources.store.redis.flushdb()
    company = database.table("companies").insert({"name": "Greenhouse Ltd"}).execute().data[0]["company_id"]
    database.table("devices").insert({"device_id": device, "company_id": company}).execute()
    capture = {"device_id": device, "image_name": "a.jpg", "captured_at": to_iso(now_ms())}
    capture |= {"ingest_status": "stored", "storage_path": f"{device}/a"}
    database.rpc("record_capture", {"p_capture": capture}).execute()
    refresh_days.run()
    [row] = database.table("company_days").select("devices,stored").eq("company_id", company).execute().data
    assert row == {"devices": 1, "stored": 1}


def test_the_pictures_of_the_gallery_are_counted_with_them(resources, database, device, stack):
    resources.store.redis.flushdb()
    company = database.table("companies").insert({"name": "Greenhouse Ltd"}).execute().data[0]["company_id"]
    database.table("devices").insert({"device_id": device, "company_id": company}).execute()
    capture = {"device_id": device, "image_name": "a.jpg", "captured_at": to_iso(now_ms())}
    capture |= {"ingest_status": "stored", "storage_path": f"{device}/a"}
    database.rpc("record_capture", {"p_capture": capture}).execute()
    refresh_days.run()
    counted = f"select sum(pictures)::integer as n from fleet_private.picture_quarters where company_id = '{company}'"
    assert query(stack.supabase, counted)[-1].rows == [[1]]
