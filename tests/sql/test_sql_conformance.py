"""What the service examines of devices, and what companies are told of it."""

from datetime import UTC, datetime, timedelta

import pytest
from sql_backends import Backend, Row

NOW = datetime.now(UTC)


def say(backend: Backend, device: str, *statuses: str, **changes: object) -> None:
    """Put hellos with these words into the log, a minute apart, the last of them now."""
    for place, word in enumerate(statuses):
        at = (NOW - timedelta(minutes=len(statuses) - 1 - place)).isoformat()
        backend.service.insert("device_publish_log", {
            "device_id": device, "direction": "in", "topic": f"ESP32CAM/{device}/status", "received_at": at,
            "message_key": f"{device} {word}", "payload": {"status": word}, **changes,
        })  # fmt: skip
    backend.service.update("devices", {"last_seen_at": NOW.isoformat()}, device_id=device)


def due(backend: Backend, device: str) -> Row | None:
    """What is to be examined of a device. What other tests have left comes a hundred at a time, and is examined before."""
    while True:
        all_due = backend.service.rpc("messages_to_examine", p_limit=100, p_messages=2)
        mine = next((one for one in all_due if one["device_id"] == device), None)
        if mine is not None or len(all_due) < 100:
            return mine
        others = [each for one in all_due for each in found(one["device_id"], one["company_id"])]
        backend.service.rpc("record_conformance", p_found=others)


def found(device: str, company: str, *rules: str) -> list[Row]:
    deviations = [{"rule": rule, "grade": "dialect", "count": 1, "example": "{}"} for rule in rules]
    told = {"since": NOW.isoformat(), "hellos": 2, "pictures": 1, "deviations": deviations}
    return [{"device_id": device, "company_id": company, **told}]


def test_the_latest_messages_are_examined_and_the_company_is_told(backend: Backend) -> None:
    company, admin, device = backend.company()
    viewer = backend.member(company, "viewer")
    assert due(backend, device) is None, "it was not heard yet"
    say(backend, device, "first", "second", "third")
    asked = due(backend, device)
    assert asked is not None
    assert asked["company_id"] == company
    assert [message["payload"]["status"] for message in asked["messages"]] == ["second", "third"]

    backend.service.rpc("record_conformance", p_found=found(device, company, "status word"))
    told = viewer.session.rpc("console_device_checks", p_device=device)["firmware"]
    assert [one["rule"] for one in told["deviations"]] == ["status word"]
    assert (told["hellos"], told["pictures"]) == (2, 1)
    assert due(backend, device) is None, "once an hour"
    # An hour later it is due again, if it was heard since.
    for ago, is_due in ((timedelta(hours=2), True), (timedelta(minutes=-1), False)):
        backend.service.update(
            "device_conformance", {"examined_at": (NOW - ago).isoformat()}, device_id=device
        )
        assert (due(backend, device) is not None) is is_due
    backend.service.rpc("record_conformance", p_found=found(device, company))
    assert admin.session.rpc("console_device_checks", p_device=device)["firmware"]["deviations"] == []


def test_what_a_device_said_before_is_nobody_elses(backend: Backend) -> None:
    company, admin, device = backend.company()
    other, newcomer, _ = backend.company()
    say(backend, device, "private")
    backend.service.rpc("record_conformance", p_found=found(device, company, "status word"))
    backend.service.update("devices", {"company_id": other}, device_id=device)
    backend.service.update("devices", {"last_seen_at": NOW.isoformat()}, device_id=device)
    assert newcomer.session.rpc("console_device_checks", p_device=device)["firmware"] is None
    assert newcomer.session.rows("device_conformance") == []
    asked = due(backend, device)
    assert asked is not None
    assert (asked["company_id"], asked["messages"]) == (other, [])
    # What was examined for the company before comes too late.
    backend.service.rpc("record_conformance", p_found=found(device, company, "clock"))
    assert newcomer.session.rows("device_conformance") == []
    backend.service.rpc("record_conformance", p_found=found(device, other))
    assert newcomer.session.rpc("console_device_checks", p_device=device)["firmware"]["deviations"] == []
    assert admin.session.rows("device_conformance") == []


@pytest.mark.parametrize(
    "words",
    ["".join(f"{number:x}" for number in range(9000)), "a" * 20_000],
    ids=["noise", "what packs well"],
)
def test_a_message_that_is_too_long_is_left_out(backend: Backend, words: str) -> None:
    _, _, device = backend.company()
    say(backend, device, "long", payload={"status": words})
    asked = due(backend, device)
    assert asked is not None
    assert asked["messages"] == []
