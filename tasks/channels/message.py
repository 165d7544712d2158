"""A message: the events that one channel gets at once, for programs as they are and for people as text."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from core.text import printable

# What a chat service takes at least. The subject of an e-mail is cut to one line.
TITLE_MOST: Final = 120
LINE_MOST: Final = 400


@dataclass(frozen=True)
class Event:
    """An event: `number` gives the order, `body` is the JSON that is delivered, the same at every try."""

    number: int
    body: str = field(repr=False)

    @property
    def content(self) -> dict[str, Any]:
        """The body, parsed."""
        parsed: dict[str, Any] = orjson.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Message:
    """Events for one channel; `target` and `secrets` are secret, `claim` is what the database wants back."""

    channel_id: str
    kind: str
    name: str
    target: str | None = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    is_member: bool
    is_probe: bool
    claim: str
    events: tuple[Event, ...]

    @classmethod
    def of(cls, row: dict[str, Any]) -> "Message":
        """Make a message of a row that `claim_deliveries` returns."""
        events = tuple(Event(**event) for event in row["events"])
        return cls(**{**row, "events": events, "secrets": tuple(row["secrets"])})


def title(message: Message) -> str:
    """Return the message in one line, for people."""
    lines = [_headline(event.content) for event in message.events]
    text = lines[0] if len(lines) == 1 else f"{len(lines)} messages: {lines[0]}"
    return _cut(text, TITLE_MOST)


def text(message: Message) -> str:
    """Return the message for people: a paragraph for each event."""
    return "\n\n".join(_paragraph(event.content) for event in message.events)


def _headline(event: dict[str, Any]) -> str:
    say = _SENTENCES.get(event["type"])
    sentence = say(event) if say else event["type"]
    # An alert's own sentence says of which device it is.
    where = "" if "alert" in event else event.get("device_name") or event.get("device_id")
    return f"{where}: {sentence}" if where else sentence


def _paragraph(event: dict[str, Any]) -> str:
    device = event.get("device_name") and event.get("device_id")
    about = [
        event["at"],
        *(f"{name} {value}" for name, value in (("device", device), ("site", event.get("site"))) if value),
    ]
    return f"{_cut(_headline(event), LINE_MOST)}\n{_cut(', '.join(about), LINE_MOST)}"


def _cut(text: str, most: int) -> str:
    text = printable(" ".join(text.split()))
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _alert(prefix: str) -> Callable[[dict[str, Any]], str]:
    def say(event: dict[str, Any]) -> str:
        alert = event.get("alert", {})
        return f"{prefix}{alert.get('message') or alert.get('kind', 'alert')}"

    return say


def _stored(event: dict[str, Any]) -> str:
    return f"picture {event['capture']['image_name']} is stored"


def _failed(event: dict[str, Any]) -> str:
    return f"picture {event['capture']['image_name']} has failed (error {event['capture']['error_code']})"


def _partial(event: dict[str, Any]) -> str:
    capture = event["capture"]
    rows = f"{capture['partial_rows']} of {capture['height']} rows"
    return f"of picture {capture['image_name']}, which has failed, {rows} came"


def _finished(event: dict[str, Any]) -> str:
    command = event["command"]
    reason = f" ({command['reason']})" if command.get("reason") else ""
    return f"command {command['type']}: {command['status']}{reason}"


_SENTENCES: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "alert.opened": _alert(""),
    "alert.repeated": _alert("Still: "),
    "alert.acknowledged": _alert("Acknowledged: "),
    "alert.resolved": _alert(""),
    "capture.stored": _stored,
    "capture.failed": _failed,
    "capture.partial": _partial,
    "device.first_seen": lambda _: "heard for the first time",
    "command.finished": _finished,
    "channel.test": lambda _: "This is a test: the channel works.",
}
