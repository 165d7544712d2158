"""The agenda of a device: the answer to its hello, and what follows after each ACK.

The order is: commands that people queued; requests for the images that the device still holds; a request for
a new picture if one is due; and, if the device has nothing to send, the time to wake. The service sends one
request for an image at a time, the next one after the ACK of the last image. At the next hello it plans again
what it could not send before the device went to sleep.
"""

import logging
from datetime import UTC, datetime
from typing import Any

import orjson

from core.clock import to_datetime, to_iso
from core.errors import Transient
from core.store.devices import Hello
from core.store.keys import CaptureRef
from core.supabase import SupabaseGateway
from core.wake import Wake, sleep_command
from tasks.resources import Resources
from tasks.stations.acknowledge import ack

log = logging.getLogger("tasks.agenda")

Message = dict[str, Any]


def answer_from_database(resources: Resources, hello: Hello) -> None:
    """Record the hello and send what the database answers.

    Raises Transient if the database does not answer within HELLO_TIMEOUT_S, CaptureRejected (2205) if it
    refuses the hello.
    """
    device_id, devices = hello.device_id, resources.store.devices
    answer = record(resources, resources.quick, hello)
    wake = devices.remember_wake(device_id, answer["next_wake_at"], answer["timezone"])
    news = answer["commands"] or answer["capture_due"]
    if not news and devices.answered_just_now(device_id):
        # The device sent this hello before the answer to the last one arrived; that answer is still valid.
        devices.answered(device_id)
        return
    devices.plan(device_id, plan(answer, hello, wake_message(resources, device_id, wake)))
    tell_next(resources, device_id)
    devices.answered(device_id)


def answer_from_memory(resources: Resources, device_id: str) -> None:
    """Send the device to sleep until its last known wake; raises Transient.

    Its next hello names again the images that it still holds.
    """
    devices = resources.store.devices
    tell(resources, device_id, wake_message(resources, device_id, devices.last_wake(device_id)))
    devices.answered(device_id)


def plan(answer: dict[str, Any], hello: Hello, wake: Message) -> list[Message]:
    """Return the device's messages in order; `answer` is that of `record_hello`, `wake` lets it sleep."""
    device_id, commands = hello.device_id, answer["commands"]
    messages = [_message(command) for command in commands if command["type"] != "next_wake"]
    asked = {message.get("send_image") for message in messages}
    names = [name for name in hello.status.pending_list if name not in asked]
    messages += [{"device_id": device_id, "send_image": name} for name in names]
    if answer["capture_due"]:
        messages.append({"device_id": device_id, "capture_image": True})
    # The ACK of an image carries the next wake, but only as a time of day. A commanded wake may be days away,
    # so it needs a message of its own.
    if not any(map(asks_for_image, messages)) or any(command["type"] == "next_wake" for command in commands):
        messages.append(wake)
    return messages


def asks_for_image(message: Message) -> bool:
    """Return whether the device answers this message with an image and then waits for its ACK."""
    return "send_image" in message or "capture_image" in message


def acknowledge(resources: Resources, ref: CaptureRef) -> bool:
    """Send the ACK of a capture, with the next wake as it is known now; raises Transient.

    A sealed `ref` is what has just been recorded, an open one repeats the ACK of what is. Returns False if no
    ACK was sent, because the device may have another image of that name.
    """
    store, device_id, context = (
        resources.store,
        ref.device_id,
        {"device": ref.device_id, "capture": ref.image_name},
    )
    if not store.captures.may_acknowledge(ref):
        log.info("not acknowledged: the device may have another image of that name", extra=context)
        return False
    wake, now = store.devices.last_wake(device_id), to_datetime(store.now())
    body = ack(device_id, ref.image_name, wake, now, resources.settings.default_wake_minutes)
    resources.publisher.send(device_id, "ack", body)
    log.info("acknowledged", extra=context)
    return True


def tell_next(resources: Resources, device_id: str) -> None:
    """Send the next messages of the agenda, up to the first that asks for an image; raises Transient."""
    while message := resources.store.devices.next_message(device_id):
        tell(resources, device_id, message)
        if asks_for_image(message):
            return


def tell_now(resources: Resources, commands: list[dict[str, Any]]) -> None:
    """Send claimed commands to devices that are awake; a command that cannot be sent is queued again.

    Raises Transient or CaptureRejected (2205) if the database does not take it back.
    """
    for command in commands:
        device_id = command["device_id"]
        try:
            tell(resources, device_id, _now(resources, command))
        except Transient as error:
            log.warning("command given back: %s", error, extra={"device": device_id})
            _finish(resources, command, "queued")
        except (KeyError, TypeError, ValueError) as error:
            # The database has checked it; this is for one that slips through, so that it stops no other.
            log.error("command not sent: %s", error, extra={"device": device_id})
            _finish(resources, command, "failed", f"cannot be sent: {error}")


def tell(resources: Resources, device_id: str, message: Message) -> None:
    """Publish one command; raises Transient."""
    resources.publisher.send(device_id, "cmd", orjson.dumps(message))


def wake_message(resources: Resources, device_id: str, wake: Wake) -> Message:
    """Return the command to sleep until `wake`."""
    return sleep_command(device_id, wake, to_datetime(resources.store.now()), resources.settings)


def record(resources: Resources, supabase: SupabaseGateway, hello: Hello, **more: Any) -> Any:
    """Record a hello, and with it the ACKs of which it tells whether they have worked; return the answer.

    Raises Transient or CaptureRejected (2205).
    """
    device_id, devices = hello.device_id, resources.store.devices
    acks = devices.acks(device_id, hello.received_at_ms)
    times = {"received_at": to_iso(hello.received_at_ms), "at": to_iso(resources.store.now())}
    answer = supabase.call("record_hello", p_hello={**hello.to_json(), **times, "acks": acks, **more})
    devices.forget_acks(device_id, acks)
    return answer


def _now(resources: Resources, command: dict[str, Any]) -> Message:
    if command["type"] != "next_wake":
        return _message(command)
    device_id, time = command["device_id"], datetime.fromisoformat(command["payload"]["next_wake"])
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    wake = Wake(time, resources.store.devices.last_wake(device_id).timezone)
    return wake_message(resources, device_id, wake)


def _finish(resources: Resources, command: dict[str, Any], status: str, reason: str | None = None) -> None:
    p = {"command_id": command["command_id"], "status": status, "reason": reason}
    resources.supabase.call("finish_command", p=p)


def _message(command: dict[str, Any]) -> Message:
    payload: Message = command["payload"]
    match command["type"]:
        case "capture_image":
            return {"device_id": command["device_id"], "capture_image": True}
        case "send_image":
            return {"device_id": command["device_id"], "send_image": payload["image_name"]}
        case _:  # custom: the payload goes to the device unchanged, for future firmware
            return payload
