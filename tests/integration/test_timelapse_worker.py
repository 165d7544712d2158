"""A film that nobody but the processes of the Procfile makes: beat sends the task, a worker takes it from its queue."""

import httpx
from arrivals import photo
from tenacity import Retrying, stop_after_delay, wait_fixed


def test_what_is_asked_for_is_made_by_a_worker(services, database, bucket, company):
    for number in range(3):
        path = f"captures/{company.device}/2026/06/15/{number}.jpg"
        bucket.upload(path, photo(number), {"content-type": "image/jpeg"})
        database.table("captures").insert({
            "device_id": company.device, "device_capture_id": f"{number}.jpg", "captured_at": f"2026-06-15T12:0{number}:00Z",
            "ingest_status": "stored", "storage_path": path, "thumbnail_path": path.replace("captures", "thumbnails"),
        }).execute()  # fmt: skip
    made = company.call(
        "request_timelapse",
        p_device=company.device,
        p_from="2026-06-15T00:00:00Z",
        p_to="2026-06-16T00:00:00Z",
    )
    for attempt in Retrying(stop=stop_after_delay(90), wait=wait_fixed(0.5)):
        with attempt:
            film = database.table("timelapses").select("*").eq("timelapse_id", made).single().execute().data
            assert film["state"] == "done", film
    assert film["frames_done"] == 3
    assert httpx.get(company.link(film["path"])).headers["content-type"] == "video/mp4"
