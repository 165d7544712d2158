"""The plan of what a device is told after its hello; without any answer it would stay awake."""

import pytest

from core.store.devices import Hello
from core.wire import Status
from tasks.agenda import plan

WAKE = {"device_id": "A", "next_wake": "2025-10-07T16:48:00Z"}
CAPTURE = {"device_id": "A", "capture_image": True}
LED = {"device_id": "A", "led": "on"}


def send(name):
    return {"device_id": "A", "send_image": name}


def command(kind, **payload):
    return {"command_id": "c", "device_id": "A", "type": kind, "payload": payload}


WAKE_COMMAND = command("next_wake", next_wake="2025-10-07T16:48:00Z")


@pytest.mark.parametrize(
    ("commands", "pending", "due", "messages"),
    [
        ([], [], False, [WAKE]),
        ([], [], True, [CAPTURE]),
        ([], ["a.jpg", "b.jpg"], False, [send("a.jpg"), send("b.jpg")]),
        ([], ["a.jpg"], True, [send("a.jpg"), CAPTURE]),
        ([command("custom", **LED)], [], False, [LED, WAKE]),
        ([command("custom", **LED)], ["a.jpg"], False, [LED, send("a.jpg")]),
        ([command("capture_image")], [], False, [CAPTURE]),
        ([command("send_image", image_name="b.jpg")], ["a.jpg", "b.jpg"], False, [send("b.jpg"), send("a.jpg")]),
        ([WAKE_COMMAND], [], False, [WAKE]),
        ([WAKE_COMMAND], ["a.jpg"], True, [send("a.jpg"), CAPTURE, WAKE]),
        ([WAKE_COMMAND, command("custom", **LED)], [], False, [LED, WAKE]),
    ],
)  # fmt: skip
def test_a_device_is_told_what_to_do_or_when_to_wake(commands, pending, due, messages):
    hello = Hello.of(Status("A", None, "Alive", len(pending), tuple(pending)), 0)
    assert plan({"commands": commands, "capture_due": due}, hello, WAKE) == messages
