"""The periodic task that examines what devices say, on the embedded stack."""

from datetime import UTC, datetime

import pytest

from core.store.keys import lock_key
from local.company import found_company
from tasks.examine_firmware import examine_firmware


@pytest.fixture
def owned(stack, database, device):
    """A device of a company that was heard, and what it said."""
    admin = found_company(stack, "Greenhouse Ltd", f"{device.lower()}@fleet.test")
    (company,) = admin.rows("companies", select="company_id")
    now = datetime.now(UTC).isoformat()
    database.table("devices").insert({"device_id": device, "last_seen_at": now, **company}).execute()
    said = {
        "status": {"device_id": device, "status": "Alive", "pendingImg": 0, "battery_voltage": 3.9},
        "data": {"metadata": {
            "device_id": device, "image_name": "1.jpg", "capture_timeStamp": "1970-01-01T00:00:09Z",
            "image_size": 100, "max_chunks_size": 100, "total_chunk_count": 1, "error": 0, "image_sha256": "0" * 64,
        }},
    }  # fmt: skip
    for kind, payload in said.items():
        row = {
            "device_id": device, "direction": "in", "topic": f"ESP32CAM/{device}/{kind}", "payload": payload,
            "message_key": f"{device} {kind}", "received_at": now,
        }  # fmt: skip
        database.table("device_publish_log").insert(row).execute()
    return admin


def test_deviations_are_found_and_told_to_the_company(resources, owned, device):
    # The devices of other tests may be due as well, five in a run.
    while not owned.rows("device_conformance", device_id=f"eq.{device}"):
        resources.store.redis.delete(lock_key("examine_firmware"))
        examine_firmware.run()
    (found,) = owned.rows("device_conformance", device_id=f"eq.{device}")
    assert (found["hellos"], found["pictures"]) == (1, 1)
    named = len(device) != 12 or not set(device) <= set("0123456789ABCDEF")
    dialect = ["device name"] * named + ["battery name"]
    assert [(one["rule"], one["grade"]) for one in found["deviations"]] == [
        ("clock", "harmful"),
        *((rule, "dialect") for rule in dialect),
    ]
    assert "1970-01-01" in found["deviations"][0]["example"]
