"""The agenda of a device: the answer to its hello, and what follows after each ACK.

The order is: commands that people queued; the images that the device still holds, one after the other; a new
picture if one is due; and, where the device has nothing to send, when to wake. What makes the device send an
image is told one at a time, the next one after the ACK of the last. What is not told before the device sleeps
comes up again at its next hello.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

import orjson

from core.clock import to_datetime, to_iso
from core.errors import Transient
from core.store.devices import Hello, Wake
from tasks.resources import Resources
from tasks.stations.acknowledge import next_wake

log = logging.getLogger("tasks.agenda")

Message = dict[str, Any]


def answer_from_database(resources: Resources, hello: Hello) -> None:
    """Record the hello and do what the database says; raises Transient, soon, where it does not answer."""
    device_id, devices = hello.device_id, resources.store.devices
    answer = resources.quick.call("record_hello", p_hello=hello_row(resources, hello))
    wake = devices.remember_wake(device_id, answer["next_wake_at"], answer["timezone"])
    news = answer["commands"] or answer["capture_due"]
    if not news and devices.answered_just_now(device_id):
        # The hello has crossed with the answer to the last one, which still holds.
        devices.answered(device_id)
        return
    devices.plan(device_id, plan(answer, hello, wake_message(resources, device_id, wake)))
    tell_next(resources, device_id)
    devices.answered(device_id)


def answer_from_memory(resources: Resources, device_id: str) -> None:
    """Let the device sleep until the wake that is known: it offers later what it holds. Raises Transient."""
    devices = resources.store.devices
    tell(resources, device_id, wake_message(resources, device_id, devices.last_wake(device_id)))
    devices.answered(device_id)


def plan(answer: dict[str, Any], hello: Hello, wake: Message) -> list[Message]:
    """Order what the device shall be told; `answer` is that of `record_hello`, `wake` lets it sleep."""
    device_id, commands = hello.device_id, answer["commands"]
    messages = [_message(command) for command in commands if command["type"] != "next_wake"]
    asked = {message.get("send_image") for message in messages}
    names = [name for name in hello.status.pending_list if name not in asked]
    messages += [{"device_id": device_id, "send_image": name} for name in names]
    if answer["capture_due"]:
        messages.append({"device_id": device_id, "capture_image": True})
    # The ACK of an image carries the next wake. A wake that was commanded may be days away, which the clock
    # time in an ACK cannot say.
    if not any(map(asks_for_image, messages)) or any(command["type"] == "next_wake" for command in commands):
        messages.append(wake)
    return messages


def asks_for_image(message: Message) -> bool:
    """Say whether the device will answer this with an image, and then wait for its ACK."""
    return "send_image" in message or "capture_image" in message


def tell_next(resources: Resources, device_id: str) -> None:
    """Tell the device what comes next on its agenda, up to what it answers with an image."""
    while message := resources.store.devices.next_message(device_id):
        tell(resources, device_id, message)
        if asks_for_image(message):
            return


def tell_now(resources: Resources, commands: list[dict[str, Any]]) -> None:
    """Tell devices that are awake the commands claimed for them; what cannot be told goes back."""
    for command in commands:
        device_id = command["device_id"]
        try:
            if command["type"] == "next_wake":
                time = datetime.fromisoformat(command["payload"]["next_wake"])
                wake = Wake(time, resources.store.devices.last_wake(device_id).timezone)
                tell(resources, device_id, wake_message(resources, device_id, wake))
            else:
                tell(resources, device_id, _message(command))
        except Transient as error:
            log.warning("command given back: %s", error, extra={"device": device_id})
            resources.supabase.call(
                "finish_command", p={"command_id": command["command_id"], "status": "queued"}
            )


def tell(resources: Resources, device_id: str, message: Message) -> None:
    """Publish one command; raises Transient."""
    resources.publisher.send(device_id, "cmd", orjson.dumps(message))


def wake_message(resources: Resources, device_id: str, wake: Wake) -> Message:
    """Make the command that lets a device sleep; where no wake to come is known, for DEFAULT_WAKE_MINUTES."""
    settings, now = resources.settings, to_datetime(resources.store.now())
    time = wake.at if wake.at and wake.at > now else now + timedelta(minutes=settings.default_wake_minutes)
    return {"device_id": device_id} | next_wake(time, wake.timezone, now, settings.mqtt_next_wake_format)


def hello_row(resources: Resources, hello: Hello) -> dict[str, Any]:
    """Give a hello as `record_hello` takes it, with the service's clock as `at`."""
    times = {"received_at": to_iso(hello.received_at_ms), "at": to_iso(resources.store.now())}
    return hello.to_json() | times


def _message(command: dict[str, Any]) -> Message:
    payload: Message = command["payload"]
    match command["type"]:
        case "capture_image":
            return {"device_id": command["device_id"], "capture_image": True}
        case "send_image":
            return {"device_id": command["device_id"], "send_image": payload["image_name"]}
        case _:  # custom: its payload goes to the device as it is, for firmware to come
            return payload
