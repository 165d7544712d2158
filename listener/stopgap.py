"""What the listener does while Redis refuses every write: devices must not wait awake for its memory.

Hellos are answered here, with the last known wake, which can still be read. Metadata waits in this process,
so that no ACK is sent for the last picture of a name once its device has a new one. Chunks are turned away.
"""

from collections.abc import Iterable
from typing import Final

import orjson

from core.clock import Clock, to_datetime
from core.errors import Transient
from core.settings import ListenerSettings
from core.store.devices import DeviceStore
from core.wake import Wake, sleep_command
from listener.connection import BrokerConnection, Received
from listener.receive import Receiver
from operate import metrics

KEPT_MESSAGES: Final = 2_000
KEPT_BYTES: Final = 4 * 2**20


class Stopgap:
    """Takes the messages that Redis refuses."""

    def __init__(
        self,
        settings: ListenerSettings,
        connection: BrokerConnection,
        receiver: Receiver,
        devices: DeviceStore,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._receiver = receiver
        self._devices = devices
        self._clock = clock
        self.kept: list[Received] = []

    def take(self, messages: list[Received]) -> None:
        """Answer the hellos, keep the metadata and turn the chunks away; all may be acknowledged."""
        hellos, metadata = self._receiver.pick(messages, self._clock())
        self.answer(hello.device_id for hello in hellos)
        size = sum(len(message.payload) for message in self.kept)
        for message in metadata:
            size += len(message.payload)
            if len(self.kept) < KEPT_MESSAGES and size <= KEPT_BYTES:
                self.kept.append(message)

    def answer(self, devices: Iterable[str]) -> None:
        """Let these devices sleep; their hellos are not recorded."""
        for device_id in devices:
            try:
                wake = self._devices.last_wake(device_id)
            except Transient:
                wake = Wake(None, "UTC")
            command = sleep_command(device_id, wake, to_datetime(self._clock()), self._settings)
            self._connection.tell(device_id, orjson.dumps(command))
            metrics.TURNED_AWAY.labels("hello").inc()
