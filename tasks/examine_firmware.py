"""The task that finds in what devices deviate from docs/protocol.md, for the companies whose they are.

It reads the log in the database, as `fleet conformance` does: hellos and metadata. What deviates
in chunks and in the conversation, a recording shows.
"""

from datetime import datetime
from typing import Any, Final

from core import dispatch
from operate.field.examine import examine, worst_first
from operate.field.logged import logged
from operate.field.rules import RULES
from tasks.app import app
from tasks.periodic import periodic

# Its turn lasts so long after a run, and is over before beat sends the next message.
EVERY_S: Final = 5.0
# Of so many devices so many messages are examined in a run: 1,800 devices an hour, each once an hour at most.
DEVICES: Final = 5
MESSAGES: Final = 200


@periodic(dispatch.EXAMINE_FIRMWARE, every_s=EVERY_S, put_off="firmware not examined yet")
def examine_firmware() -> None:
    """Examine those for which that was done the longest ago; a run that dies leaves them for the next."""
    supabase = app.resources.supabase
    due = supabase.call("messages_to_examine", p_limit=DEVICES, p_messages=MESSAGES)
    if due:
        supabase.call("record_conformance", p_found=[found_of(device) for device in due])


def found_of(device: dict[str, Any]) -> dict[str, Any]:
    """Return what the messages of a device deviate in, as `record_conformance` takes it."""
    messages = device["messages"]
    since = messages[0]["received_at"] if messages else None
    began_at = datetime.fromisoformat(since) if since else datetime.min
    report = examine(logged(device["device_id"], messages, began_at), began_at)
    return {
        "device_id": device["device_id"],
        "company_id": device["company_id"],
        "since": since,
        "hellos": report.hellos,
        "pictures": report.pictures,
        "deviations": [
            {
                "rule": rule,
                "grade": RULES[rule].grade,
                "count": count,
                "example": report.examples[rule].text,
            }
            for rule, count in worst_first(report)
        ],
    }
