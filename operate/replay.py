"""Play a recording against a broker: `fleet replay FILE [--speed 10] [--as DEVICE]`.

What the devices sent is sent again, in its order and with its pauses, whatever is answered; what the service
answers is counted beside what it answered then. The broker is the one of MQTT_*, a test's, say: a service
that has the pictures already takes them for repeats, which they are. Exit status: 0, 1 if the broker cannot
be reached, 2 for wrong usage or a file that is no recording.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from paho.mqtt.client import MQTTMessageInfo

from core.errors import Transient, WireError
from core.mqtt import wait_for_puback
from core.settings import MqttSettings, SettingsError, load
from core.wire import is_device_id, split_topic, topic
from operate.command import EnvFile, end, read_settings_from, say
from operate.field.recording import Recorded, Recording, RecordingError
from operate.field.tap import TO_DEVICES, Tap, TapError

# The messages that may wait for the broker's confirmation, so that memory stays bounded at full speed.
IN_FLIGHT: Final = 200
CONFIRMED_WITHIN_S: Final = 30.0
ANSWERS: Final = ("ACK_OK", "missing_chunks", "send_image", "capture_image", "next_wake")

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    file: Annotated[Path, typer.Argument(help="a recording of `fleet record`")],
    *,
    device: Annotated[str | None, typer.Option(help="only this device of the recording")] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="under this device id, if the messages are of one device")
    ] = None,
    speed: Annotated[float, typer.Option(min=0, help="10 is ten times as fast; 0 is without pauses")] = 1.0,
    wait: Annotated[
        float, typer.Option(min=0, help="seconds to wait at the end for answers still missing")
    ] = 10.0,
    env_file: EnvFile = None,
) -> None:
    """Send again what devices sent, and count the answers."""
    if name and not is_device_id(name):
        end(f"this is no id of a device: {name!r}", 2)
    read_settings_from(env_file)
    try:
        recording = Recording(file)
        devices, then = _survey(recording, device)
        if not devices:
            end(f"{file} holds no messages of {device or 'a device'}", 2)
        if name and len(devices) > 1:
            end(f"--as is for one device, and {file} holds {len(devices)}: choose one with --device", 2)
        names = {one: name or one for one in devices}
        with Tap(load(MqttSettings), list(names.values()), TO_DEVICES) as tap:
            say(f"playing {file} against {tap.address}")
            sent = _play(tap, _messages(recording, names), speed)
            now = _answers(tap, set(names.values()), then["ACK_OK"], wait)
    except RecordingError as error:
        end(str(error), 2)
    except (SettingsError, TapError, Transient) as error:
        end(str(error), 1)
    say(f"{sent:,} messages sent" + ("; the recording ends within a message" if recording.cut_off else ""))
    for answer in ANSWERS:
        if then[answer] or now[answer]:
            say(f"{answer}: {now[answer]:,} (recorded: {then[answer]:,})")


def _survey(recording: Recording, device: str | None) -> tuple[list[str], Counter[str]]:
    """Return the devices that sent something, and the answers that they got."""
    devices: dict[str, None] = {}
    answers: Counter[str] = Counter()
    for message in recording:
        if device in (None, message.device_id):
            if _of_a_device(message):
                devices[message.device_id] = None
            answers.update(_answer(message))
    return list(devices), answers


def _messages(recording: Recording, names: dict[str, str]) -> Iterator[Recorded]:
    """Yield what these devices sent, each under its name now."""
    for message in recording:
        now = names.get(message.device_id)
        if now is None or not _of_a_device(message):
            continue
        payload = message.payload
        if now != message.device_id:
            payload = payload.replace(f'"{message.device_id}"'.encode(), f'"{now}"'.encode())
        yield message._replace(topic=topic(now, message.kind), payload=payload)


def _play(tap: Tap, messages: Iterable[Recorded], speed: float) -> int:
    """Publish at the recorded times, `speed` times as fast; return the number once all are confirmed."""
    began, sent, waiting = time.monotonic(), 0, list[MQTTMessageInfo]()
    for message in messages:
        if speed:
            time.sleep(max(0.0, began + message.ms / 1000 / speed - time.monotonic()))
        waiting.append(tap.say(message))
        sent += 1
        if len(waiting) >= IN_FLIGHT:
            wait_for_puback(waiting.pop(0), CONFIRMED_WITHIN_S)
    for info in waiting:
        wait_for_puback(info, CONFIRMED_WITHIN_S)
    return sent


def _answers(tap: Tap, devices: set[str], enough: int, wait_s: float) -> Counter[str]:
    """Count the answers, until there are as many ACKs as there were, or for `wait_s` seconds."""
    answers: Counter[str] = Counter()
    until = time.monotonic() + wait_s
    while answers["ACK_OK"] < enough and (message := tap.hear(until - time.monotonic())):
        if message.device_id in devices:
            answers.update(_answer(message))
    while message := tap.hear(0):
        answers.update(_answer(message))
    return answers


def _of_a_device(message: Recorded) -> bool:
    try:
        split_topic(message.topic)
    except WireError:
        return False
    return True


def _answer(message: Recorded) -> Iterator[str]:
    """Yield what a message tells its device to do; nothing if it is of a device, or unreadable."""
    if message.kind not in TO_DEVICES:
        return
    try:
        fields: Any = orjson.loads(message.payload)
    except orjson.JSONDecodeError:
        return
    if isinstance(fields, dict):
        yield from (answer for answer in ANSWERS if answer in fields)


if __name__ == "__main__":
    app()
