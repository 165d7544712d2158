"""Pictures that were let go: their objects go too, whatever is killed in between, and no others."""

import uuid

import pytest
from arrivals import PHOTOS, arrive, photo, run
from deaths import KilledError, dying

from tasks import keeping


@pytest.fixture
def company(database, device):
    """A company that has the device."""
    company_id = str(uuid.uuid4())
    database.table("companies").insert({"company_id": company_id, "name": "a company"}).execute()
    database.table("devices").insert({"device_id": device, "company_id": company_id}).execute()
    return company_id


@pytest.fixture
def policy(database, company):
    def let_go_all_but(count):
        database.table("keep_policies").delete().eq("company_id", company).execute()
        database.table("keep_policies").insert({"company_id": company, "max_count": count}).execute()

    return let_go_all_but


def rows(database, device):
    found = database.table("captures").select("*").eq("device_id", device).order("captured_at").execute()
    return found.data


def is_there(resources, path):
    return resources.supabase.download(path) is not None


def store(resources, device, *numbers):
    """Let a device send photographs, one a day."""
    for number in numbers:
        time = f"2025-10-{4 + number:02}T12:00:00Z"
        run(
            resources,
            arrive(resources, device, photo(number % len(PHOTOS)), f"image_{number}.jpg", time=time),
        )


def test_what_a_policy_lets_go_is_removed_from_storage_and_nothing_else(
    resources, database, device, policy, again
):
    store(resources, device, 0, 1, 2)
    before = rows(database, device)
    policy(1)
    again(keeping.apply_keep_policies)
    again(keeping.remove_objects)
    after = rows(database, device)
    assert [row["ingest_status"] for row in after] == ["expired", "expired", "stored"]
    assert [row["expired_by"] for row in after] == ["count", "count", None]
    for row, is_kept in zip(before, (False, False, True), strict=True):
        assert is_there(resources, row["storage_path"]) is is_kept
        assert is_there(resources, row["thumbnail_path"]) is is_kept
    readings = database.table("sensor_readings").select("capture_id").eq("device_id", device).execute().data
    assert len(readings) == 3, "readings stay"


@pytest.mark.parametrize("moment", ["claim_removals", "remove", "finish_removals"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_worker_that_is_killed_leaves_nothing_undone(
    resources, database, device, policy, again, moment, done
):
    store(resources, device, 0, 1)
    policy(1)
    again(keeping.apply_keep_policies)
    with dying(resources.supabase, moment, done=done), pytest.raises(KilledError):
        again(keeping.remove_objects)
    first, second = rows(database, device)
    assert (first["ingest_status"], second["ingest_status"]) == ("expired", "stored")
    again(keeping.remove_objects)  # as soon as its lease has ended
    listed = database.storage.from_("gxp-captures").list(f"captures/{device}/2025/10/04")
    assert [found["name"] for found in listed] == []
    assert is_there(resources, second["storage_path"])
    assert is_there(resources, second["thumbnail_path"])


def test_a_picture_offered_again_while_its_objects_are_queued_gets_its_ack_and_stays_gone(
    resources, database, device, policy, again
):
    store(resources, device, 0, 1)
    path = rows(database, device)[0]["storage_path"]
    policy(1)
    again(keeping.apply_keep_policies)
    # Redis knows nothing of it any more: the device comes after weeks.
    resources.store.redis.flushdb()
    store(resources, device, 0)
    assert [row["ingest_status"] for row in rows(database, device)] == ["expired", "stored"]
    again(keeping.remove_objects)
    assert not is_there(resources, path)
    resources.store.redis.flushdb()
    store(resources, device, 0)
    assert is_there(resources, path)  # uploaded, and queued anew
    again(keeping.remove_objects)
    assert not is_there(resources, path)
    assert [row["ingest_status"] for row in rows(database, device)] == ["expired", "stored"]


def test_another_picture_under_a_path_that_is_being_removed_goes_to_its_own(
    resources, database, device, policy, again
):
    store(resources, device, 0, 1)
    path = rows(database, device)[0]["storage_path"]
    policy(1)
    again(keeping.apply_keep_policies)
    assert path in resources.supabase.call("claim_removals", p_limit=1000)
    resources.store.redis.flushdb()
    # The same name and date, another minute.
    run(resources, arrive(resources, device, photo(2), "image_0.jpg", time="2025-10-04T12:01:00Z"))
    stored = {row["storage_path"] for row in rows(database, device) if row["ingest_status"] == "stored"}
    assert len(stored) == 2
    assert path not in stored
    assert all(is_there(resources, one) for one in stored)


def test_a_comparison_tells_what_is_missing(resources, database, device, again, monkeypatch, caplog):
    store(resources, device, 0)
    [row] = rows(database, device)
    resources.supabase.remove([row["storage_path"]])
    call = resources.supabase.call

    def at_once(function, **arguments):
        # Another test may have compared less than a day ago.
        begin = {"p_every": "0 seconds"} if function == "reconcile_objects" else {}
        return call(function, **arguments, **begin)

    monkeypatch.setattr(resources.supabase, "call", at_once)
    again(keeping.reconcile_objects)
    [told] = [record for record in caplog.records if record.name == "tasks.keeping"]
    assert told.levelname == "WARNING"
    assert told.args["missing"] >= 1
