"""Write what devices send and are told to a file: `fleet record FILE [DEVICE…]`.

The listener goes on hearing all of it. The file holds the pictures themselves, so only its owner can read it;
docs/diagnosis.md says what it is good for. It records until Ctrl-C, or for --minutes, or until it has
--megabytes. It needs the MQTT_* settings of the service. Exit status: 0, 1 if the broker cannot be reached or
the file cannot be written, 2 for wrong usage.
"""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Annotated, Final

import typer

from core.settings import MqttSettings, SettingsError, load
from core.wire import is_device_id
from operate.command import EnvFile, end, read_settings_from, say
from operate.field.recording import Recorded, new_recording
from operate.field.tap import Tap, TapError

# How long it listens on after Ctrl-C: until nothing comes for so long, and at most so long.
QUIET_S: Final = 0.5
LAST_S: Final = 3.0

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    file: Annotated[Path, typer.Argument(help="a new file; compressed if its name ends in .gz")],
    devices: Annotated[
        list[str] | None, typer.Argument(help="only these devices, by the {MAC} of their topics")
    ] = None,
    *,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="end after this time; by default at Ctrl-C")
    ] = None,
    megabytes: Annotated[float, typer.Option(min=0.001, help="end at so many bytes of messages")] = 1000.0,
    env_file: EnvFile = None,
) -> None:
    """Write what devices send and are told to a file."""
    for device in devices or ():
        if not is_device_id(device):
            end(f"this is no id of a device: {device!r}", 2)
    if file.exists():
        end(f"{file} is there already", 2)
    read_settings_from(env_file)
    try:
        with Tap(load(MqttSettings), devices or ()) as tap:
            over = Event()
            # Both end it with a whole file, also where the shell that started it lets it ignore Ctrl-C.
            for ending in (signal.SIGINT, signal.SIGTERM):
                signal.signal(ending, lambda *_: over.set())
            say(f"recording from {tap.address} to {file}" + ("" if minutes else "; Ctrl-C ends it"))
            count, heard = _record(tap, over, file, minutes, megabytes * 1e6)
    except (SettingsError, TapError) as error:
        end(str(error), 1)
    except OSError as error:
        end(f"cannot write {file}: {error.strerror}", 1)
    say(f"{_number(count, 'message')} of {_number(len(heard), 'device')} in {file}")


def _record(tap: Tap, over: Event, file: Path, minutes: float | None, most: float) -> tuple[int, set[str]]:
    """Record until it is over; return the number of messages, and the devices they are of."""
    count, size, heard = 0, 0.0, set[str]()
    with new_recording(file, datetime.now(UTC)) as recording:
        for message in _heard(tap, over, minutes):
            if message is None:
                recording.flush()
                continue
            recording.add(message)
            count, size = count + 1, size + len(message.payload)
            heard.add(message.device_id)
            if size >= most:
                break
    return count, heard


def _heard(tap: Tap, over: Event, minutes: float | None) -> Iterator[Recorded | None]:
    """Yield each message, and None where none comes for a moment, until the time is over or `over` is set."""
    until = time.monotonic() + 60 * minutes if minutes is not None else float("inf")
    while not over.is_set() and (left := until - time.monotonic()) > 0:
        yield tap.hear(min(left, QUIET_S))
    # What was said before Ctrl-C may still be on its way.
    until = min(until, time.monotonic() + LAST_S)
    while time.monotonic() < until and (message := tap.hear(QUIET_S)):
        yield message


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


if __name__ == "__main__":
    app()
