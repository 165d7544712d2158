"""What a device is at one moment, and what it has counted so far."""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Where a device is in its wake; the waiting states are named for what the device waits for."""

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
    """One MQTT message that a device sends, QoS 1 and not retained."""

    topic: str
    payload: bytes


@dataclass(slots=True)
class Tally:
    """What a device counts over its life; `awake_seconds` are real ones."""

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
