"""What dead listeners have left at the broker: one that lives takes it over.

A session outlives its listener, so that nothing is lost, and the broker may even keep handing messages of a
shared group to it. Where no listener comes back under its client id, nobody would ever read them. So the
living listener with the first name connects under that client id, unsubscribes, reads what is left, and ends
the session. See docs/adr/0009-sessions.md.
"""

import logging
import time
from contextlib import suppress
from typing import Final

from core import mqtt
from core.clock import Clock
from core.errors import Misconfigured, Transient
from core.settings import ListenerSettings
from core.store.listeners import Heartbeat, Listeners
from listener.connection import BrokerConnection, Deaf, Received

log = logging.getLogger("listener")

LOOK_EVERY_S: Final = 0.5
# A listener is taken for dead if it is found so for this long: after an outage of Redis all seem to be dead.
SURE_AFTER_S: Final = 5.0
AGAIN_AFTER_S: Final = 60.0


class Sessions:
    """The sessions of all listeners, as one of them sees them."""

    def __init__(
        self, settings: ListenerSettings, listeners: Listeners, client_id: str, clock: Clock
    ) -> None:
        self._settings = settings
        self._listeners = listeners
        self._client_id = client_id
        self._clock = clock
        self.name = f"{client_id}@{clock():x}"
        self._beats: list[Heartbeat] = []
        self._look_at = 0.0
        self._dead: Heartbeat | None = None
        self._sure_at = 0.0
        self._heir: BrokerConnection | None = None

    def superseded(self) -> bool:
        """Whether a younger listener has this one's session, as in a deployment."""
        self._look()
        return any(beat.alive(self._clock()) and beat.name > self.name for beat in self._own())

    def others_alive(self) -> bool:
        """Whether another listener, which the broker has served, takes what it has for this group."""
        self._look()
        return any(beat.serves(self._clock()) and beat.client_id != self._client_id for beat in self._beats)

    def end(self) -> None:
        """End the own session, which is empty."""
        self._end(self._client_id)

    def read(self) -> list[Received]:
        """Return what has arrived from the session of a dead listener."""
        dead = self._next_dead()
        if dead is None:
            self._let_go()
            return []
        if self._heir is None:
            log.warning("the listener %s is dead; taking over what it has left", dead.client_id)
            self._heir = BrokerConnection(self._settings, dead.client_id, self._clock, inherits=True)
        try:
            messages = self._heir.read(0)
        except (Deaf, Misconfigured) as error:
            log.error("what the listener %s has left is out of reach: %s", dead.client_id, error)
            self._let_go()
            self._sure_at = time.monotonic() + AGAIN_AFTER_S
            return []
        if not messages and self._heir.connected and self._heir.heard_until_ms:
            # Its ping has come back, and with it everything before.
            self._let_go()
            self._end(dead.client_id)
            log.warning("taken over: what the listener %s had left", dead.client_id)
        return messages

    def puback(self, messages: list[Received]) -> None:
        """Send the PUBACKs of what was read."""
        if self._heir:
            self._heir.puback(messages)

    def tend(self) -> None:
        """Keep the connection alive while no PUBACK may be sent."""
        if self._heir:
            self._heir.tend()

    def _look(self) -> None:
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_EVERY_S
            with suppress(Transient):  # what was seen last holds on
                self._beats = self._listeners.all()

    def _own(self) -> list[Heartbeat]:
        return [beat for beat in self._beats if beat.client_id == self._client_id]

    def _next_dead(self) -> Heartbeat | None:
        """Return the listener to take over from, if it is this one's turn."""
        self._look()
        now = self._clock()
        living = [beat.client_id for beat in self._beats if beat.serves(now)]
        dead = next((beat for beat in self._beats if not beat.alive(now)), None)
        if not living or min(living) != self._client_id or dead is None:
            self._dead = None
        elif self._dead != dead:
            self._dead, self._sure_at = dead, time.monotonic() + SURE_AFTER_S
        return self._dead if time.monotonic() >= self._sure_at else None

    def _let_go(self) -> None:
        if self._heir:
            self._heir.close()
            self._heir = None

    def _end(self, client_id: str) -> None:
        self._beats = [beat for beat in self._beats if beat.client_id != client_id]
        try:
            mqtt.end_session(self._settings, client_id)
            self._listeners.forget(client_id)
        except (OSError, Transient) as error:
            log.warning("the session %s is not ended: %s", client_id, error)
