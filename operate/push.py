"""Pushes the metrics of this process to where somebody can read them, from hosts on which nobody can scrape.

What METRICS_PUSH_URL names speaks the protocol of Prometheus' Pushgateway. The thread here waits for nobody,
and nobody for it: a receiver that is away or hangs costs what it was not told, and no message of a device.
"""

import atexit
import http.client
import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from prometheus_client import REGISTRY, delete_from_gateway, push_to_gateway
from prometheus_client.exposition import basic_auth_handler
from pydantic import SecretStr

log = logging.getLogger("metrics")

EVERY_S: Final = 15.0
TIMEOUT_S: Final = 5.0


class Push:
    """Pushes every `every_s` seconds as job `fleet`, with the name of the process and of its instance.

    The first failure after a success is logged, and so is the first success after a failure.
    """

    def __init__(self, url: SecretStr, process: str, every_s: float = EVERY_S) -> None:
        parts = urlsplit(url.get_secret_value())
        self._gateway = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password or "")
        instance = os.environ.get("RENDER_INSTANCE_ID") or f"{socket.gethostname()}-{os.getpid()}"
        self._key = {"process": process, "instance": instance}
        self._every_s = every_s
        self._failing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="push", daemon=True)

    def start(self) -> None:
        """Begin, and end with the process."""
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Take back what was told, since a Pushgateway would repeat it for ever; wait for that a moment."""
        self._stopping.set()
        self._thread.join(TIMEOUT_S)
        atexit.unregister(self.stop)

    def _run(self) -> None:
        self._try(self._tell)
        while not self._stopping.wait(self._every_s):
            self._try(self._tell)
        self._try(self._take_back)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except (OSError, http.client.HTTPException, ValueError) as error:
            if not self._failing:
                log.warning("METRICS_PUSH_URL takes no metrics, trying on: %s", error)
            self._failing = True
        else:
            if self._failing:
                log.info("METRICS_PUSH_URL takes metrics again")
            self._failing = False

    def _tell(self) -> None:
        push_to_gateway(self._gateway, "fleet", REGISTRY, self._key, TIMEOUT_S, self._sender)

    def _take_back(self) -> None:
        delete_from_gateway(self._gateway, "fleet", self._key, TIMEOUT_S, self._sender)

    def _sender(
        self, url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
    ) -> Callable[[], None]:
        send: Callable[[], None] = basic_auth_handler(
            url, method, timeout, headers, data, self._username, self._password
        )
        return send
