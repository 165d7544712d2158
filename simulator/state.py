"""The states of a device, its messages and its counters."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """The phase of a device; the value of a waiting state says what the device waits for."""

    ASLEEP = "asleep"
    CONNECTING = "connection"
    SENDING = "sending"
    AWAIT_COMMAND = "command after hello"
    AWAIT_ANSWER = "ACK_OK or missing_chunks"
    AWAIT_RELEASE = "answer to a device error"
    LINGERING = "lingering"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message that a device sends with QoS 1 and without the retain flag."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Tally:
    """The counters of a device over the whole run; `awake_seconds` is in real seconds."""

    wakes: int = 0
    hellos: int = 0
    messages: int = 0
    chunks_lost: int = 0
    chunks_repeated: int = 0
    hung: int = 0
    offline: int = 0
    unusable_messages: int = 0
    repeated_acks: int = 0
    awake_seconds: float = 0.0
