"""Start the listener: `python -m listener`. It stops in good order on SIGTERM and SIGINT."""

import logging
import os
import signal
import socket
import sys
import threading

from core import chunk_store, dispatch, logs, metrics
from core.checks import insist
from core.checks.redis_server import check_redis_servers
from core.chunk_store import ChunkStore
from core.errors import Misconfigured
from core.settings import Settings, SettingsError, load
from listener.connection import BrokerConnection, Deaf
from listener.listen import Listener

log = logging.getLogger("listener")


def main() -> int:
    """Run until stopped; the exit status is 0 on a stop, 1 where a restart is needed, 2 for bad settings."""
    try:
        settings = load(Settings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - logging is not set up without settings
        return 2
    logs.configure(settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    instance = os.environ.get("RENDER_INSTANCE_ID") or f"{socket.gethostname()}{os.getpid()}"
    store = ChunkStore(chunk_store.connect(settings), settings)
    listener = Listener(
        settings, BrokerConnection(settings, instance), store, dispatch.Dispatcher(dispatch.make_app())
    )
    try:
        for trouble in insist(check_redis_servers(settings)):
            log.warning("%s", trouble)
        metrics.serve(settings)
        listener.run(stopping)
    except Misconfigured as error:
        log.critical("%s", error)
        return 2
    except Deaf as error:
        log.critical("%s; exiting, so that the platform starts this listener anew", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
