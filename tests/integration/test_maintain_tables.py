"""The periodic task that makes partitions and lets rows go, on the embedded stack."""

from datetime import UTC, datetime, timedelta

from core.store.keys import lock_key
from tasks.maintain_tables import maintain_tables


def finished_commands(database, device):
    """The ages, in days, of the finished commands that a device has."""
    rows = database.table("device_commands").select("reason").eq("device_id", device).execute().data
    return sorted(int(row["reason"]) for row in rows)


def finish(database, device, days):
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    row = {
        "device_id": device,
        "type": "capture_image",
        "status": "done",
        "finished_at": at,
        "reason": str(days),
    }
    database.table("device_commands").insert(row).execute()


def test_old_rows_go_once_an_hour_and_as_the_settings_say(resources, database, device):
    resources.store.redis.delete(lock_key("maintain_tables"))
    database.table("devices").insert({"device_id": device}).execute()
    for days in (resources.settings.keep_commands_days - 1, resources.settings.keep_commands_days + 1):
        finish(database, device, days)
    for key, at in (("now", datetime.now(UTC).isoformat()), ("never", "2999-01-01T00:00:00Z")):
        entry = {"device_id": device, "direction": "in", "message_key": f"{device} {key}", "received_at": at}
        database.table("device_publish_log").insert(entry).execute()

    maintain_tables.run()
    assert finished_commands(database, device) == [resources.settings.keep_commands_days - 1]
    rows = database.table("device_publish_log").select("message_key").eq("device_id", device).execute().data
    assert rows == [{"message_key": f"{device} now"}]

    finish(database, device, 1000)
    maintain_tables.run()
    assert 1000 in finished_commands(database, device), "once an hour"
    resources.store.redis.delete(lock_key("maintain_tables"))
    maintain_tables.run()
    assert finished_commands(database, device) == [resources.settings.keep_commands_days - 1]
