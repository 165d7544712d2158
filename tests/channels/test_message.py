"""How events read for people."""

import pytest
from receivers import event, message

from tasks.channels.message import TITLE_MOST, text, title

CAPTURE = {"image_name": "image_7.jpg", "error_code": 2201}


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("alert.opened", {"alert": {"message": "gate is silent."}}, "gate is silent."),
        ("alert.repeated", {"alert": {"message": "gate is silent."}}, "Still: gate is silent."),
        ("alert.acknowledged", {"alert": {"message": "gate is silent."}}, "Acknowledged: gate is silent."),
        ("alert.resolved", {"alert": {"message": "Resolved: gate is silent."}}, "Resolved: gate is silent."),
        ("alert.opened", {"alert": {"kind": "storage"}, "device_id": None, "device_name": None}, "storage"),
        ("capture.stored", {"capture": CAPTURE}, "gate: picture image_7.jpg is stored"),
        ("capture.failed", {"capture": CAPTURE}, "gate: picture image_7.jpg has failed (error 2201)"),
        (
            "capture.partial",
            {"capture": CAPTURE | {"partial_rows": 300, "height": 600}},
            "gate: of picture image_7.jpg, which has failed, 300 of 600 rows came",
        ),
        ("device.first_seen", {"device_name": None}, "AABBCC: heard for the first time"),
        (
            "command.finished",
            {"command": {"type": "capture_image", "status": "expired", "reason": "deadline passed"}},
            "gate: command capture_image: expired (deadline passed)",
        ),
        ("channel.test", {"device_id": None, "device_name": None}, "This is a test: the channel works."),
        ("something.new", {}, "gate: something.new"),
    ],
)
def test_an_event_in_a_line(kind, fields, expected):
    sent = message("x", event(kind, **fields))
    assert title(sent) == expected
    assert text(sent).startswith(expected)


def test_several_events_are_one_message():
    first, second = (event("alert.opened", n, alert={"message": f"message {n}"}) for n in (1, 2))
    sent = message("x", first, second)
    assert title(sent) == "2 messages: message 1"
    assert text(sent) == (
        "message 1\n2026-01-05T12:00:00.000Z, device AABBCC, site north\n\n"
        "message 2\n2026-01-05T12:00:00.000Z, device AABBCC, site north"
    )


def test_names_of_others_show_as_they_are_and_stay_in_their_line():
    hostile = event(
        "device.first_seen", device_name="x\r\nBcc: all@example.com\x1b[31m\u202egnp", site="y" * 1000
    )
    sent = message("x", hostile)
    assert "\n" not in title(sent)
    assert title(sent) == "x Bcc: all@example.com\\x1b[31m\\u202egnp: heard for the first time"
    assert max(map(len, text(sent).splitlines())) <= 400
    assert len(title(message("x", event("device.first_seen", device_name="x" * 1000)))) == TITLE_MOST


def test_nothing_secret_is_in_what_is_logged_of_a_message():
    shown = repr(message("https://example.com/s3cret", event(site="hidden")))
    assert "s3cret" not in shown
    assert "whsec_" not in shown
    assert "hidden" not in shown
