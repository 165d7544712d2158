"""The keeper of a process: a thread that renews what the process holds in Redis while its holders work.

So a lease or a lock may be short: it runs out soon after its process has died, and never under a holder that
only takes long.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from core.errors import Transient

log = logging.getLogger("keeper")

RENEW_EVERY_S: Final = 1.0

Renewal = Callable[[], bool]


class Keeper:
    """Calls renewals each `every_s` seconds (s); its thread ends when there is nothing to renew."""

    def __init__(self, every_s: float = RENEW_EVERY_S) -> None:
        self._every_s = every_s
        self._renewals: dict[object, Renewal] = {}
        self._lock = threading.Lock()
        self._running = False

    @contextmanager
    def keeping(self, renew: Renewal) -> Iterator[None]:
        """Renew during the block, until `renew` returns False because nothing is held any more."""
        token = object()
        self._add(token, renew)
        try:
            yield
        finally:
            self._drop(token)

    def until_done(self, act: Callable[[], None]) -> None:
        """Call `act` again and again, until it raises no Transient."""

        def again() -> bool:
            act()
            return False

        self._add(object(), again)

    def _add(self, token: object, renew: Renewal) -> None:
        with self._lock:
            self._renewals[token] = renew
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="keeper", daemon=True).start()

    def _drop(self, token: object) -> None:
        with self._lock:
            self._renewals.pop(token, None)

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            pause.wait(self._every_s)
            with self._lock:
                if not self._renewals:
                    self._running = False
                    return
                renewals = list(self._renewals.items())
            for token, renew in renewals:
                try:
                    if not renew():
                        self._drop(token)
                except Transient as error:
                    log.warning("not renewed, trying again: %s", error)
                except Exception:
                    log.exception("not renewed")
                    self._drop(token)
